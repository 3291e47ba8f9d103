//! `pobatch bench`.
use super::{CliError, Output, Verdict};
pub async fn run(_: crate::config::Bench, _: &mut Output) -> Result<Verdict, CliError> { Ok(Verdict::Good) }
