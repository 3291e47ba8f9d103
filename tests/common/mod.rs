//! What the tests share: a supervisor on the sample engine, and ways to hurt its runtimes.
#![allow(dead_code, reason = "not every test file needs all of it")]

pub mod browser;
pub mod chance;
pub mod fleet;
pub mod front;
pub mod guarded;
pub mod machine;
pub mod proxy;
pub mod raw;
pub mod scrape;
pub mod served;
pub mod tools;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pobatch::{
    build::{
        limits::Limits,
        outcome::{Evaluated, Selection},
        variation::{ConfigValue, Variation},
    },
    config,
    metrics::Metrics,
    supervisor::{
        EngineChoice, Held, Outcomes, Priority, ReloadPolicy, SandboxMode, Session, SessionSpec, Settings, Submission,
        Supervisor, memory,
    },
    telemetry::Log,
};

/// Longest wait for anything that must happen; only a broken test comes near it.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn settings() -> Settings {
    Settings {
        executable: PathBuf::from(env!("CARGO_BIN_EXE_pobatch")),
        engines: EngineChoice::Sample.alone(),
        reload: ReloadPolicy::default(),
        shards: 2,
        bases_max: 4,
        sessions_max: 16,
        queue_max: 100_000,
        verify_ratio: 0.0,
        cache_bytes: 0,
        accelerators: pobatch::supervisor::ALL_ACCELERATORS.to_owned(),
        variation_timeout: Duration::from_secs(20),
        memory: memory::Marks::default(),
        faults: true,
        sandbox: SandboxMode::Prefer,
        log: Log::default(),
        metrics: Arc::new(Metrics::new().expect("sound metrics")),
    }
}

/// The same, as the command line makes it.
pub fn server() -> config::Server {
    let Settings { executable, engines, shards, .. } = settings();
    config::Server {
        executable,
        engines,
        reload: ReloadPolicy::default(),
        shards,
        limits: Limits::default(),
        variation_timeout: Duration::from_secs(20),
        verify_ratio: 0.0,
        cache_bytes: 0,
        accelerators: pobatch::supervisor::ALL_ACCELERATORS.to_owned(),
        memory: memory::Marks::default(),
        sandbox: SandboxMode::Prefer,
        log: Log::default(),
        faults: true,
    }
}

/// Shows warnings and errors: why a runtime was lost, for one.
pub fn log() {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr);
    // Another test of this program may have been first.
    let _ = subscriber.try_init();
}

/// Writes a program.
pub fn script(path: &Path, text: &str) {
    let mut file = fs::File::create(path).expect("a place for it");
    file.write_all(text.as_bytes()).expect("room for it");
    file.set_permissions(fs::Permissions::from_mode(0o755)).expect("it is ours");
}

pub const WITCH: &str = include_str!("../../examples/witch.xml");
pub const RANGER: &str = include_str!("../../examples/ranger.xml");

pub async fn with_base(settings: Settings, xml: &str) -> (Supervisor, Held) {
    let supervisor = Supervisor::start(settings).await.expect("the sample engine boots");
    let base = supervisor.load_base("", xml.into()).await.expect("the example loads");
    (supervisor, base)
}

pub fn spec(base: &Held) -> SessionSpec {
    SessionSpec {
        base: base.clone(),
        selection: Selection::All,
        priority: Priority::Batch,
        strict: false,
        deadline: None,
        variation_timeout: None,
        in_flight_max: 1024,
        request_id: "test".into(),
    }
}

/// A variation that makes the runtime misbehave (see `pob/sample/README.md`).
pub fn fault(kind: &str) -> Variation {
    let config = [("fault".to_owned(), ConfigValue::Text(kind.to_owned()))].into();
    Variation { config, ..Variation::default() }
}

pub fn level(level: u32) -> Variation {
    Variation { level: Some(level), ..Variation::default() }
}

/// Evaluates all of them in a session of their own; the outcomes are ordered as the variations are.
pub async fn evaluate(
    supervisor: &Supervisor,
    base: &Held,
    variations: impl IntoIterator<Item = Variation>,
) -> Vec<Evaluated> {
    let session = supervisor.open(spec(base)).await.expect("a session can be opened");
    collect(submit_all(session, variations).await).await
}

/// Submits all and closes the session's input; tags are the indices.
pub async fn submit_all(session: Session, variations: impl IntoIterator<Item = Variation>) -> Outcomes {
    let Session { submit, outcomes } = session;
    for (tag, variation) in (0..).zip(variations) {
        submit.send(Submission { tag, variation: Arc::new(variation) }).await.expect("the session is open");
    }
    outcomes
}

/// All outcomes, ordered by tag.
pub async fn collect(mut outcomes: Outcomes) -> Vec<Evaluated> {
    let mut all = Vec::new();
    while let Some(outcome) =
        tokio::time::timeout(PATIENCE, outcomes.recv()).await.expect("outcomes come to an end in time")
    {
        all.push(outcome);
    }
    all.sort_by_key(|outcome| outcome.tag);
    all
}

/// The values of an outcome as bits, so that equal means equal.
pub fn bits(outcome: &Evaluated) -> Vec<u64> {
    let stats = outcome.result.as_ref().expect("an outcome with values");
    stats.values.iter().map(|value| value.to_bits()).collect()
}
