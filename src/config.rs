//! Flags and environment -> [`Config`]. The only file (with `config/args.rs`) that reads the environment.
//!
//! Clap sees texts only; [`Config::resolve`] makes values of them and reports all bad ones together, each by its name.

pub mod args;
mod engines;
mod guard;
mod limits;
mod machine;
mod scenario;
mod serve;
mod sweep;
mod target;
mod units;
mod values;

use std::{path::PathBuf, time::Duration};

use clap::Parser as _;
pub use machine::Machine;
use values::Values;

use crate::{
    build::{limits::Limits, scenario::Scenario},
    client::{Access, Reduction, Sweep},
    listen::Listen,
    supervisor::{EngineSpec, ReloadPolicy, SandboxMode, memory},
    telemetry::{self, LOG_FORMATS, Log},
};

/// Most servers that a command spreads over: each has a connection of its own.
const ENDPOINTS_MAX: usize = 64;
/// More shards than any machine has processors are a slip of the keyboard.
const SHARDS_MAX: usize = 1024;
/// More sessions than that are no measure of anything.
const STREAMS_MAX: usize = 10_000;
/// Upper bound of other counts, for the same reason.
const COUNT_MAX: usize = 10_000_000;

/// What is to be done, and how it is logged.
#[derive(Debug)]
pub struct Config {
    /// What is logged.
    pub log: Log,
    /// What is to be done.
    pub command: Command,
}

/// A command with its settings.
#[derive(Debug)]
pub enum Command {
    /// Serves the API.
    Serve(Serve),
    /// Evaluates variations.
    Eval(Eval),
    /// Compares two engines.
    Compare(Compare),
    /// Describes a build, or compares two.
    Describe(Describe),
    /// Says why a stat is what it is.
    Explain(Explain),
    /// Writes a varied build.
    Export(Export),
    /// Plays a golden file.
    Verify(Verify),
    /// Measures.
    Bench(Bench),
    /// Measures everything.
    Suite(Suite),
    /// Checks an installation.
    Doctor(Server),
    /// Shows what a server is doing.
    Status(Status),
    /// Tells a server what to do.
    Admin(Admin),
    /// Asks a server whether it takes calls.
    Health(Health),
}

impl Command {
    /// Whether a server runs in this process.
    #[must_use]
    pub fn serves(&self) -> bool {
        let target = match self {
            Self::Serve(_) | Self::Suite(_) | Self::Doctor(_) => return true,
            Self::Status(_) | Self::Admin(_) | Self::Health(_) => return false,
            Self::Eval(settings) => &settings.target,
            Self::Compare(settings) => &settings.target,
            Self::Describe(settings) => &settings.target,
            Self::Explain(settings) => &settings.target,
            Self::Export(settings) => &settings.target,
            Self::Verify(settings) => &settings.target,
            Self::Bench(settings) => &settings.target,
        };
        matches!(target, Target::Own(_))
    }
}

/// A server: its engine and its limits.
#[derive(Clone, Debug)]
pub struct Server {
    /// This program, to be executed as a runtime.
    pub executable: PathBuf,
    /// The engines; the first is what calls get that name none.
    pub engines: Vec<EngineSpec>,
    /// How they are reloaded.
    pub reload: ReloadPolicy,
    /// Number of shards.
    pub shards: usize,
    /// Bounds on what comes from outside.
    pub limits: Limits,
    /// Time budget of one variation.
    pub variation_timeout: Duration,
    /// Share of the outcomes that are verified, 0 to 1.
    pub verify_ratio: f64,
    /// Memory for results that are kept, in bytes.
    pub cache_bytes: usize,
    /// Accelerators that run: `all`, `none` or names.
    pub accelerators: String,
    /// Marks of a runtime's memory.
    pub memory: memory::Marks,
    /// What runtimes do where the kernel cannot keep them in.
    pub sandbox: SandboxMode,
    /// What its runtimes log, and how.
    pub log: Log,
    /// Whether the sample engine can be made to misbehave.
    pub faults: bool,
}

/// Settings of `serve`.
#[derive(Debug)]
pub struct Serve {
    /// Where it listens.
    pub listen: Listen,
    /// How long it serves on when it is stopped, while health says that it will not.
    pub drain_delay: Duration,
    /// How long calls in hand may take after that.
    pub drain_grace: Duration,
    /// What it serves.
    pub server: Server,
}

/// Settings of `status`.
#[derive(Debug)]
pub struct Status {
    /// The server's admin service.
    pub admin: String,
    /// How often it is shown anew; `None`: once.
    pub every: Option<Duration>,
    /// How it is shown.
    pub format: Format,
}

/// Settings of `admin`.
#[derive(Debug)]
pub struct Admin {
    /// The server's admin service.
    pub admin: String,
    /// What it is told.
    pub order: AdminOrder,
}

/// Settings of `health`.
#[derive(Debug)]
pub struct Health {
    /// The server's API.
    pub endpoint: String,
    /// How it is reached.
    pub access: Access,
    /// The name that is asked for; empty: the server as a whole.
    pub service: String,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// What an operator tells a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminOrder {
    /// Fresh runtimes for these shards; none: for all.
    Reset(Vec<u32>),
    /// Give up this base.
    Evict(String),
    /// Take nothing new.
    Drain,
    /// Take calls again.
    Undrain,
    /// Boot an engine again, from this directory if there is one.
    Reload {
        /// Name of the engine; empty: the first.
        engine: String,
        /// Below the server's `--reload-from`.
        directory: Option<String>,
    },
    /// Log by this filter.
    Log(String),
}

/// Who evaluates.
#[derive(Debug)]
pub enum Target {
    /// A server in this process.
    Own(Box<Server>),
    /// Servers that run; at least one.
    Endpoints {
        /// The URLs.
        urls: Vec<String>,
        /// How they are reached.
        access: Access,
        /// Name of the engine that is asked; empty: the first of each.
        engine: String,
    },
}

/// Form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Where variations come from.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// Each node that one point reaches is allocated.
    Passives,
    /// A file, or `-`.
    File(String),
    /// Families that the server makes.
    Sweeps(Vec<SweepSource>),
}

/// A family that the server makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepSource {
    /// One that needs nothing else.
    Ready(Sweep),
    /// Items that are in this file.
    ItemsOf(String),
}

/// Circumstances under which variations are evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum ScenarioSource {
    /// Config options, or nothing.
    Ready(Box<Scenario>),
    /// The variation in this file, as JSON.
    VariationOf {
        /// The scenario's name.
        name: String,
        /// The file.
        file: String,
    },
}

/// Which stats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stats {
    /// The engine's main ones.
    Main,
    /// All.
    All,
    /// These.
    Named(Vec<String>),
}

/// Settings of `eval`.
#[derive(Debug)]
pub struct Eval {
    /// File, share code or `-`.
    pub base: String,
    /// What is evaluated.
    pub source: Source,
    /// What is shown.
    pub stats: Stats,
    /// What outcomes are sorted by.
    pub by: Option<String>,
    /// Which the server sends back.
    pub reduction: Option<Reduction>,
    /// Under what variations are evaluated.
    pub scenarios: Vec<ScenarioSource>,
    /// How many are shown.
    pub top: Option<usize>,
    /// How they are shown.
    pub format: Format,
    /// Warnings become failures.
    pub strict: bool,
    /// Who evaluates.
    pub target: Target,
}

/// Settings of `compare`.
#[derive(Debug)]
pub struct Compare {
    /// Names of the engines, as the server knows them.
    pub engine_a: String,
    /// The other one.
    pub engine_b: String,
    /// Files, share codes or `-`; at least one.
    pub bases: Vec<String>,
    /// Families that each server makes of them.
    pub sweeps: Vec<SweepSource>,
    /// What is compared.
    pub stats: Stats,
    /// How many differences are shown.
    pub top: Option<usize>,
    /// How they are shown.
    pub format: Format,
    /// Who evaluates.
    pub target: Target,
}

/// Settings of `describe` and `diff`.
#[derive(Debug)]
pub struct Describe {
    /// File, share code or `-`.
    pub base: String,
    /// The build that it is compared with.
    pub other: Option<String>,
    /// What is shown of its output.
    pub stats: Stats,
    /// How it is shown.
    pub format: Format,
    /// Who describes.
    pub target: Target,
}

/// Form of an exported build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildFormat {
    /// A share code.
    Code,
    /// Build XML.
    Xml,
    /// With all that is known of it.
    Report(Format),
}

/// Settings of `explain`.
#[derive(Debug)]
pub struct Explain {
    /// File, share code or `-`.
    pub base: String,
    /// The variation as JSON.
    pub variation: String,
    /// The stat.
    pub stat: String,
    /// How it is written: not as CSV.
    pub format: Format,
    /// Who explains.
    pub target: Target,
}

/// Settings of `export`.
#[derive(Debug)]
pub struct Export {
    /// File, share code or `-`.
    pub base: String,
    /// The variation as JSON.
    pub variation: String,
    /// Stats of what was written.
    pub check: Option<Stats>,
    /// How it is written.
    pub format: BuildFormat,
    /// Who writes.
    pub target: Target,
}

/// Settings of `verify`.
#[derive(Debug)]
pub struct Verify {
    /// File, share code or `-`.
    pub base: String,
    /// The golden file.
    pub golden: String,
    /// How often each case is played.
    pub repeat: usize,
    /// Stands for an order.
    pub shuffle: Option<u64>,
    /// Who evaluates.
    pub target: Target,
}

/// Kinds of variations that can be made from a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nodes allocated and given up.
    Passives,
    /// Items with changed lines.
    Items,
    /// Gems with other levels and qualities.
    Gems,
    /// Config options.
    Config,
    /// All of these in turn.
    Mixed,
}

impl Kind {
    /// Every kind, by its name on the command line.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("passives", Self::Passives),
        ("items", Self::Items),
        ("gems", Self::Gems),
        ("config", Self::Config),
        ("mixed", Self::Mixed),
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Settings of `bench`.
#[derive(Debug)]
pub struct Bench {
    /// File, share code or `-`.
    pub base: String,
    /// Which variations.
    pub kind: Kind,
    /// How many are measured.
    pub count: usize,
    /// How many are evaluated beforehand.
    pub warm_up: usize,
    /// How many nodes each allocates; `None`: one, then two.
    pub nodes: Option<usize>,
    /// Sessions that are open at once.
    pub streams: usize,
    /// Variations that each session sends ahead.
    pub in_flight: usize,
    /// Stats that each outcome carries.
    pub stats: Stats,
    /// How the result is shown.
    pub format: Format,
    /// Who evaluates.
    pub target: Target,
}

/// Settings of `bench --suite`.
#[derive(Debug)]
pub struct Suite {
    /// Files with builds, and directories of such.
    pub builds: Vec<PathBuf>,
    /// How many variations are measured each time.
    pub count: usize,
    /// How many are evaluated beforehand.
    pub warm_up: usize,
    /// How often each figure is measured.
    pub rounds: usize,
    /// What else is measured, in turn with ours: words with placeholders.
    pub baseline: Option<Vec<String>>,
    /// How the result is shown.
    pub format: Format,
    /// What evaluates.
    pub server: Server,
    /// Processors that it may use.
    pub processors: usize,
}

/// Values that make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|bad| format!("{}: {}", bad.name, bad.problem)).collect::<Vec<_>>().join("\n"))]
pub struct BadValues(pub Vec<BadValue>);

/// A value that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The flag that it belongs to; its environment variable is in `--help`.
    pub name: &'static str,
    /// What is wrong, in words.
    pub problem: String,
}

/// Why there is nothing to be done.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Clap's word: an unknown flag, or `--help`, which is no error to the exit code.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// Values that make no sense.
    #[error(transparent)]
    Values(#[from] BadValues),
}

impl Config {
    /// The configuration of this process.
    ///
    /// # Errors
    /// [`UsageError`].
    pub fn from_process() -> Result<Self, UsageError> {
        Ok(Self::resolve(args::Arguments::try_parse()?, &Machine::this())?)
    }

    /// Makes sense of the arguments. Pure.
    ///
    /// # Errors
    /// All bad values.
    pub fn resolve(arguments: args::Arguments, machine: &Machine) -> Result<Self, BadValues> {
        let default_level = if matches!(arguments.command, args::Subcommands::Serve(_)) { "info" } else { "warn" };
        let filter = arguments.log.as_deref().filter(|text| !text.is_empty()).unwrap_or(default_level);
        let mut values = Values { bad: Vec::new(), machine, log: Log { filter: filter.into(), ..Log::default() } };
        values.take("--log", telemetry::check(filter), || ());
        values.log.format = values.choose("--log-format", &arguments.log_format, LOG_FORMATS);
        #[cfg(feature = "otlp")]
        {
            values.log.otlp_endpoint = arguments.otlp_endpoint.filter(|url| !url.is_empty());
        }
        let command = match arguments.command {
            args::Subcommands::Serve(serve) => Command::Serve(values.serve(&serve)),
            args::Subcommands::Eval(eval) => Command::Eval(values.eval(eval)),
            args::Subcommands::Compare(compare) => Command::Compare(values.compare(compare)),
            args::Subcommands::Describe(describe) => Command::Describe(values.describe(describe)),
            args::Subcommands::Diff(diff) => Command::Describe(values.diff(diff)),
            args::Subcommands::Explain(explain) => Command::Explain(values.explain(explain)),
            args::Subcommands::Export(export) => Command::Export(values.export(export)),
            args::Subcommands::Verify(verify) => Command::Verify(values.verify(verify)),
            args::Subcommands::Bench(bench) if bench.suite => Command::Suite(values.suite(bench)),
            args::Subcommands::Bench(bench) => Command::Bench(values.bench(bench)),
            args::Subcommands::Doctor(doctor) => Command::Doctor(values.doctor(&doctor)),
            args::Subcommands::Status(status) => Command::Status(values.status(status)),
            args::Subcommands::Admin(admin) => Command::Admin(values.admin(admin)),
            args::Subcommands::Health(health) => Command::Health(values.health(health)),
        };
        let Values { bad, log, .. } = values;
        if bad.is_empty() { Ok(Self { log, command }) } else { Err(BadValues(bad)) }
    }
}

#[cfg(test)]
mod tests;
