//! The words of what operators ask a server, and tell it.

use clap::{Args, Subcommand};

use super::Access;

/// Where a server's admin service is.
#[derive(Debug, Args)]
pub struct AdminTarget {
    /// The server's admin service: a URL, or `unix:PATH`.
    #[arg(long, env = "POBATCH_ADMIN", value_name = "URL", default_value = "http://127.0.0.1:50053")]
    pub admin: String,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Whom to ask.
    #[command(flatten)]
    pub target: AdminTarget,
    /// Shows it again and again until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
    /// How often, with --watch.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub interval: String,
    /// How it is written: `table` or `json`; with --watch, one JSON object a line.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
}

/// Arguments of `admin`.
#[derive(Debug, Args)]
pub struct Admin {
    /// Whom to tell.
    #[command(flatten)]
    pub target: AdminTarget,
    /// What.
    #[command(subcommand)]
    pub order: AdminOrder,
}

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct Health {
    /// URL of the server: one, and not from the environment, as it is asked for itself.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    pub endpoint: String,
    /// How it is reached; a token is not needed.
    #[command(flatten)]
    pub access: Access,
    /// Name that is asked for: empty for the server as a whole, `pobatch.v1.Liveness` for whether it lives, which it also
    /// does while it is busy or drains.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub service: String,
    /// How long the answer may take.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub timeout: String,
}

/// What a server is told.
#[derive(Debug, Subcommand)]
pub enum AdminOrder {
    /// Gives shards fresh runtimes, each behind the variation that it is at; nothing is lost.
    Reset {
        /// The shards by index. Default: all.
        shards: Vec<u32>,
    },
    /// Gives up a base that no session uses.
    Evict {
        /// Its id, 64 hexadecimal digits.
        base_id: String,
    },
    /// Takes nothing new: health says `NOT_SERVING`, sessions end when what they have in hand is answered.
    Drain,
    /// Takes calls again.
    Undrain,
    /// Boots an engine again beside the one that runs, checks it, and gives it to all calls that begin from then on.
    ///
    /// Those that have begun finish with what they have. If anything is wrong nothing changes, and the exit code is not 0.
    Reload {
        /// Name of the engine. Default: the server's first.
        engine: Option<String>,
        /// Directory of the installation, below the one that the server was started with for this (--reload-from).
        /// Default: where the engine is; a link is followed anew.
        #[arg(long, value_name = "DIR")]
        directory: Option<String>,
    },
    /// Logs by another filter from now on.
    Log {
        /// A level or a filter, as for --log.
        filter: String,
    },
}
