//! Flags and environment -> [`Config`]. The only file (with `config/args.rs`) that reads the environment.
//!
//! Clap sees texts only; [`Config::resolve`] makes values of them and reports all bad ones together, each by its name.

pub mod args;
mod limits;
mod units;

use std::{net::SocketAddr, num::NonZero, path::PathBuf, time::Duration};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{
    build::limits::{Contradiction, Limits, Unit},
    supervisor::{EngineChoice, memory},
    wire::FRAME_BYTES_MAX,
};

/// More shards than any machine has processors are a slip of the keyboard.
const SHARDS_MAX: usize = 1024;
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

/// What is logged, and how.
#[derive(Debug)]
pub struct Log {
    /// Which events.
    pub filter: EnvFilter,
    /// In which form.
    pub format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// A command with its settings.
#[derive(Debug)]
pub enum Command {
    /// Serves the API.
    Serve(Serve),
    /// Evaluates variations.
    Eval(Eval),
    /// Plays a golden file.
    Verify(Verify),
    /// Measures.
    Bench(Bench),
    /// Checks an installation.
    Doctor(Server),
}

/// A server: its engine and its limits.
#[derive(Clone, Debug)]
pub struct Server {
    /// This program, to be executed as a runtime.
    pub executable: PathBuf,
    /// Which engine.
    pub engine: EngineChoice,
    /// Number of shards.
    pub shards: usize,
    /// Bounds on what comes from outside.
    pub limits: Limits,
    /// Time budget of one variation.
    pub variation_timeout: Duration,
    /// Share of the outcomes that are verified, 0 to 1.
    pub verify_ratio: f64,
    /// Marks of a runtime's memory.
    pub memory: memory::Marks,
    /// Whether the sample engine can be made to misbehave.
    pub faults: bool,
}

/// Settings of `serve`.
#[derive(Debug)]
pub struct Serve {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How long calls in hand may take when it is stopped.
    pub drain_grace: Duration,
    /// What it serves.
    pub server: Server,
}

/// Who evaluates.
#[derive(Debug)]
pub enum Target {
    /// A server in this process.
    Own(Server),
    /// The server at this URL.
    Endpoint(String),
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
    /// How many are shown.
    pub top: Option<usize>,
    /// How they are shown.
    pub format: Format,
    /// Warnings become failures.
    pub strict: bool,
    /// Who evaluates.
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
    /// Stats that each outcome carries.
    pub stats: Stats,
    /// How the result is shown.
    pub format: Format,
    /// Who evaluates.
    pub target: Target,
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
        let mut values = Values { bad: Vec::new(), machine };
        let default_level = if matches!(arguments.command, args::Subcommands::Serve(_)) { "info" } else { "warn" };
        let filter = arguments.log.as_deref().filter(|text| !text.is_empty()).unwrap_or(default_level);
        let log = Log {
            filter: values.take("--log", EnvFilter::try_new(filter).map_err(|error| error.to_string()), || {
                EnvFilter::new(default_level)
            }),
            format: values.choose(
                "--log-format",
                &arguments.log_format,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
        };
        let command = match arguments.command {
            args::Subcommands::Serve(serve) => Command::Serve(values.serve(&serve)),
            args::Subcommands::Eval(eval) => Command::Eval(values.eval(eval)),
            args::Subcommands::Verify(verify) => Command::Verify(values.verify(verify)),
            args::Subcommands::Bench(bench) => Command::Bench(values.bench(bench)),
            args::Subcommands::Doctor(doctor) => Command::Doctor(values.doctor(doctor)),
        };
        if values.bad.is_empty() { Ok(Self { log, command }) } else { Err(BadValues(values.bad)) }
    }
}

/// What defaults depend on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// This program.
    pub executable: PathBuf,
    /// Processors that this process may use.
    pub processors: usize,
}

impl Machine {
    /// The machine that this process runs on.
    fn this() -> Self {
        Self {
            // The kernel's name for it is the way out if the program's own path cannot be had.
            executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// Turns texts into values, and collects the bad ones.
struct Values<'a> {
    bad: Vec<BadValue>,
    machine: &'a Machine,
}

impl Values<'_> {
    /// The value, or a stand-in that nobody will see because the whole is refused.
    fn take<T>(&mut self, name: &'static str, value: Result<T, String>, stand_in: impl FnOnce() -> T) -> T {
        value.unwrap_or_else(|problem| {
            self.bad.push(BadValue { name, problem });
            stand_in()
        })
    }

    fn choose<T: Copy>(&mut self, name: &'static str, text: &str, choices: &[(&str, T)]) -> T {
        let found = choices.iter().find(|(known, _)| *known == text).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(known, _)| format!("`{known}`")).collect();
            format!("`{text}` is none of {}", known.join(", "))
        });
        self.take(name, found, || choices[0].1)
    }

    fn count(&mut self, name: &'static str, text: &str, least: usize, most: usize) -> usize {
        let problem = |problem| format!("`{text}` is {problem}");
        self.take(name, units::count(text, least, most).map_err(problem), || least)
    }

    fn size(&mut self, name: &'static str, text: &str) -> u64 {
        self.take(name, units::size(text).map_err(|problem| format!("`{text}` is {problem}")), || 0)
    }

    fn time(&mut self, name: &'static str, text: &str) -> Duration {
        self.take(name, units::time(text).map_err(|problem| format!("`{text}`: {problem}")), || Duration::ZERO)
    }

    fn ratio(&mut self, name: &'static str, text: &str) -> f64 {
        let ratio = text.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        self.take(name, ratio.ok_or_else(|| format!("`{text}` is no number from 0 to 1")), || 0.0)
    }

    fn server(&mut self, engine: &args::Engine) -> Server {
        Server {
            executable: self.machine.executable.clone(),
            engine: engine_choice(engine.pob.as_deref()),
            shards: match engine.shards.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => self.count("--shards", text, 1, SHARDS_MAX),
                None => self.machine.processors,
            },
            limits: self.limits(&engine.limits),
            variation_timeout: self.time("--variation-timeout", &engine.variation_timeout),
            verify_ratio: self.ratio("--verify-ratio", &engine.verify_ratio),
            memory: memory::Marks {
                soft_bytes: self.size("--memory-soft", &engine.memory_soft),
                hard_bytes: self.size("--memory-hard", &engine.memory_hard),
                limit_bytes: self.size("--memory-limit", &engine.memory_limit),
                total_bytes: self.size("--memory-total", &engine.memory_total),
            },
            faults: false,
        }
    }

    fn limits(&mut self, texts: &args::LimitTexts) -> Limits {
        let mut limits = Limits::default();
        let bad_before = self.bad.len();
        for (limit, text) in &texts.0 {
            let value = match limit.unit() {
                Unit::Count(_) => self.count(limit.flag(), text, 1, COUNT_MAX),
                Unit::Bytes => usize::try_from(self.size(limit.flag(), text)).unwrap_or(usize::MAX),
            };
            limits.set(*limit, value);
        }
        // Stand-ins for bad values would contradict each other without anybody having said so.
        if self.bad.len() == bad_before {
            for Contradiction { limit, problem } in limits.contradictions(FRAME_BYTES_MAX) {
                self.bad.push(BadValue { name: limit.flag(), problem });
            }
        }
        limits
    }

    fn serve(&mut self, serve: &args::Serve) -> Serve {
        let listen =
            serve.listen.parse().map_err(|_| format!("`{}` is no address such as `127.0.0.1:50051`", serve.listen));
        Serve {
            listen: self.take("--listen", listen, || SocketAddr::from(([127, 0, 0, 1], 0))),
            drain_grace: self.time("--drain-grace", &serve.drain_grace),
            server: Server { faults: serve.faults, ..self.server(&serve.engine) },
        }
    }

    fn target(&mut self, target: &args::Target) -> Target {
        let server = self.server(&target.engine);
        match target.endpoint.as_deref().filter(|url| !url.is_empty()) {
            None => Target::Own(server),
            Some(url) => {
                let valid = url.starts_with("http://") || url.starts_with("https://");
                let valid =
                    if valid { Ok(()) } else { Err(format!("`{url}` is no URL such as `http://127.0.0.1:50051`")) };
                self.take("--endpoint", valid, || ());
                Target::Endpoint(url.to_owned())
            }
        }
    }

    fn eval(&mut self, eval: args::Eval) -> Eval {
        let source = match (eval.vary.as_deref(), eval.variations) {
            (Some(what), _) => {
                self.choose("--vary", what, &[("passives", ())]);
                Source::Passives
            }
            (None, Some(file)) => Source::File(file),
            (None, None) => {
                self.bad.push(BadValue { name: "--variations", problem: "give this or --vary passives".to_owned() });
                Source::Passives
            }
        };
        if eval.base == "-" && source == Source::File("-".to_owned()) {
            self.bad.push(BadValue { name: "--variations", problem: "standard input is the base already".to_owned() });
        }
        let stats = match (eval.preset.as_deref(), eval.stats.is_empty(), &eval.by) {
            (Some(preset), ..) => {
                let all = self.choose("--preset", preset, &[("main", false), ("all", true)]);
                if all { Stats::All } else { Stats::Main }
            }
            (None, false, _) => Stats::Named(eval.stats),
            (None, true, Some(by)) => Stats::Named(vec![by.clone()]),
            (None, true, None) => Stats::Main,
        };
        Eval {
            base: eval.base,
            source,
            stats: stats.with(eval.by.as_deref()),
            by: eval.by,
            top: eval.top.map(|top| self.count("--top", &top, 1, COUNT_MAX)),
            format: self.choose(
                "--format",
                &eval.format,
                &[("table", Format::Table), ("json", Format::Json), ("csv", Format::Csv)],
            ),
            strict: eval.strict,
            target: self.target(&eval.target),
        }
    }

    fn verify(&mut self, verify: args::Verify) -> Verify {
        let shuffle = verify.shuffle.map(|text| {
            let seed = text.parse().map_err(|_| format!("`{text}` is no whole number"));
            self.take("--shuffle", seed, || 0)
        });
        Verify {
            base: verify.base,
            golden: verify.golden,
            repeat: self.count("--repeat", &verify.repeat, 1, COUNT_MAX),
            shuffle,
            target: self.target(&verify.target),
        }
    }

    fn bench(&mut self, bench: args::Bench) -> Bench {
        Bench {
            base: bench.base,
            kind: self.choose(
                "--kind",
                &bench.kind,
                &[
                    ("passives", Kind::Passives),
                    ("items", Kind::Items),
                    ("gems", Kind::Gems),
                    ("config", Kind::Config),
                    ("mixed", Kind::Mixed),
                ],
            ),
            count: self.count("--count", &bench.count, 1, COUNT_MAX),
            warm_up: self.count("--warm-up", &bench.warm_up, 0, COUNT_MAX),
            stats: if bench.stats.is_empty() { Stats::Main } else { Stats::Named(bench.stats) },
            format: self.choose("--format", &bench.format, &[("table", Format::Table), ("json", Format::Json)]),
            target: self.target(&bench.target),
        }
    }

    /// One shard is enough to check an installation.
    fn doctor(&mut self, doctor: args::Doctor) -> Server {
        Server {
            executable: self.machine.executable.clone(),
            engine: engine_choice(doctor.pob.as_deref()),
            shards: 1,
            limits: Limits { bases: 2, sessions: 2, in_flight: 16, queue: 16, ..Limits::default() },
            verify_ratio: 0.0,
            variation_timeout: Duration::from_secs(60),
            memory: memory::Marks::default(),
            faults: false,
        }
    }
}

/// An empty text is what an environment variable has that is set to nothing.
fn engine_choice(pob: Option<&str>) -> EngineChoice {
    match pob.filter(|directory| !directory.is_empty()) {
        Some(directory) => EngineChoice::Pob(PathBuf::from(directory)),
        None => EngineChoice::Sample,
    }
}

impl Stats {
    /// These stats and the one that is sorted by.
    fn with(self, by: Option<&str>) -> Self {
        match (self, by) {
            (Self::Named(mut names), Some(by)) => {
                if !names.iter().any(|name| name == by) {
                    names.push(by.to_owned());
                }
                Self::Named(names)
            }
            (stats, _) => stats,
        }
    }
}

#[cfg(test)]
mod tests;
