//! The command line as clap reads it: raw texts, and the words of `--help`. [`super::Config`] makes sense of them.

use clap::{Args, Parser, Subcommand, builder::FalseyValueParser};

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

/// What runs.
#[derive(Debug, Default, Args)]
pub struct Engine {
    /// Directory of a Path of Building installation: a checkout, or a release.
    #[arg(long, env = "POBATCH_POB", value_name = "DIR")]
    pub pob: Option<String>,
    /// Number of shards: runtimes that evaluate at once. Default: one for each processor.
    #[arg(long, env = "POBATCH_SHARDS", value_name = "N")]
    pub shards: Option<String>,
    /// Time budget of one variation; its runtime is replaced if it takes longer.
    #[arg(long, env = "POBATCH_VARIATION_TIMEOUT", value_name = "TIME", default_value = "20s", hide_short_help = true)]
    pub variation_timeout: String,
    /// Growth of a runtime's Lua heap over its template's at which it is reclaimed when that is convenient.
    #[arg(long, env = "POBATCH_MEMORY_SOFT", value_name = "SIZE", default_value = "128MiB", hide_short_help = true)]
    pub memory_soft: String,
    /// Growth of a runtime's Lua heap over its template's at which it is replaced behind the next outcome.
    #[arg(long, env = "POBATCH_MEMORY_HARD", value_name = "SIZE", default_value = "512MiB", hide_short_help = true)]
    pub memory_hard: String,
    /// Limit of a runtime's Lua heap; 0: none.
    #[arg(long, env = "POBATCH_MEMORY_LIMIT", value_name = "SIZE", default_value = "2GiB", hide_short_help = true)]
    pub memory_limit: String,
    /// Memory of all runtimes together beyond which bases are given up, then refused; 0: no mark. Default: three quarters
    /// of what the machine has, or the container may use.
    #[arg(long, env = "POBATCH_MEMORY_TOTAL", value_name = "SIZE", hide_short_help = true)]
    pub memory_total: Option<String>,
    /// What runtimes do where the kernel lacks a part of the sandbox: `prefer` warns, `require` refuses to start, `off` goes
    /// without any.
    #[arg(long, env = "POBATCH_SANDBOX", value_name = "MODE", default_value = "prefer", hide_short_help = true)]
    pub sandbox: String,
    /// Share of the outcomes (0 to 1) that are computed again by the plain path and compared. For trust, not for speed:
    /// such an outcome takes a second.
    #[arg(long, env = "POBATCH_VERIFY_RATIO", value_name = "RATIO", default_value = "0", hide_short_help = true)]
    pub verify_ratio: String,
    /// Memory for results that are kept, so that identical variations are computed once; 0: each is computed. Default: 64MiB,
    /// and 0 for `bench` and `verify`, which are about computing.
    #[arg(long, env = "POBATCH_CACHE_SIZE", value_name = "SIZE", hide_short_help = true)]
    pub cache_size: Option<String>,
    /// Which accelerators of Path of Building run: `all`, `none`, or the names of those that do. They change no bit, only
    /// the time; ARCHITECTURE.md lists them.
    #[arg(long, env = "POBATCH_ACCELERATORS", value_name = "NAMES", default_value = "all", hide_short_help = true)]
    pub accelerators: String,
    /// Bounds on what comes from outside.
    #[command(flatten)]
    pub limits: LimitTexts,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "POBATCH_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:50051")]
    pub listen: String,
    /// Address for metrics, probes and the status page over HTTP, or `off`. Default: the loopback interface, one port
    /// after --listen's.
    #[arg(long, env = "POBATCH_HTTP_LISTEN", value_name = "ADDR")]
    pub http_listen: Option<String>,
    /// Address for the admin service: `ADDR`, `unix:PATH` or `off`. Whoever reaches it may use it. Default: the loopback
    /// interface, two ports after --listen's.
    #[arg(long, env = "POBATCH_ADMIN_LISTEN", value_name = "ADDR")]
    pub admin_listen: Option<String>,
    /// Certificate that the API is served with, PEM; behind it those between it and its authority. Without it the API is
    /// plain text. Read anew when it changes, like the files below.
    #[arg(long, env = "POBATCH_TLS_CERT", value_name = "FILE", help_heading = "Who may call")]
    pub tls_cert: Option<String>,
    /// Private key of --tls-cert, PEM.
    #[arg(long, env = "POBATCH_TLS_KEY", value_name = "FILE", help_heading = "Who may call")]
    pub tls_key: Option<String>,
    /// Authorities of clients, PEM: every client must show a certificate of one of them. Default: clients show none.
    #[arg(long, env = "POBATCH_TLS_CLIENT_CA", value_name = "FILE", help_heading = "Who may call")]
    pub tls_client_ca: Option<String>,
    /// File of tenants with their tokens and quotas (docs/security.md): every call but health needs a token. Default:
    /// everybody may call.
    #[arg(long, env = "POBATCH_TOKENS", value_name = "FILE.toml", help_heading = "Who may call")]
    pub tokens: Option<String>,
    /// Allows plain text on addresses beyond the loopback interface, for --listen without --tls-cert and for
    /// --admin-listen: where something else keeps strangers out.
    #[arg(
        long,
        env = "POBATCH_ALLOW_PLAINTEXT",
        value_parser = FalseyValueParser::new(),
        help_heading = "Who may call"
    )]
    pub allow_plaintext: bool,
    /// How often the files above are looked at. What changed is used when two looks in a row find the same.
    #[arg(
        long,
        env = "POBATCH_RELOAD_INTERVAL",
        value_name = "TIME",
        default_value = "5s",
        help_heading = "Who may call",
        hide_short_help = true
    )]
    pub reload_interval: String,
    /// How long the server goes on when it is stopped, while health says `NOT_SERVING`: as long as load balancers take
    /// to notice. Default: not at all.
    #[arg(long, env = "POBATCH_DRAIN_DELAY", value_name = "TIME", hide_short_help = true)]
    pub drain_delay: Option<String>,
    /// Age at which a connection is told to go (GOAWAY), so that clients find servers that came later. Calls that are open
    /// on it go on. Default: never.
    #[arg(long, env = "POBATCH_CONNECTION_AGE_MAX", value_name = "TIME", hide_short_help = true)]
    pub connection_age_max: Option<String>,
    /// Age at which a session ends in order: what it has in hand is answered, and `UNAVAILABLE` with the reason
    /// `SESSION_AGED` has the client open another one, perhaps elsewhere. Batches, sweeps and reductions go on. Default: never.
    #[arg(long, env = "POBATCH_SESSION_AGE_MAX", value_name = "TIME", hide_short_help = true)]
    pub session_age_max: Option<String>,
    /// How long calls in hand may take to finish when the server is stopped.
    #[arg(long, env = "POBATCH_DRAIN_GRACE", value_name = "TIME", default_value = "25s")]
    pub drain_grace: String,
    /// An engine by name: `NAME=DIR` for a Path of Building installation, `NAME=sample` for the embedded engine. Can be
    /// given more than once; the first is what calls get that name none. --pob DIR is `pob=DIR`, ahead of the others.
    #[arg(long, env = "POBATCH_ENGINES", value_name = "NAME=DIR", value_delimiter = ',')]
    pub engine: Vec<String>,
    /// How long calls that are open when an engine is reloaded may go on with the edition that they began with.
    #[arg(long, env = "POBATCH_RELOAD_GRACE", value_name = "TIME", default_value = "10m", hide_short_help = true)]
    pub reload_grace: String,
    /// Directory below which a reload may name installations. Default: it may name none, and reads where the engine is.
    #[arg(long, env = "POBATCH_RELOAD_FROM", value_name = "DIR", hide_short_help = true)]
    pub reload_from: Option<String>,
    /// Golden file that an engine must agree with, bit for bit, before anybody gets it: when the server starts, and with
    /// each reload. Can be given more than once. Without a name it is for the first engine.
    #[arg(
        long,
        env = "POBATCH_SELF_CHECK",
        value_name = "[ENGINE:]BUILD=GOLDEN.jsonl",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub self_check: Vec<String>,
    /// Lets the sample engine misbehave on demand, for tests.
    #[arg(long, hide = true)]
    pub faults: bool,
    /// What runs.
    #[command(flatten)]
    pub runs: Engine,
}

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

/// Arguments of `eval`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    pobatch eval --base build.xml --vary passives --by TotalDPS --top 10\n  \
    pobatch eval --base build.xml --variations variations.jsonl --stats Life,TotalEHP --format csv\n  \
    pobatch eval --base build.xml --vary passives --where 'Life >= base(Life)' --maximize TotalDPS --top 5\n  \
    pobatch eval --base build.xml --sweep passives:3 --scenario map= --scenario boss=enemyIsBoss:Boss --maximize boss.TotalDPS\n\n\
    FILE.jsonl has one variation a line: `{\"allocate\":[36678]}`, or \
    `{\"id\":\"my name\",\"variation\":{\"level\":95}}`.")]
pub struct Eval {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE")]
    pub base: String,
    /// Makes the variations from the build: `passives` allocates each node that one point reaches.
    #[arg(long, value_name = "WHAT", conflicts_with = "variations")]
    pub vary: Option<String>,
    /// Has the server make the variations; can be given more than once. `passives:N` each node within N points,
    /// `removable`, `pairs:N`, `levels:1-21` and `qualities:0-20` of every gem, `supports:GROUP` or `supports:GROUP/GEM`,
    /// `items:FILE` each item in every slot that it fits into (texts begin with `Rarity:`), `uniques:SLOT`, `config` or
    /// `config:TEXT`, `masteries`, `anoints`.
    #[arg(long, value_name = "FAMILY[:WHAT]", conflicts_with_all = ["variations", "vary"])]
    pub sweep: Vec<String>,
    /// File with one variation a line, or `-` for standard input.
    #[arg(long, value_name = "FILE.jsonl")]
    pub variations: Option<String>,
    /// Evaluates each variation under these circumstances too; can be given more than once. Config options by name, as
    /// `boss=enemyIsBoss:Pinnacle,conditionFullLife:true`, nothing, as `map=`, or a file with one variation, as
    /// `naked=@FILE.json`. Expressions then name stats as `boss.TotalDPS`.
    #[arg(long, value_name = "NAME=OPTION:VALUE,...", conflicts_with = "by")]
    pub scenario: Vec<String>,
    /// Stats to show, by name.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "preset")]
    pub stats: Vec<String>,
    /// Ready-made selection of stats: `main` (the sidebar's) or `all`. Default: the stat of --by, or `main`.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Sorts by this stat, best first.
    #[arg(long, value_name = "STAT", conflicts_with_all = ["maximize", "minimize"])]
    pub by: Option<String>,
    /// Keeps what meets this constraint, for example `Life >= 4500`. Can be given more than once.
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub constraints: Vec<String>,
    /// Scores by this expression over stats, most first, for example `TotalDPS * min(1, Life / 5000)`. Can be given more
    /// than once; the first decides the order.
    #[arg(long, value_name = "EXPRESSION")]
    pub maximize: Vec<String>,
    /// The same, least first. Those of --maximize come before it.
    #[arg(long, value_name = "EXPRESSION")]
    pub minimize: Vec<String>,
    /// Keeps at most N that no other outdoes in every --maximize and --minimize.
    #[arg(long, value_name = "N", conflicts_with = "top")]
    pub pareto: Option<String>,
    /// Shows the first N only.
    #[arg(long, value_name = "N")]
    pub top: Option<String>,
    /// How outcomes are written: `table`, `json` or `csv`.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Warnings become failures.
    #[arg(long)]
    pub strict: bool,
    /// Who evaluates.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    pobatch compare --engine-a pob-2.55 --engine-b pob-2.60 --base build.xml --sweep passives:3\n  \
    pobatch compare --engine-a pob-2.55 --engine-b pob-2.60 --base build.xml --stats Life,TotalDPS --format csv")]
pub struct Compare {
    /// The first engine: a directory, or `sample`; with --endpoint, its name there.
    #[arg(long, value_name = "DIR_OR_NAME")]
    pub engine_a: String,
    /// The second.
    #[arg(long, value_name = "DIR_OR_NAME")]
    pub engine_b: String,
    /// A build: a file with XML or a share code, a share code itself, or `-` for standard input. Can be given more than
    /// once.
    #[arg(long, value_name = "FILE_OR_CODE", required = true)]
    pub base: Vec<String>,
    /// Compares also what the server makes of each base; can be given more than once. The families are those of `eval`.
    #[arg(long, value_name = "FAMILY[:WHAT]")]
    pub sweep: Vec<String>,
    /// Stats to compare, by name. Default: all.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "preset")]
    pub stats: Vec<String>,
    /// Ready-made selection of stats: `main` (the sidebar's, of either) or `all`.
    #[arg(long, value_name = "NAME", default_value = "all")]
    pub preset: String,
    /// Shows the first N differences only; all are counted.
    #[arg(long, value_name = "N")]
    pub top: Option<String>,
    /// How they are written: `table`, `json` or `csv`.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Who evaluates.
    #[command(flatten)]
    pub servers: Servers,
}

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub struct Describe {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE")]
    pub base: String,
    /// Stats to show, by name. Default: the main ones.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub stats: Vec<String>,
    /// How it is written: `table`, `json` or `csv`.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Who describes.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(value_name = "BASE_A")]
    pub a: String,
    /// Another one.
    #[arg(value_name = "BASE_B")]
    pub b: String,
    /// Stats to compare, by name. Default: the main ones.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub stats: Vec<String>,
    /// How it is written: `table`, `json` or `csv`.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Who describes.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    pobatch export --base build.xml --variation '{\"allocate_path\":[36678]}'\n  \
    pobatch export --base build.xml --variation '{\"level\":95}' --check Life,TotalDPS --format json")]
pub struct Export {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE")]
    pub base: String,
    /// The variation, as JSON. Default: the build as it is.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub variation: String,
    /// Stats of the build that was written, loaded from scratch to prove it. They are part of `--format table`, `json` and
    /// `csv`.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub check: Vec<String>,
    /// How it is written: `code` and `xml` give the build alone, `table`, `json` and `csv` what else is known of it, too.
    #[arg(long, value_name = "FORMAT", default_value = "code")]
    pub format: String,
    /// Who writes.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    pobatch explain --base build.xml --stat Life\n  \
    pobatch explain --base build.xml --variation '{\"allocate_path\":[36678]}' --stat TotalDPS --format json")]
pub struct Explain {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE")]
    pub base: String,
    /// The variation, as JSON. Default: the build as it is.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub variation: String,
    /// The stat, by name.
    #[arg(long, value_name = "STAT")]
    pub stat: String,
    /// How it is written: `table` or `json`.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Who explains.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE")]
    pub base: String,
    /// The golden file.
    #[arg(long, value_name = "FILE.jsonl")]
    pub golden: String,
    /// How often each case is played.
    #[arg(long, value_name = "N", default_value = "1")]
    pub repeat: String,
    /// Plays the cases in an order that this number stands for. Default: the file's.
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<String>,
    /// Who evaluates.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// The build: a file with XML or a share code, a share code itself, or `-` for standard input.
    #[arg(long, value_name = "FILE_OR_CODE", required_unless_present = "suite")]
    pub base: Option<String>,
    /// Kind of the variations: `passives`, `items`, `gems`, `config` or `mixed`.
    #[arg(long, value_name = "KIND", default_value = "passives")]
    pub kind: String,
    /// Nodes that each variation of the kind `passives` allocates. Default: one, and two when every single node had its
    /// turn.
    #[arg(long, value_name = "N")]
    pub nodes: Option<String>,
    /// How many variations are measured.
    #[arg(long, value_name = "N", default_value = "2000")]
    pub count: String,
    /// How many are evaluated beforehand, unmeasured.
    #[arg(long, value_name = "N", default_value = "200")]
    pub warm_up: String,
    /// Sessions that are open at once; the variations are dealt out to them.
    #[arg(long, value_name = "N", default_value = "1")]
    pub streams: String,
    /// Variations that each session sends ahead of their outcomes.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub in_flight: String,
    /// Stats that each outcome carries. Default: the main ones.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub stats: Vec<String>,
    /// How the result is written: `table` or `json`. The tables of a suite are Markdown.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
    /// Measures all kinds for all builds, and how cost grows with what.
    #[arg(long, conflicts_with_all = ["base", "kind", "nodes", "streams", "in_flight", "stats", "endpoint"])]
    pub suite: bool,
    /// With --suite: files with builds, or directories of such (`*.xml`). What grows is measured with the first of them.
    /// Default: `examples`.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub builds: Vec<String>,
    /// With --suite: how often each figure is measured; the median is shown. Default: 3.
    #[arg(long, value_name = "N")]
    pub rounds: Option<String>,
    /// With --suite: a command that does the same in another way, run in turn with ours. Its words are parted by white space
    /// and no shell sees them; `{build}` is replaced by the build's file, `{path}` by `calc` or `reload`, `{count}` by a
    /// number of variations. Its last line must be `N variations/s`.
    #[arg(long, value_name = "COMMAND")]
    pub baseline_command: Option<String>,
    /// Who evaluates.
    #[command(flatten)]
    pub target: Target,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Directory of the Path of Building installation. Without it the sample engine is checked.
    #[arg(long, env = "POBATCH_POB", value_name = "DIR")]
    pub pob: Option<String>,
}
