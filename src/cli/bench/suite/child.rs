//! Other programs that a suite runs: clients of our server, and the baseline. Beside the supervisor's the only place
//! that starts processes; none of them is a runtime.

use std::{
    ffi::OsString,
    process::{Command, Stdio},
};

use crate::cli::CliError;

/// What a program wrote, and how it ended.
pub struct Ended {
    pub stdout: String,
    /// Its exit code; `None`: a signal.
    pub code: Option<i32>,
    /// The last line that it complained with.
    complaint: String,
    command: String,
}

impl Ended {
    /// The error that it did something else than what it was run for.
    pub fn unexpected(&self, problem: &str) -> CliError {
        let problem =
            if self.complaint.is_empty() { problem.to_owned() } else { format!("{problem}: {}", self.complaint) };
        CliError::Other { command: self.command.clone(), problem }
    }
}

/// Runs a program to its end. It has the environment of this one.
pub async fn run(words: Vec<OsString>) -> Result<Ended, CliError> {
    let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let command = shown.join(" ");
    let failed = |problem: String| CliError::Other { command: command.clone(), problem };
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(|| failed("is no command".to_owned()))?;
    let run = move || Command::new(program).args(words).stdin(Stdio::null()).output();
    let ended = tokio::task::spawn_blocking(run).await.map_err(|error| failed(format!("was not run: {error}")))?;
    let ended = ended.map_err(|error| failed(format!("was not run: {error}")))?;
    let complaint = String::from_utf8_lossy(&ended.stderr);
    Ok(Ended {
        stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
        code: ended.status.code(),
        complaint: complaint.lines().last().unwrap_or_default().to_owned(),
        command,
    })
}
