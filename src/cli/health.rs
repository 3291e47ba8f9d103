//! `pobatch health`: asks a server whether it takes calls, for probes of containers and for scripts.

use super::{CliError, Output, Verdict};
use crate::{
    client::health::{self, Health},
    config,
};

/// Asks once, and says what came of it.
pub async fn run(settings: config::Health, output: &mut Output) -> Result<Verdict, CliError> {
    let config::Health { endpoint, access, service, timeout } = settings;
    let (word, verdict) = match health::check(&endpoint, &access, &service, timeout).await? {
        Health::Serving => ("SERVING", Verdict::Good),
        Health::NotServing => ("NOT_SERVING", Verdict::Bad),
        Health::Unknown => ("SERVICE_UNKNOWN", Verdict::Bad),
    };
    output.line(word)?;
    Ok(verdict)
}
