//! The sandbox, seen from inside a real runtime: acts that the kernel refuses there and grants without a sandbox; and,
//! seen from outside, what a runtime has left.
//!
//! The acts are the sample engine's faults (`pob/sample/trespass.lua`): C calls, as somebody would make them who has
//! broken out of Lua. What Lua itself can reach is in `tests/sandbox_lua.rs`.

mod common;

use std::{fs, net::TcpListener, path::Path};

use common::{WITCH, collect, fault, level, settings, spec, submit_all, with_base};
use pobatch::{
    build::{
        outcome::{Evaluated, FailureReason},
        variation::{ConfigValue, Variation},
    },
    supervisor::{Held, SandboxMode, Settings, Supervisor},
};

/// What came of an act.
#[derive(Debug, PartialEq, Eq)]
enum Result {
    Done,
    /// Refused, with the kernel's word.
    Refused(String),
    /// The runtime did not survive it.
    Death,
}

struct Runtimes {
    supervisor: Supervisor,
    base: Held,
}

impl Runtimes {
    async fn new(sandbox: SandboxMode) -> Self {
        let (supervisor, base) = with_base(Settings { sandbox, ..settings() }, WITCH).await;
        Self { supervisor, base }
    }

    async fn evaluate(&self, variation: Variation) -> Evaluated {
        let session = self.supervisor.open(spec(&self.base)).await.expect("the session opens");
        collect(submit_all(session, [variation]).await).await.remove(0)
    }

    async fn act(&self, name: &str, argument: &str) -> Result {
        let mut variation = fault(name);
        variation.config.insert("faultArgument".into(), ConfigValue::Text(argument.into()));
        match self.evaluate(variation).await.result {
            Ok(_) => Result::Done,
            Err(failure) if failure.reason == FailureReason::RuntimeCrashed => Result::Death,
            Err(failure) => {
                assert_eq!(failure.reason, FailureReason::EngineError, "{failure:?}");
                let word = failure.message.strip_prefix("refused: ");
                Result::Refused(word.unwrap_or_else(|| panic!("{failure:?}")).to_owned())
            }
        }
    }
}

fn refused(word: &str) -> Result {
    Result::Refused(word.into())
}

const LANDLOCK_SAYS: &str = "Permission denied";
const SECCOMP_SAYS: &str = "Operation not permitted";

async fn both() -> (Runtimes, Runtimes) {
    tokio::join!(Runtimes::new(SandboxMode::Require), Runtimes::new(SandboxMode::Off))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of our own is UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_reads_no_file() {
    let (sandboxed, free) = both().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "a secret").unwrap();
    for path in [text(&file), "/etc/passwd", "/proc/self/status", "/proc/1/environ", "/dev/zero"] {
        assert_eq!(sandboxed.act("read_outside", path).await, refused(LANDLOCK_SAYS), "{path}");
    }
    assert_eq!(free.act("read_outside", text(&file)).await, Result::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_lists_no_directory() {
    let (sandboxed, free) = both().await;
    for path in ["/", "/tmp", "/proc"] {
        assert_eq!(sandboxed.act("read_outside", path).await, refused(LANDLOCK_SAYS), "{path}");
        // It is opened, and then there are no bytes to read in a directory.
        assert_eq!(free.act("read_outside", path).await, refused("Is a directory"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_writes_no_file() {
    let (sandboxed, free) = both().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("new");
    assert_eq!(sandboxed.act("write_file", text(&file)).await, refused(SECCOMP_SAYS));
    assert!(!file.exists());
    assert_eq!(free.act("write_file", text(&file)).await, Result::Done);
    assert_eq!(fs::read(&file).unwrap(), b"trespass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_has_no_network() {
    let (sandboxed, free) = both().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    assert_eq!(sandboxed.act("connect", &port).await, refused(SECCOMP_SAYS));
    assert_eq!(free.act("connect", &port).await, Result::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_executes_a_program_is_dead_before_the_program_lives() {
    let (sandboxed, free) = both().await;
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    assert_eq!(sandboxed.act("exec", text(&mark)).await, Result::Death);
    assert!(!mark.exists());
    // Without the sandbox the runtime is lost as well, but the shell has run.
    assert_eq!(free.act("exec", text(&mark)).await, Result::Death);
    assert!(mark.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_evaluates_starts_no_process_and_no_thread() {
    let (sandboxed, free) = both().await;
    assert_eq!(sandboxed.act("fork_bomb", "").await, Result::Death);
    assert_eq!(free.act("fork_bomb", "").await, Result::Done);
    // Threads are refused by another call than forks, or by the same one deadly: which, the C library decides.
    assert!([refused(SECCOMP_SAYS), Result::Death].contains(&sandboxed.act("thread", "").await));
    assert_eq!(free.act("thread", "").await, Result::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_signals_nobody() {
    let (sandboxed, free) = both().await;
    let own = std::process::id().to_string();
    assert_eq!(sandboxed.act("signal", &own).await, refused(SECCOMP_SAYS));
    assert_eq!(free.act("signal", &own).await, Result::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_outside_of_lua_too() {
    let (sandboxed, free) = both().await;
    assert_eq!(sandboxed.act("map_memory", "").await, refused("Cannot allocate memory"));
    assert_eq!(free.act("map_memory", "").await, Result::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_aborts_is_dead_although_it_may_send_no_signal() {
    let sandboxed = Runtimes::new(SandboxMode::Require).await;
    assert_eq!(sandboxed.act("abort", "").await, Result::Death);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_of_a_trespasser_have_the_values_of_a_server_without_sandbox() {
    let (sandboxed, free) = both().await;
    sandboxed.act("exec", "/nowhere").await;
    let inside = sandboxed.evaluate(level(50)).await;
    assert_eq!(common::bits(&inside), common::bits(&free.evaluate(level(50)).await));
}

/// The value of a line of `/proc/PID/status`.
fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
}

/// Process ids of the zygote, of a template and of a shard runtime.
async fn pids(runtimes: &Runtimes) -> Vec<u32> {
    runtimes.evaluate(level(3)).await;
    let status = runtimes.supervisor.status().await.expect("the supervisor lives");
    let shards = status.shards.iter().filter_map(|shard| shard.pid);
    let pids: Vec<_> =
        status.zygote_pids().chain(status.bases.iter().filter_map(|base| base.template_pid)).chain(shards).collect();
    assert!(pids.len() >= 3, "{status:?}");
    pids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_runtime_of_every_role_has_the_walls_around_it() {
    let (sandboxed, free) = both().await;
    for pid in pids(&sandboxed).await {
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        assert_eq!(status(pid, "Seccomp"), "2");
        for set in ["CapInh", "CapPrm", "CapEff"] {
            assert!(status(pid, set).bytes().all(|digit| digit == b'0'), "{set}");
        }
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        for (name, most) in [("Max core file size", "1"), ("Max open files", "64")] {
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), [most, most], "{name}");
        }
    }
    for pid in pids(&free).await {
        assert_eq!(status(pid, "Seccomp"), status(std::process::id(), "Seccomp"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_inherits_nothing_of_its_server() {
    // Left open on purpose, and inherited by whatever this process executes.
    let leak = fs::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let runtimes = Runtimes::new(SandboxMode::Require).await;
    for pid in pids(&runtimes).await {
        assert_eq!(fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
        let (mut sockets, mut journals) = (0, 0);
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
            let entry = entry.unwrap();
            let target = fs::read_link(entry.path()).unwrap();
            match entry.file_name().to_str().unwrap() {
                "0" | "1" => assert_eq!(target, Path::new("/dev/null")),
                "2" => {}
                _ if text(&target).starts_with("socket:") => sockets += 1,
                // Runtimes that evaluate have one.
                _ if text(&target).starts_with("/memfd:pobatch journal") => journals += 1,
                other => panic!("descriptor {other} of {pid} is {}", target.display()),
            }
        }
        assert_eq!(sockets, 1, "{pid}");
        assert!(journals <= 1, "{pid}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_can_read_the_memory_of_its_runtimes() {
    let runtimes = Runtimes::new(SandboxMode::Require).await;
    for pid in pids(&runtimes).await {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        assert!(rollup.contains("Pss:"), "{rollup}");
    }
}
