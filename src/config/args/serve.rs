//! The words of `serve`, and of what a server runs.

use clap::{Args, builder::FalseyValueParser};

use super::LimitTexts;

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

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Directory of the Path of Building installation. Without it the sample engine is checked.
    #[arg(long, env = "POBATCH_POB", value_name = "DIR")]
    pub pob: Option<String>,
}
