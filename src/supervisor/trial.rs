//! Trials: an engine is booted and checked before anybody gets it. It is given a supervisor of its own, with one shard and
//! metrics that nobody reads, so that it is asked in the very way in which calls will be, and what it does there
//! disturbs nobody.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    EngineChoice, EngineSpec, Held, Priority, ReloadError, SelfCheck, SessionSpec, Settings, Submission, Supervisor,
    zygote::{self, Zygote},
};
use crate::{
    build::{
        base::EditionId,
        outcome::{Cell, Evaluated, NamedStat, Selection, StatValue},
        variation::Variation,
    },
    check::{
        golden::{Golden, Mismatch, Shown, compare},
        probe,
    },
    metrics::Metrics,
};

/// Bases that a trial holds at once: that of ours, and one of a golden file.
const BASES_MAX: usize = 2;

/// Variations that a trial has in flight.
const IN_FLIGHT_MAX: usize = 64;

/// Largest build or golden file that is read, in bytes: a thousand cases.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Mismatches, or files, that are told of: enough to know what is wrong.
const TOLD_MAX: usize = 3;

/// That directory, if it is below the root once every link is followed: a name must not lead out of it.
///
/// # Errors
/// In words.
fn below(root: &Path, directory: &Path) -> Result<PathBuf, String> {
    let resolved = |path: &Path| fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()));
    let (root, directory) = (resolved(root)?, resolved(&root.join(directory))?);
    if directory.starts_with(&root) {
        Ok(directory)
    } else {
        Err(format!("{} is not below {}", directory.display(), root.display()))
    }
}

/// Boots the engine and checks it in every way. With a root, its directory must be below that. It may lack the files that
/// the edition before lacks, and no others.
///
/// # Errors
/// [`ReloadError`].
pub async fn boot(
    settings: &Settings,
    mut engine: EngineSpec,
    root: Option<PathBuf>,
    lacked: &[String],
    edition: EditionId,
) -> Result<Zygote, ReloadError> {
    if let (EngineChoice::Pob(directory), Some(root)) = (&mut engine.choice, root) {
        let asked = directory.clone();
        let found = tokio::task::spawn_blocking(move || below(&root, &asked)).await;
        *directory =
            found.map_err(|error| error.to_string()).and_then(|found| found).map_err(ReloadError::Directory)?;
    }
    let failed = |error| ReloadError::Boot(Arc::new(error));
    let zygote = zygote::boot(settings, &engine, edition).await.map_err(failed)?;
    files(&zygote, lacked).map_err(ReloadError::Check)?;
    probe(settings, &zygote).await.map_err(ReloadError::Check)?;
    golden(settings, &zygote).await.map_err(ReloadError::Check)?;
    Ok(zygote)
}

/// Whether all files are there that calculations need: an installation that is still being copied boots as well.
fn files(zygote: &Zygote, lacked: &[String]) -> Result<(), String> {
    let missing: Vec<_> = zygote.lacks.iter().filter(|file| !lacked.contains(file)).cloned().collect();
    match missing.len() {
        0 => Ok(()),
        count => Err(format!("{count} files are not as they should be: {}", missing[..count.min(TOLD_MAX)].join(", "))),
    }
}

/// Whether it loads and evaluates a build of ours.
async fn probe(settings: &Settings, zygote: &Zygote) -> Result<(), String> {
    let trial = Trial::of(settings, zygote)?;
    let xml = probe::build(&zygote.facts.kind, &zygote.facts.tree_versions)?;
    let base = trial.load(&xml).await.map_err(|error| format!("a build of ours is refused: {error}"))?;
    let levels = probe::LEVELS.map(|level| Variation { level, ..Variation::default() });
    let number = |stats: &[NamedStat]| {
        let found = stats.iter().find(|(name, _)| **name == *probe::STAT).map(|(_, value)| value);
        match found {
            Some(StatValue::Number(number)) => Ok(*number),
            other => Err(format!("{} is no number: {other:?}", probe::STAT)),
        }
    };
    let mut lives = Vec::new();
    // One by one: the third must find what the second left behind.
    for level in levels {
        let outcomes = trial.evaluate(&base, vec![level]).await?;
        for outcome in outcomes {
            lives.push(number(&outcome?)?);
        }
    }
    probe::judge(number(&base.stats)?, &lives).map(drop)
}

/// Holds the engine against its golden files.
///
/// # Errors
/// In words, what is wrong.
pub async fn golden(settings: &Settings, zygote: &Zygote) -> Result<(), String> {
    let is_for = |check: &&SelfCheck| *check.engine == *zygote.facts.name;
    let checks: Vec<_> = settings.reload.self_checks.iter().filter(is_for).cloned().collect();
    if checks.is_empty() {
        return Ok(());
    }
    let trial = Trial::of(settings, zygote)?;
    for check in checks {
        let name = check.golden.display().to_string();
        trial.play(check).await.map_err(|problem| format!("{name}: {problem}"))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(format!("{} has more than {FILE_BYTES_MAX} bytes", path.display()));
    }
    fs::read_to_string(path).map_err(failed)
}

/// An engine on trial.
struct Trial(Supervisor);

/// The values of an outcome by name, or in words why there are none.
type Outcome = Result<Vec<NamedStat>, String>;

impl Trial {
    fn of(settings: &Settings, zygote: &Zygote) -> Result<Self, String> {
        let engine = EngineSpec { name: zygote.facts.name.as_str().into(), choice: zygote.choice.clone() };
        let settings = Settings {
            engines: vec![engine],
            shards: 1,
            bases_max: BASES_MAX,
            cache_bytes: 0,
            verify_ratio: 0.0,
            metrics: Arc::new(Metrics::new().map_err(|error| error.to_string())?),
            ..settings.clone()
        };
        Ok(Self(Supervisor::over(settings, vec![zygote.clone()])))
    }

    async fn load(&self, xml: &str) -> Result<Held, String> {
        self.0.load_base("", xml.into()).await.map_err(|error| error.to_string())
    }

    /// Outcomes in the order of the variations.
    async fn evaluate(&self, base: &Held, variations: Vec<Variation>) -> Result<Vec<Outcome>, String> {
        let spec = SessionSpec {
            base: base.clone(),
            selection: Selection::All,
            priority: Priority::Batch,
            strict: false,
            deadline: None,
            variation_timeout: None,
            in_flight_max: IN_FLIGHT_MAX,
            request_id: "trial".into(),
        };
        let session = self.0.open(spec).await.map_err(|error| error.to_string())?;
        let (submit, mut outcomes) = (session.submit, session.outcomes);
        let count = variations.len();
        let sending = async move {
            for (tag, variation) in (0..).zip(variations) {
                let submission = Submission { tag, variation: Arc::new(variation) };
                if submit.send(submission).await.is_err() {
                    return;
                }
            }
        };
        let receiving = async {
            let mut all: Vec<Outcome> = (0..count).map(|_| Err("no outcome came".to_owned())).collect();
            while let Some(evaluated) = outcomes.recv().await {
                if let Some(place) = usize::try_from(evaluated.tag).ok().and_then(|tag| all.get_mut(tag)) {
                    *place = by_name(base, evaluated);
                }
            }
            all
        };
        let ((), all) = tokio::join!(sending, receiving);
        Ok(all)
    }

    /// Plays a golden file.
    async fn play(&self, check: SelfCheck) -> Result<(), String> {
        let reading = tokio::task::spawn_blocking(move || {
            let golden = Golden::parse(&read(&check.golden)?).map_err(|error| error.to_string())?;
            Ok::<_, String>((read(&check.build)?, golden))
        });
        let (xml, golden) = reading.await.map_err(|error| error.to_string())??;
        let base = self.load(&xml).await?;
        let mut wrong = Vec::new();
        let mut hold = |case: &str, mismatch: Mismatch| {
            let Mismatch { stat, expected, got } = mismatch;
            wrong.push(format!("{case}: {stat}: expected {}, got {}", Shown(expected.as_ref()), Shown(got.as_ref())));
        };
        compare(&golden.base, &base.stats, |mismatch| hold("base", mismatch));
        let variations = golden.cases.iter().map(|case| case.variation.clone()).collect();
        let outcomes = self.evaluate(&base, variations).await?;
        for (case, outcome) in golden.cases.iter().zip(outcomes) {
            let stats = outcome.map_err(|problem| format!("{}: {problem}", case.name))?;
            compare(&golden.expected(case), &stats, |mismatch| hold(&case.name, mismatch));
        }
        match wrong.len() {
            0 => Ok(()),
            count => Err(format!("{count} values differ: {}", wrong[..count.min(TOLD_MAX)].join("; "))),
        }
    }
}

/// The values of an outcome of all stats, which is aligned with the base.
fn by_name(base: &Held, evaluated: Evaluated) -> Outcome {
    let stats = evaluated.result.map_err(|failure| failure.to_string())?;
    let aligned = base.stats.iter().zip(stats.cells.iter().zip(&stats.values));
    let values = aligned.filter_map(|((name, _), (cell, value))| match cell {
        Cell::Number => Some((name.clone(), StatValue::Number(*value))),
        Cell::Boolean => Some((name.clone(), StatValue::Boolean(*value != 0.0))),
        // A text is among the extra ones.
        Cell::Absent | Cell::Text => None,
    });
    Ok(values.chain(stats.extra).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_directory_is_below_the_root_when_every_link_is_followed_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        for directory in [&root.join("2.56"), &outside] {
            fs::create_dir_all(directory).unwrap();
        }
        std::os::unix::fs::symlink("2.56", root.join("current")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("sly")).unwrap();
        let resolved = fs::canonicalize(root.join("2.56")).unwrap();
        for good in ["2.56", "current", "./2.56/../2.56"] {
            assert_eq!(below(&root, Path::new(good)), Ok(resolved.clone()), "{good}");
        }
        assert_eq!(below(&root, &root.join("2.56")), Ok(resolved.clone()));
        for bad in ["sly", "../outside", "/", "no-such"] {
            assert!(below(&root, Path::new(bad)).is_err(), "{bad}");
        }
        assert!(below(&root, &outside).unwrap_err().contains("is not below"));
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_the_root(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(vec!["..", ".", "2.56", "current", "sly", "up", "root", "outside", "/", "\0"])
                        .prop_map(str::to_owned),
                    any::<String>(),
                ],
                0..8,
            ),
        ) {
            let place = tempfile::tempdir().unwrap();
            let (root, outside) = (place.path().join("root"), place.path().join("outside"));
            for directory in [&root.join("2.56"), &outside] {
                fs::create_dir_all(directory).unwrap();
            }
            for (to, name) in [("2.56", "current"), ("../outside", "sly"), ("..", "up")] {
                std::os::unix::fs::symlink(to, root.join(name)).unwrap();
            }
            if let Ok(found) = below(&root, Path::new(&parts.join("/"))) {
                let root = fs::canonicalize(&root).unwrap();
                prop_assert!(found == root || found == root.join("2.56"), "{}", found.display());
            }
        }
    }
}
