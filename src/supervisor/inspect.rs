//! Questions about a loaded base: a fork of its template answers, and goes. The template itself does nothing but fork,
//! so a question that goes wrong costs nobody anything.

use std::time::Duration;

use super::{BaseError, Refusal, process::ProcessError, template::ForkPoint, translate, zygote};
use crate::{
    build::{
        outcome::{Failure, FailureReason},
        passive::Passive,
    },
    proto::runtime::{ListPassives, command, report},
};

/// How long an answer may take. PoB lists its 3,000 nodes within some milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The nodes of the base's passive tree.
///
/// # Errors
/// [`BaseError::Build`] if the engine fails, [`BaseError::Refused`] if no runtime could be had.
pub async fn passives(template: ForkPoint) -> Result<Vec<Passive>, BaseError> {
    match ask(template, command::Command::ListPassives(ListPassives {})).await? {
        report::Report::PassivesListed(listed) => Ok(listed.passives.into_iter().map(translate::passive).collect()),
        _ => Err(failure(FailureReason::EngineError, "the runtime did not keep to the protocol").into()),
    }
}

async fn ask(template: ForkPoint, question: command::Command) -> Result<report::Report, BaseError> {
    let mut process = template.fork("question", None).await.map_err(|error| {
        tracing::warn!(%error, "no fork for a question");
        Refusal::NotReady
    })?;
    let answer = zygote::ask(&mut process, question, ANSWER_TIMEOUT).await;
    process.stop().await;
    match answer {
        Ok(report::Report::Failed(failed)) => Err(translate::failed(failed).into()),
        Ok(report) => Ok(report),
        Err(ProcessError::Silent) => {
            Err(failure(FailureReason::TimeLimit, "the engine took too long to answer").into())
        }
        Err(_) => Err(failure(FailureReason::RuntimeCrashed, "the runtime died of the question").into()),
    }
}

fn failure(reason: FailureReason, message: &str) -> Failure {
    Failure::new(reason, "", message)
}
