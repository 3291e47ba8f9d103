//! Programs that not every machine has: Prometheus, Chromium, `HAProxy`. A test that needs one says so where there is none.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// The program, if it is on the path; says so if it is not.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {name} here (Debian: apt-get install prometheus chromium haproxy)");
    }
    found
}

/// Runs a program to its end.
pub fn run(program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, directory: &Path) -> Output {
    Command::new(program).args(arguments).current_dir(directory).stdin(Stdio::null()).output().expect("it runs")
}

/// The same, and it must succeed.
pub fn succeeds(program: &Path, arguments: &[&str], directory: &Path) {
    let output = run(program, arguments, directory);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {arguments:?}:\n{out}{err}", program.display());
}

/// A program that does not outlive its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
