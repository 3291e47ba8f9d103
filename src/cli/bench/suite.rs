//! `pobatch bench --suite`: everything that BENCHMARKS.md shows, from one command.
//!
//! The server is in this process and its clients are not: each figure is what `pobatch bench --endpoint` says, run as a
//! process of its own, so the processor time of this process is the server's. One thing runs at a time; what is measured
//! more than once is shown by its median. A baseline, if one is given, runs in turn with ours.

mod about;
mod baseline;
mod child;
mod growth;
mod host;
mod kinds;
mod meter;
mod plumbing;
mod sheet;
mod start;

use std::{
    fs,
    path::{Path, PathBuf},
};

use sheet::Section;

use super::{CliError, Output, Verdict, input::InputError};
use crate::config::{Format, Suite};

/// Measures everything.
pub async fn run(settings: Suite, output: &mut Output) -> Result<Verdict, CliError> {
    let load_before = about::load();
    let builds = builds(&settings.builds)?;
    let measured = kinds::measure(&settings, &builds).await?;
    let mut sections = vec![measured.rates, measured.weights];
    sections.push(start::measure(&settings, &builds[0]).await?);
    sections.extend(growth::measure(&settings, &builds[0]).await?);
    sections.push(plumbing::measure(&settings, &builds[0]).await?);

    let about = about::section(&settings, &measured.engine, load_before);
    let sections: Vec<Section> = std::iter::once(about).chain(sections).collect();
    if settings.format == Format::Json {
        output.json(&sections.iter().map(Section::json).collect())?;
    } else {
        for section in &sections {
            output.line(&section.markdown())?;
        }
    }
    Ok(if measured.failed == 0 { Verdict::Good } else { Verdict::Bad })
}

/// The files that are named, and those in the directories that are named, in that order; never none.
fn builds(named: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let failed = |path: &Path, source| InputError::Read { name: path.display().to_string(), source };
    let mut files = Vec::new();
    for path in named {
        if !fs::metadata(path).map_err(|error| failed(path, error))?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| failed(path, error))? {
            inside.push(entry.map_err(|error| failed(path, error))?.path());
        }
        inside.retain(|file| file.extension().is_some_and(|extension| extension == "xml"));
        inside.sort();
        files.extend(inside);
    }
    if files.is_empty() { Err(InputError::Empty("--builds".to_owned())) } else { Ok(files) }
}

/// What people call a build: its file's name without the ending.
fn name(build: &Path) -> String {
    build.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_order_and_directories_give_theirs_sorted() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name);
            fs::write(&path, "").unwrap();
            path
        };
        let (b, a, other) = (file("b.xml"), file("a.xml"), file("c.txt"));
        let found = builds(&[other.clone(), directory.path().to_owned()]).unwrap();
        assert_eq!(found, [other.clone(), a, b]);
        assert_eq!(name(&found[1]), "a");
        assert!(builds(&[directory.path().join("none")]).is_err());
        assert!(builds(&[]).is_err());
    }
}
