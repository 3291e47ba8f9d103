//! `pobatch doctor`.
use super::{CliError, Output, Verdict};
pub async fn run(_: crate::config::Server, _: &mut Output) -> Result<Verdict, CliError> {
    Ok(Verdict::Good)
}
