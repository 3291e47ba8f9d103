//! `pobatch doctor`: checks a Path of Building installation, and says in words what is wrong and what to do.
//!
//! One check after the other; one that cannot be made because of an earlier one is left out. Nothing is written.

mod build;
mod memory;

use std::time::Instant;

use super::{CliError, Output, Verdict, error::in_words, server::Server, table};
use crate::{
    check::files,
    config::{self, Target},
    runtime::host::{Installation, InstallationError},
    supervisor::EngineChoice,
};

/// The versions that pobatch is tested with; accelerators know these.
const TESTED_VERSIONS: [&str; 2] = ["2.55.5", "2.60.0"];
/// How to get one.
const HOW_TO_GET: &str = "git clone --depth 1 --branch v2.55.5 \
                          https://github.com/PathOfBuildingCommunity/PathOfBuilding.git";

/// Checks.
pub async fn run(settings: config::Server, output: &mut Output) -> Result<Verdict, CliError> {
    let mut findings = Findings { output, problems: 0 };
    let usable = match &settings.engines[0].choice {
        EngineChoice::Sample => {
            findings.note("engine", "the embedded sample engine; give --pob DIR to check a Path of Building")?;
            true
        }
        EngineChoice::Pob(directory) => match Installation::find(directory) {
            Ok(installation) => {
                check_installation(&installation, &mut findings)?;
                true
            }
            Err(error) => {
                findings.wrong("directory", &format!("{error}; {}", advice(&error)))?;
                false
            }
        },
    };
    if usable {
        check_running(settings, &mut findings).await?;
    }

    let Findings { output, problems } = findings;
    let verdict = match problems {
        0 => "doctor: all is well".to_owned(),
        1 => "doctor: 1 problem".to_owned(),
        problems => format!("doctor: {problems} problems"),
    };
    output.line(&verdict)?;
    Ok(if problems == 0 { Verdict::Good } else { Verdict::Bad })
}

/// Writes what is found, as it is found, and counts what is wrong.
struct Findings<'a> {
    output: &'a mut Output,
    problems: usize,
}

impl Findings<'_> {
    fn good(&mut self, what: &str, words: &str) -> Result<(), CliError> {
        self.write("ok", what, words)
    }

    fn note(&mut self, what: &str, words: &str) -> Result<(), CliError> {
        self.write("note", what, words)
    }

    fn wrong(&mut self, what: &str, words: &str) -> Result<(), CliError> {
        self.problems += 1;
        self.write("WRONG", what, words)
    }

    /// At once: the next check may take seconds.
    fn write(&mut self, verdict: &str, what: &str, words: &str) -> Result<(), CliError> {
        self.output.line(&format!("{verdict:<6}{what:<10} {words}"))?;
        self.output.finish()
    }
}

fn advice(error: &InstallationError) -> String {
    match error {
        InstallationError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            format!("check the path, or get one: {HOW_TO_GET}")
        }
        InstallationError::Unreadable { .. } => "let the user that runs pobatch read it".to_owned(),
        InstallationError::NoLaunch(directory) => {
            let within = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
            match within.into_iter().find(|path| Installation::find(path).is_ok()) {
                Some(path) => format!("there is one in it: --pob {}", path.display()),
                None => format!("get one: {HOW_TO_GET}"),
            }
        }
        InstallationError::NoLibraries(_) => format!("copy the whole of it, or get one anew: {HOW_TO_GET}"),
    }
}

fn check_installation(installation: &Installation, findings: &mut Findings<'_>) -> Result<(), CliError> {
    let layout = if installation.scripts() == installation.root() { "a release" } else { "a checkout" };
    findings.good("directory", &format!("{}, {layout}", installation.root().display()))?;

    let Some(manifest) = files::Manifest::read(installation) else {
        return findings.note("files", "no manifest.xml that can be read, so whether all files are there is not known");
    };
    match manifest.version.as_deref() {
        Some(version) if TESTED_VERSIONS.contains(&version) => findings.good("version", version)?,
        Some(version) => {
            let tested = TESTED_VERSIONS.join(" and ");
            let words = format!("{version}; pobatch is tested with {tested}, so verify what matters to you");
            findings.note("version", &words)?;
        }
        None => findings.note("version", "manifest.xml does not say it")?,
    }
    let missing = manifest.missing(installation);
    if missing.is_empty() {
        return findings.good("files", &format!("all {} that calculations need are there", manifest.files.len()));
    }
    for file in &missing {
        findings.wrong("files", &format!("{} is {}{}", file.path, file.state, file.consequence()))?;
    }
    findings.note("files", "restore them with `git checkout -- .` in a checkout, or copy the release again")
}

async fn check_running(settings: config::Server, findings: &mut Findings<'_>) -> Result<(), CliError> {
    let started = Instant::now();
    let server = match Server::connect(Target::Own(Box::new(settings))).await {
        Ok(server) => server,
        Err(error) => {
            let words = in_words(&error);
            return findings.wrong("boot", words.strip_prefix("pobatch: ").unwrap_or(&words));
        }
    };
    let engine = &server.engine;
    let seconds = started.elapsed().as_secs_f64();
    findings.good("boot", &format!("{} {} in {seconds:.1} s", engine.engine.name, engine.engine.version))?;
    match (engine.tree_versions.first(), engine.tree_versions.last()) {
        (Some(oldest), Some(newest)) => {
            findings.good("trees", &format!("{}, from {oldest} to {newest}", engine.tree_versions.len()))?;
        }
        _ => findings.wrong("trees", "no passive tree is installed: TreeData holds no tree.lua")?,
    }

    match build::check(&server).await {
        Ok(life) => {
            findings.good("build", &format!("a build of ours loads and evaluates: life {}", table::number(life)))?;
        }
        Err(problem) => findings.wrong("build", &problem)?,
    }
    match memory::Memory::measure() {
        Some(memory) => {
            let words = memory.in_words();
            if memory.is_enough() { findings.good("memory", &words)? } else { findings.wrong("memory", &words)? }
        }
        None => findings.note("memory", "/proc does not tell")?,
    }
    server.leave().await;
    Ok(())
}
