//! Engines by name, and what they are checked by, as the command line has them. Pure.

use std::{path::PathBuf, sync::Arc};

use crate::supervisor::{EngineChoice, EngineSpec, SelfCheck};

/// More engines than anybody has on one machine: each has a zygote of some hundred megabytes.
const ENGINES_MAX: usize = 16;

/// Longest name of an engine: it is a label of metrics, and stands in tables.
const NAME_CHARS_MAX: usize = 32;

/// The word in the place of a directory that stands for the embedded engine.
const EMBEDDED: &str = "sample";

/// The engines: that of `--pob`, then those of `--engine`; the embedded one if there is none.
pub(super) fn engines(pob: Option<&str>, named: &[String]) -> Result<Vec<EngineSpec>, String> {
    // An empty text is what an environment variable has that is set to nothing.
    let pob = pob.filter(|directory| !directory.is_empty());
    let mut engines: Vec<_> =
        pob.into_iter().flat_map(|directory| EngineChoice::Pob(directory.into()).alone()).collect();
    for text in named.iter().filter(|text| !text.is_empty()) {
        let engine = engine(text)?;
        if engines.iter().any(|other| other.name == engine.name) {
            return Err(format!("`{}` is named twice", engine.name));
        }
        engines.push(engine);
    }
    if engines.len() > ENGINES_MAX {
        return Err(format!("{} engines are more than {ENGINES_MAX}", engines.len()));
    }
    Ok(if engines.is_empty() { EngineChoice::Sample.alone() } else { engines })
}

/// `NAME=DIR`, or `NAME=sample`.
fn engine(text: &str) -> Result<EngineSpec, String> {
    let (name, place) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form NAME=DIR"))?;
    let is_good = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let begins_well = name.starts_with(|character: char| character.is_ascii_alphanumeric());
    if !begins_well || !name.chars().all(is_good) || name.len() > NAME_CHARS_MAX {
        return Err(format!("`{name}` is no name: letters, digits, `.`, `_` and `-`, at most {NAME_CHARS_MAX}"));
    }
    match place {
        "" => Err(format!("`{text}` names no directory")),
        place => Ok(EngineSpec { name: name.into(), choice: choice(place) }),
    }
}

/// A directory, or the word for the embedded engine.
pub(super) fn choice(place: &str) -> EngineChoice {
    if place == EMBEDDED { EngineChoice::Sample } else { EngineChoice::Pob(PathBuf::from(place)) }
}

/// `BUILD=GOLDEN` for the first engine, `ENGINE:BUILD=GOLDEN` for another.
pub(super) fn self_check(text: &str, engines: &[EngineSpec]) -> Result<SelfCheck, String> {
    let named = text.split_once(':').and_then(|(name, files)| {
        let engine = engines.iter().find(|engine| &*engine.name == name)?;
        Some((Arc::clone(&engine.name), files))
    });
    let first = engines.first().map_or_else(|| EMBEDDED.into(), |engine| Arc::clone(&engine.name));
    let (engine, files) = named.unwrap_or((first, text));
    match files.split_once('=') {
        Some((build, golden)) if !build.is_empty() && !golden.is_empty() => {
            Ok(SelfCheck { engine, build: build.into(), golden: golden.into() })
        }
        _ => Err(format!("`{text}` is not of the form [ENGINE:]BUILD=GOLDEN.jsonl")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pob: Option<&str>, texts: &[&str]) -> Result<Vec<String>, String> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let word = |engine: EngineSpec| match engine.choice {
            EngineChoice::Sample => format!("{} embedded", engine.name),
            EngineChoice::Pob(directory) => format!("{} {}", engine.name, directory.display()),
        };
        Ok(engines(pob, &texts)?.into_iter().map(word).collect())
    }

    #[test]
    fn engines_are_named_and_one_directory_alone_is_called_pob() {
        assert_eq!(named(None, &[]).unwrap(), ["sample embedded"]);
        assert_eq!(named(Some(""), &[""]).unwrap(), ["sample embedded"]);
        assert_eq!(named(Some("/p"), &[]).unwrap(), ["pob /p"]);
        assert_eq!(named(None, &["old=/a", "new=/b"]).unwrap(), ["old /a", "new /b"]);
        assert_eq!(named(Some("/p"), &["try=sample"]).unwrap(), ["pob /p", "try embedded"]);
        assert_eq!(named(None, &["s=./sample", "t=/a=b"]).unwrap(), ["s ./sample", "t /a=b"]);
    }

    #[test]
    fn what_is_no_engine_is_refused_in_words() {
        for (texts, word) in [
            (vec!["a"], "NAME=DIR"),
            (vec!["=/a"], "no name"),
            (vec!["-a=/a"], "no name"),
            (vec!["a b=/a"], "no name"),
            (vec!["a="], "no directory"),
            (vec!["a=/a", "a=/b"], "twice"),
        ] {
            let problem = named(None, &texts).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        assert!(named(Some("/p"), &["pob=/a"]).unwrap_err().contains("twice"));
        assert!(named(None, &[&format!("{}=/a", "x".repeat(33))]).is_err());
        let many: Vec<_> = (0..17).map(|index| format!("e{index}=sample")).collect();
        assert!(engines(None, &many).is_err());
    }

    #[test]
    fn a_golden_file_is_for_the_engine_that_it_names_or_for_the_first() {
        let engines = engines(None, &["old=/a".into(), "new=/b".into()]).unwrap();
        let check = |text: &str| self_check(text, &engines).map(|check| (check.engine.to_string(), check.build));
        assert_eq!(check("b.xml=g.jsonl").unwrap(), ("old".into(), "b.xml".into()));
        assert_eq!(check("new:b.xml=g.jsonl").unwrap(), ("new".into(), "b.xml".into()));
        assert_eq!(check("c:b.xml=g.jsonl").unwrap(), ("old".into(), "c:b.xml".into()), "no engine: part of a path");
        assert!(check("b.xml").is_err() && check("=g").is_err() && check("new:b=").is_err());
    }
}
