//! The zygote: the engine booted once, in a process that everything else is forked from; and the loading of bases.

use std::{collections::HashSet, io, sync::Arc, time::Duration};

use super::{
    BaseError, EngineChoice, EngineSpec, Refusal, SandboxMode, Settings, StartError, fingerprint,
    process::{Process, ProcessError},
    template::{ForkError, ForkPoint},
    translate,
};
use crate::{
    build::{
        base::{self, Base, BaseId, EditionId, EngineFacts},
        outcome::{Failure, FailureReason},
    },
    check::files,
    proto::runtime::{Boot, DescribeEngine, LoadBase, Report, SelfCheck, Trial, WarmUp, command, report},
    task,
    wire::WireError,
};

/// How long an engine may take to boot. PoB takes less than two seconds on an idle machine.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a base may take to load, or to warm up. PoB takes up to four seconds for one of an old tree.
const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// A booted engine. Clones share the process.
#[derive(Clone, Debug)]
pub struct Zygote {
    /// What all is forked from.
    pub fork_point: ForkPoint,
    /// What it says of itself.
    pub facts: Arc<EngineFacts>,
    /// Where it was booted from: no link on the way, so that a link that is changed later does not lead it elsewhere.
    pub choice: EngineChoice,
    /// Files that its installation lacks, in words.
    pub lacks: Arc<[String]>,
    /// Parts of the sandbox that the kernel lacks.
    pub sandbox_missing: Vec<String>,
}

/// A base, and the runtime that has it loaded.
#[derive(Debug)]
pub struct Template {
    /// The base.
    pub base: Arc<Base>,
    /// What shard runtimes are forked from.
    pub fork_point: ForkPoint,
    /// What came of evaluating the base.
    pub trial: Trial,
    /// What the engine wants to be told again for the plain path.
    pub hints: bytes::Bytes,
    /// It serves until one that is warm takes its place ([`warm_up`]).
    pub cold: bool,
}

/// What takes the place of a template that is cold.
#[derive(Debug)]
pub struct Warm {
    /// What shard runtimes are forked from.
    pub fork_point: ForkPoint,
    /// What came of evaluating the base.
    pub trial: Trial,
}

/// Boots every engine, beside each other; they get the editions 1, 2 and so on.
///
/// # Errors
/// [`StartError`], of the first that does not boot.
pub async fn boot_all(settings: &Settings) -> Result<Vec<Zygote>, StartError> {
    let names: HashSet<_> = settings.engines.iter().map(|engine| &engine.name).collect();
    if names.is_empty() || names.len() < settings.engines.len() {
        return Err(StartError::Names);
    }
    let boots: Vec<_> = (1..)
        .zip(&settings.engines)
        .map(|(edition, engine)| {
            let (settings, engine) = (settings.clone(), engine.clone());
            task::spawn("boot engine", async move { boot(&settings, &engine, EditionId(edition)).await })
        })
        .collect();
    let mut zygotes = Vec::with_capacity(boots.len());
    for boot in boots {
        zygotes.push(boot.await.map_err(|error| StartError::Boot(error.to_string()))??);
    }
    Ok(zygotes)
}

/// Spawns a runtime and boots the engine in it.
///
/// # Errors
/// [`StartError`].
pub async fn boot(settings: &Settings, engine: &EngineSpec, edition: EditionId) -> Result<Zygote, StartError> {
    let name = engine.name.to_string();
    let choice = match &engine.choice {
        EngineChoice::Sample => EngineChoice::Sample,
        EngineChoice::Pob(directory) => {
            let resolved = tokio::fs::canonicalize(directory).await;
            let resolved = resolved.map_err(|error| StartError::Boot(format!("{}: {error}", directory.display())))?;
            EngineChoice::Pob(resolved)
        }
    };
    let looked_at = tokio::task::spawn_blocking({
        let engine = choice.clone();
        move || {
            let lacks = match &engine {
                EngineChoice::Sample => Vec::new(),
                EngineChoice::Pob(directory) => files::lacking(directory),
            };
            io::Result::Ok((fingerprint::of(&engine)?, lacks))
        }
    });
    let mut process = Process::spawn(&settings.executable, &settings.log).await?;
    let directory = match &choice {
        EngineChoice::Sample => String::new(),
        EngineChoice::Pob(directory) => directory.to_string_lossy().into_owned(),
    };
    let boot = Boot {
        engine: choice.kind().into(),
        directory,
        tree_versions: Vec::new(),
        lua_heap_limit_bytes: settings.memory.limit_bytes,
        faults: settings.faults,
        accelerators: settings.accelerators.clone(),
        sandbox: settings.sandbox != SandboxMode::Off,
    };
    let booted = match ask(&mut process, command::Command::Boot(boot), BOOT_TIMEOUT).await {
        Ok(report::Report::Booted(booted)) => booted,
        Ok(report::Report::Failed(failed)) => return Err(StartError::Boot(failed.message)),
        Ok(_) => return Err(out_of_turn("not the answer to boot")),
        Err(error) => return Err(died(process, error).await),
    };
    if settings.sandbox == SandboxMode::Require && !booted.sandbox_missing.is_empty() {
        // Only trusted code ran so far: no build has reached it.
        return Err(StartError::Sandbox(booted.sandbox_missing));
    }
    let (facts, lacks, check) =
        match ask(&mut process, command::Command::DescribeEngine(DescribeEngine {}), BOOT_TIMEOUT).await {
            Ok(report::Report::EngineDescribed(described)) => {
                let looked_at = looked_at.await.map_err(io::Error::other).and_then(|found| found);
                let (fingerprint, lacks) =
                    looked_at.map_err(|error| StartError::Boot(format!("no fingerprint: {error}")))?;
                let check = described.self_check.clone();
                (Arc::new(translate::engine_facts(described, name, edition, fingerprint)), lacks, check)
            }
            Ok(report::Report::Failed(failed)) => return Err(StartError::Boot(failed.message)),
            Ok(_) => return Err(out_of_turn("not the answer to describe")),
            Err(error) => return Err(died(process, error).await),
        };
    let fork_point = ForkPoint::new(process);
    if let Some(check) = check {
        self_check(&fork_point, check).await?;
    }
    Ok(Zygote { fork_point, facts, choice, lacks: lacks.into(), sandbox_missing: booted.sandbox_missing })
}

/// Has a fork compute a build whose stats are known. The zygote itself must never load one.
async fn self_check(zygote: &ForkPoint, check: SelfCheck) -> Result<(), StartError> {
    let mut process =
        zygote.fork("self check", None).await.map_err(|error| StartError::SelfCheck(error.to_string()))?;
    let load = LoadBase { xml: check.xml, evaluates: false };
    let answer = ask(&mut process, command::Command::LoadBase(load), LOAD_TIMEOUT).await;
    process.stop().await;
    let stats = match answer? {
        report::Report::BaseLoaded(loaded) => loaded.stats,
        report::Report::Failed(failed) => return Err(StartError::SelfCheck(failed.message)),
        _ => return Err(out_of_turn("not the answer to load")),
    };
    match check.expected.iter().find(|expected| !stats.contains(expected)) {
        None => Ok(()),
        Some(wrong) => {
            let got = stats.iter().find(|stat| stat.name == wrong.name);
            let (got, wanted) = (got.map(|stat| &stat.value), &wrong.value);
            Err(StartError::SelfCheck(format!("{} is {got:?}, and must be {wanted:?}", wrong.name)))
        }
    }
}

/// Loads a base in a fork of the zygote.
///
/// # Errors
/// [`BaseError::Build`] if the engine does not take the build, [`BaseError::Refused`] if no runtime could be had.
pub async fn load(
    zygote: ForkPoint,
    engine: Arc<EngineFacts>,
    id: BaseId,
    xml: Arc<str>,
) -> Result<Template, BaseError> {
    let mut process = zygote.fork("template", None).await.map_err(|error| {
        tracing::warn!(base = %id, %error, "no fork for a base");
        Refusal::NotReady
    })?;
    let load = LoadBase { xml: xml.to_string(), evaluates: true };
    let failure = match ask(&mut process, command::Command::LoadBase(load), LOAD_TIMEOUT).await {
        Ok(report::Report::BaseLoaded(loaded)) => {
            let base = Arc::new(Base {
                id,
                engine,
                label: base::label(&xml),
                xml,
                stats: loaded.stats.into_iter().filter_map(translate::stat).collect(),
                warnings: loaded.warnings.into_iter().map(translate::warning).collect(),
            });
            // Forks of a cold template would number what they tell each other in another way than those of the warm one.
            let fork_point = if loaded.cold { ForkPoint::new(process) } else { ForkPoint::with_journal(process) };
            let trial = loaded.trial.unwrap_or_default();
            return Ok(Template { base, fork_point, trial, hints: loaded.hints, cold: loaded.cold });
        }
        Ok(report::Report::Failed(failed)) => translate::failed(failed),
        Ok(_) => bad_build(FailureReason::EngineError, "the runtime did not keep to the protocol"),
        Err(ProcessError::Silent) => bad_build(FailureReason::TimeLimit, "the build took too long to load"),
        Err(_) => bad_build(FailureReason::RuntimeCrashed, "the runtime died of loading the build"),
    };
    let exit = process.stop().await;
    tracing::info!(base = %id, status = ?exit.status, reason = failure.reason.as_str(), "base not loaded");
    Err(failure.into())
}

/// A template stays cold.
#[derive(Debug, thiserror::Error)]
pub enum WarmUpError {
    /// It has no successor.
    #[error(transparent)]
    Fork(#[from] ForkError),
    /// The engine failed.
    #[error("{0}")]
    Engine(String),
    /// The successor was lost.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Warms up a fork of a cold template, which is to take its place.
///
/// # Errors
/// [`WarmUpError`]. The cold one serves as well, only slower.
pub async fn warm_up(cold: &ForkPoint) -> Result<Warm, WarmUpError> {
    let mut process = cold.fork_successor("template").await?;
    let failure = match ask(&mut process, command::Command::WarmUp(WarmUp {}), LOAD_TIMEOUT).await {
        Ok(report::Report::Warmed(warmed)) => {
            let trial = warmed.trial.unwrap_or_default();
            return Ok(Warm { fork_point: ForkPoint::with_journal(process), trial });
        }
        Ok(report::Report::Failed(failed)) => WarmUpError::Engine(failed.message),
        Ok(_) => ProcessError::from(WireError::OutOfTurn("not the answer to warm up")).into(),
        Err(error) => error.into(),
    };
    process.stop().await;
    Err(failure)
}

fn bad_build(reason: FailureReason, message: &str) -> Failure {
    Failure { reason, field: String::new(), message: message.into() }
}

/// Sends a command and waits for its answer.
pub(super) async fn ask(
    process: &mut Process,
    command: command::Command,
    limit: Duration,
) -> Result<report::Report, ProcessError> {
    let connection = &mut process.connection;
    let answer = async {
        connection.send(&command.within(limit)).await?;
        connection.receive::<Report>().await
    };
    let report = tokio::time::timeout(limit, answer).await.map_err(|_| ProcessError::Silent)??.report;
    report.ok_or(WireError::OutOfTurn("an empty report").into())
}

fn out_of_turn(what: &'static str) -> StartError {
    ProcessError::from(WireError::OutOfTurn(what)).into()
}

async fn died(process: Process, error: ProcessError) -> StartError {
    let exit = process.stop().await;
    StartError::Boot(format!("{error}; the runtime ended with {:?}", exit.status))
}
