//! The words of the commands that are about builds.

use clap::Args;

use super::{Servers, Target};

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
    /// How many are evaluated beforehand, unmeasured, once the server has warmed the base up.
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
