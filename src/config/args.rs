//! The command line as clap reads it: raw texts, and the words of `--help`. [`super::Config`] makes sense of them.

mod evaluate;
mod operate;
mod serve;

use clap::{Args, Parser, Subcommand, builder::FalseyValueParser};

pub use self::{
    evaluate::{Bench, Compare, Describe, Diff, Eval, Explain, Export, Verify},
    operate::{Admin, AdminOrder, AdminTarget, Health, Status},
    serve::{Doctor, Engine, Serve},
};
pub use super::limits::LimitTexts;

/// Evaluates variations of Path of Exile builds by the thousand, exactly, over gRPC.
#[derive(Debug, Parser)]
#[command(
    name = "pobatch",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done, 1 done and something is wrong (see the output), 64 wrong usage, 65 input that is \
                  no build or no list of variations, 66 a file that cannot be read, 69 no engine or no server, 70 any \
                  other failure, 77 a server that wants a token.\n\nWithout --pob and POBATCH_POB the embedded sample engine runs; its numbers are not \
                  Path of Building's."
)]
pub struct Arguments {
    /// What is logged to standard error: a level (error, warn, info, debug, trace) or a filter such as
    /// `warn,pobatch=debug`. Default: info for `serve`, warn otherwise.
    #[arg(long, global = true, env = "POBATCH_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How it is logged: `text` or `json`.
    #[arg(long, global = true, env = "POBATCH_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: String,
    /// URL of an OpenTelemetry collector (OTLP over gRPC) that spans are exported to. Default: none.
    #[cfg(feature = "otlp")]
    #[arg(long, global = true, env = "POBATCH_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Subcommands,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Serves the gRPC API.
    ///
    /// Prints where it listens and which engine it runs. SIGTERM and Ctrl-C stop it in order: health says `NOT_SERVING`,
    /// no new calls are taken, those in hand are finished within the grace. A second signal stops it at once. SIGHUP reloads
    /// all engines, as `pobatch admin reload` does one.
    Serve(Serve),
    /// Evaluates variations of a build and shows what they change.
    ///
    /// Starts a server of its own in this process, unless --endpoint names one; either way it is asked over gRPC.
    Eval(Eval),
    /// Evaluates the same by two engines, and says in what they differ: what a patch changes for these builds.
    ///
    /// Every stat of every base and variation is compared, to the last bit; what exists in only one of the two (a stat, a
    /// node) is listed as such. The exit code is 0 if nothing differs and 1 if something does. Starts a server of its own
    /// in this process that runs both, unless --endpoint names one.
    Compare(Compare),
    /// Says what a build is made of: class, items, gems, config, stats.
    Describe(Describe),
    /// Says in what two builds differ.
    ///
    /// The exit code is 0, whether they differ or not.
    Diff(Diff),
    /// Says why a stat of a varied build is what it is, in the engine's own words.
    Explain(Explain),
    /// Writes a varied build: as a share code that Path of Building opens, as XML, or both as JSON.
    Export(Export),
    /// Plays a golden file and compares every value bit for bit.
    ///
    /// Prints each mismatch (case, stat, expected, got) and ends with `verify: C cases, V values, M mismatches`. The
    /// exit code is 1 if there is any.
    Verify(Verify),
    /// Measures how many variations are evaluated in a second.
    ///
    /// Warm-up is apart from what is measured. The variations are made from the build itself. With --suite everything is
    /// measured that BENCHMARKS.md shows: every kind of variation for every build, and how cost grows.
    Bench(Bench),
    /// Checks a Path of Building installation and says what is wrong with it.
    ///
    /// Looks at the layout, the version, every file that is needed, boots the engine, measures its memory and evaluates
    /// a build. The exit code is 1 if anything is wrong.
    Doctor(Doctor),
    /// Shows what a running server is doing.
    ///
    /// Asks its admin service: shards with their heaps, bases, queues, and what went wrong lately. The same is on the
    /// server's status page.
    Status(Status),
    /// Tells a running server what to do: reset shards, evict a base, reload an engine, drain, undrain, log.
    Admin(Admin),
    /// Asks a running server whether it takes calls.
    ///
    /// Asks `grpc.health.v1`, once, and prints `SERVING`, `NOT_SERVING` or `SERVICE_UNKNOWN`. The exit code is 0 for the
    /// first, 1 for the others, 69 if there is no answer. It is what a container's health check runs.
    Health(Health),
}

/// Where `--help` has what a guarded server asks for.
const GUARDED: &str = "A guarded server";

/// How a server is reached that wants to know whom it talks to.
#[derive(Debug, Default, Args)]
pub struct Access {
    /// Authority that the server's certificate must come from, PEM. Default: those that this system trusts.
    #[arg(long, env = "POBATCH_TLS_CA", value_name = "FILE", help_heading = GUARDED, hide_short_help = true)]
    pub tls_ca: Option<String>,
    /// Certificate that is shown to the server, PEM.
    #[arg(long = "tls-cert", env = "POBATCH_CLIENT_TLS_CERT", value_name = "FILE", help_heading = GUARDED, hide_short_help = true)]
    pub client_tls_cert: Option<String>,
    /// Private key of --tls-cert, PEM.
    #[arg(long = "tls-key", env = "POBATCH_CLIENT_TLS_KEY", value_name = "FILE", help_heading = GUARDED, hide_short_help = true)]
    pub client_tls_key: Option<String>,
    /// File with the token that goes with every call. (No flag takes the token itself: others could read it.)
    #[arg(long, env = "POBATCH_TOKEN_FILE", value_name = "FILE", help_heading = GUARDED, hide_short_help = true)]
    pub token_file: Option<String>,
    /// Sends the token in plain text beyond the loopback interface, where something else keeps strangers out.
    #[arg(
        long = "allow-plaintext",
        env = "POBATCH_CLIENT_ALLOW_PLAINTEXT",
        value_parser = FalseyValueParser::new(),
        help_heading = GUARDED,
        hide_short_help = true
    )]
    pub client_allow_plaintext: bool,
}

/// Who evaluates, for commands that need a server.
#[derive(Debug, Args)]
pub struct Target {
    /// Where.
    #[command(flatten)]
    pub servers: Servers,
    /// Name of the engine that is asked, where the servers at --endpoint run several. Default: the first of each.
    #[arg(long = "engine", value_name = "NAME")]
    pub engine_name: Option<String>,
}

/// The servers that a command needs.
#[derive(Debug, Args)]
pub struct Servers {
    /// URL of a running server (`http://127.0.0.1:50051`). Can be given more than once, or as a list with commas: the work
    /// is spread over all of them, and goes on while one is left. Default: a server of our own, in this process.
    #[arg(long, env = "POBATCH_ENDPOINT", value_name = "URL", value_delimiter = ',')]
    pub endpoint: Vec<String>,
    /// How it is reached.
    #[command(flatten)]
    pub access: Access,
    /// What runs.
    #[command(flatten)]
    pub engine: Engine,
}
