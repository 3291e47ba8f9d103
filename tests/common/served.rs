//! `pobatch serve` as a process of its own, with its faults switched on.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::Instant,
};

use rustix::process::{Pid, Signal};

use super::{PATIENCE, front::POLL, machine};

/// A server that does not outlive its test.
pub struct Served {
    child: Child,
    pub url: String,
    /// Where the status page is.
    pub http: String,
    /// Where the admin service is.
    pub admin: String,
}

impl Served {
    pub fn start(arguments: &[&str]) -> Self {
        Self::launch("127.0.0.1:0", arguments, Stdio::null()).expect("it serves")
    }

    /// The same, at an address that a server had before. Meanwhile the port is anybody's: some other test's connection may
    /// have been given it, and keep it for a while.
    pub fn start_at(address: &str, arguments: &[&str]) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(served) = Self::launch(address, arguments, Stdio::null()) {
                return served;
            }
            assert!(Instant::now() < deadline, "{address} does not become free");
        }
    }

    /// The same, and its log goes there.
    pub fn start_logging(arguments: &[&str], log: impl Into<Stdio>) -> Self {
        Self::launch("127.0.0.1:0", arguments, log).expect("it serves")
    }

    /// `None` if it ends before it says where it listens.
    fn launch(address: &str, arguments: &[&str], log: impl Into<Stdio>) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pobatch"))
            .args(["serve", "--faults", "--listen", address])
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program runs");
        let mut reader = BufReader::new(child.stdout.as_mut().expect("its output is piped"));
        let mut lines = String::new();
        for _ in 0..2 {
            reader.read_line(&mut lines).expect("it says where it listens");
        }
        let mut urls = lines
            .split([' ', ',', '\n'])
            .filter(|word| ["http://", "https://", "unix:"].iter().any(|scheme| word.starts_with(scheme)))
            .map(str::to_owned);
        let (Some(url), Some(http), Some(admin)) = (urls.next(), urls.next(), urls.next()) else {
            child.kill().and_then(|()| child.wait()).expect("it can be ended");
            return None;
        };
        Some(Self { child, url, http, admin })
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("not zero");
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Process ids of its runtimes: all are its children.
    pub fn runtimes(&self) -> Vec<u32> {
        machine::children(self.child.id()).into_iter().collect()
    }

    /// What the server itself holds in memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        machine::resident_bytes(self.child.id())
    }

    /// The most that it ever held.
    pub fn resident_peak_bytes(&self) -> u64 {
        machine::resident_peak_bytes(self.child.id())
    }

    pub async fn ended(mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is our child") {
                    return status;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it ends in time")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until none of these processes runs any more. Orphans that nobody reaps count as gone: they are dead.
pub async fn gone(pids: &[u32]) {
    let running = |pid: &&u32| machine::state(**pid).is_some_and(|(state, _)| state != 'Z' && state != 'X');
    let waiting = async {
        while pids.iter().any(|pid| running(&pid)) {
            tokio::time::sleep(POLL).await;
        }
    };
    let over = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(over.is_ok(), "still running: {:?}", pids.iter().filter(running).collect::<Vec<_>>());
}
