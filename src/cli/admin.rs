//! `pobatch admin`: tells a server what to do.

use super::{CliError, Output, Verdict};
use crate::{
    client::Admin,
    config::{self, AdminOrder},
};

/// Tells it, and says what came of it.
pub async fn run(settings: config::Admin, output: &mut Output) -> Result<Verdict, CliError> {
    let mut admin = Admin::connect(&settings.admin).await?;
    let words = match settings.order {
        AdminOrder::Reset(shards) => format!("{} shards reset", admin.reset(shards).await?),
        AdminOrder::Evict(base) => {
            admin.evict(base.clone()).await?;
            format!("base {base} evicted")
        }
        AdminOrder::Drain => {
            admin.drain().await?;
            "the server takes nothing new".to_owned()
        }
        AdminOrder::Undrain => {
            admin.undrain().await?;
            "the server takes calls again".to_owned()
        }
        AdminOrder::Reload { engine, directory } => {
            let (before, now) = admin.reload(engine, directory.unwrap_or_default()).await?;
            let changed = if before.fingerprint == now.fingerprint { "as before" } else { "changed" };
            format!(
                "engine {}: version {}, fingerprint {:.12} ({changed}; before: {}, {:.12})",
                now.name, now.version, now.fingerprint, before.version, before.fingerprint
            )
        }
        AdminOrder::Log(filter) => format!("logged was `{}`", admin.set_log_filter(filter).await?),
    };
    output.line(&words)?;
    Ok(Verdict::Good)
}
