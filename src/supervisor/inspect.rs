//! Questions that evaluate nothing: about a loaded base, about the engine's data, and for a build as XML. A fork of the
//! template or of the zygote answers, and goes. Those do nothing but fork, so a question that goes wrong costs nobody
//! anything.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{
    BaseError, Refusal,
    process::{Process, ProcessError},
    template::ForkPoint,
    translate, zygote,
};
use crate::{
    build::{
        outcome::{Failure, FailureReason, NamedStat, Warning},
        variation::Variation,
    },
    proto::{
        runtime::{Export, Inquire, LoadBase, command, report},
        v1,
    },
};

/// How long an answer may take. PoB lists its 3,000 nodes within some hundred milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How long it may take to load a build from scratch, or to write one that must be loaded first.
const BUILD_TIMEOUT: Duration = Duration::from_secs(60);

/// A build that was loaded from scratch, the slow way, and let go again.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Every scalar of its output, ordered by name.
    pub stats: Vec<NamedStat>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// What a build is, and why a stat of it is what it is.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Every scalar of its output, ordered by name.
    pub stats: Vec<NamedStat>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// The engine's breakdown; empty: it has none.
    pub sections: Vec<v1::ExplanationSection>,
}

/// The topic that explains a stat.
pub const EXPLAIN: &str = "explain";

/// The answer to a question of the Lua contract.
///
/// # Errors
/// [`BaseError::Build`] if the engine fails, [`BaseError::Refused`] if no runtime could be had.
pub async fn inquire<T: DeserializeOwned>(
    from: ForkPoint,
    topic: &str,
    argument: &serde_json::Value,
) -> Result<T, BaseError> {
    answered(topic, ask(from, question(topic, argument), ANSWER_TIMEOUT).await?)
}

/// The varied build as XML, written by a runtime that never loaded another.
///
/// # Errors
/// As above.
pub async fn export(zygote: ForkPoint, base_xml: &str, variation: &Variation) -> Result<String, BaseError> {
    // Plain data with text keys, for which this cannot fail.
    let variation = serde_json::to_vec(variation).unwrap_or_default().into();
    let export = Export { base_xml: base_xml.into(), variation };
    match ask(zygote, command::Command::Export(export), BUILD_TIMEOUT).await? {
        report::Report::Exported(exported) => Ok(exported.xml),
        _ => Err(out_of_turn()),
    }
}

/// What a build is when it is loaded from scratch, by a runtime that never loaded another.
///
/// # Errors
/// As above.
pub async fn load_once(zygote: ForkPoint, xml: &str) -> Result<Loaded, BaseError> {
    loaded(ask(zygote, load(xml), BUILD_TIMEOUT).await?)
}

/// The same, and why a stat of it is what it is.
///
/// # Errors
/// As above.
pub async fn explain_once(zygote: ForkPoint, xml: &str, stat: &str) -> Result<Explained, BaseError> {
    let mut process = fork(zygote).await?;
    let explained = async {
        let Loaded { stats, warnings } = loaded(ask_of(&mut process, load(xml), BUILD_TIMEOUT).await?)?;
        let why = question(EXPLAIN, &serde_json::json!({ "stat": stat }));
        let sections = answered(EXPLAIN, ask_of(&mut process, why, ANSWER_TIMEOUT).await?)?;
        Ok(Explained { stats, warnings, sections })
    }
    .await;
    process.stop().await;
    explained
}

fn load(xml: &str) -> command::Command {
    command::Command::LoadBase(LoadBase { xml: xml.into(), evaluates: false })
}

fn question(topic: &str, argument: &serde_json::Value) -> command::Command {
    let argument = argument.to_string().into_bytes().into();
    command::Command::Inquire(Inquire { topic: topic.into(), argument })
}

fn loaded(report: report::Report) -> Result<Loaded, BaseError> {
    match report {
        report::Report::BaseLoaded(loaded) => Ok(Loaded {
            stats: loaded.stats.into_iter().filter_map(translate::stat).collect(),
            warnings: loaded.warnings.into_iter().map(translate::warning).collect(),
        }),
        _ => Err(out_of_turn()),
    }
}

fn answered<T: DeserializeOwned>(topic: &str, report: report::Report) -> Result<T, BaseError> {
    match report {
        // PoB's texts may hold bytes that are no UTF-8, and one odd name must not hide a thousand others.
        report::Report::Answered(answer) => {
            serde_json::from_str(&String::from_utf8_lossy(&answer.json)).map_err(|error| {
                tracing::error!(topic, %error, "an answer that is not the contract's");
                failure(FailureReason::EngineError, "the engine's answer makes no sense").into()
            })
        }
        _ => Err(out_of_turn()),
    }
}

async fn ask(from: ForkPoint, question: command::Command, limit: Duration) -> Result<report::Report, BaseError> {
    let mut process = fork(from).await?;
    let answer = ask_of(&mut process, question, limit).await;
    process.stop().await;
    answer
}

async fn fork(from: ForkPoint) -> Result<Process, BaseError> {
    from.fork("question", None).await.map_err(|error| {
        tracing::warn!(%error, "no fork for a question");
        Refusal::NotReady.into()
    })
}

async fn ask_of(
    process: &mut Process,
    question: command::Command,
    limit: Duration,
) -> Result<report::Report, BaseError> {
    match zygote::ask(process, question, limit).await {
        Ok(report::Report::Failed(failed)) => Err(translate::failed(failed).into()),
        Ok(report) => Ok(report),
        Err(ProcessError::Silent) => {
            Err(failure(FailureReason::TimeLimit, "the engine took too long to answer").into())
        }
        Err(_) => Err(failure(FailureReason::RuntimeCrashed, "the runtime died of the question").into()),
    }
}

fn out_of_turn() -> BaseError {
    failure(FailureReason::EngineError, "the runtime did not keep to the protocol").into()
}

fn failure(reason: FailureReason, message: &str) -> Failure {
    Failure::new(reason, "", message)
}
