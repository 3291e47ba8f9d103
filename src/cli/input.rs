//! What commands are given: builds and lists of variations, from files, standard input or the command line.

use std::{
    io::{self, Read as _},
    path::Path,
};

use serde::Deserialize;

use crate::{
    build::variation::Variation,
    check::golden::{Golden, NotGolden},
    client::{Build, Named},
};

/// Largest file that is read, in bytes: a list of a hundred thousand variations, or a golden file of a thousand cases.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// No share code is shorter, so a shorter text that names no file is a misspelt file name.
const CODE_LENGTH_MIN: usize = 100;

/// What was given cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be read.
    #[error("cannot read {name}")]
    Read {
        /// The file, or standard input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Neither a file nor a share code.
    #[error("there is no file `{0}`, and a share code it is not")]
    NoSuchFile(String),
    /// A line that is no variation, or no case.
    #[error("{name}, line {line}: {problem}")]
    Line {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, in words.
        problem: String,
    },
    /// A file without a line.
    #[error("{0} holds nothing")]
    Empty(String),
}

/// The text of a file, or of standard input if its name is `-`.
pub fn text(name: &str) -> Result<String, InputError> {
    let failed = |source| InputError::Read { name: shown(name).to_owned(), source };
    let mut text = String::new();
    let read = if name == "-" {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(name).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
    };
    let length = read.map_err(failed)?;
    if length as u64 > FILE_BYTES_MAX {
        return Err(failed(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes"))));
    }
    Ok(text)
}

/// A golden file.
pub fn golden(name: &str) -> Result<Golden, InputError> {
    let shown = || shown(name).to_owned();
    Golden::parse(&text(name)?).map_err(|error| match error {
        NotGolden::Line { line, problem } => InputError::Line { name: shown(), line, problem },
        NotGolden::Empty => InputError::Empty(shown()),
    })
}

/// A build: a file with XML or a share code, a share code itself, or `-`.
pub fn build(given: &str) -> Result<Build, InputError> {
    if given == "-" || Path::new(given).exists() {
        let text = text(given)?;
        // A byte order mark is what some editors put in front of XML.
        let begins = text.trim_start_matches('\u{feff}').trim_start();
        return Ok(if begins.starts_with('<') { Build::Xml(text) } else { Build::ShareCode(text) });
    }
    let is_code = given.len() >= CODE_LENGTH_MIN
        && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/= \r\n\t".contains(&byte));
    if is_code { Ok(Build::ShareCode(given.to_owned())) } else { Err(InputError::NoSuchFile(given.to_owned())) }
}

/// A line that gives its variation a name. What else a golden file says on it is of no interest here.
#[derive(Deserialize)]
struct NamedLine {
    #[serde(alias = "case")]
    id: Option<String>,
    variation: Variation,
}

/// A list of variations: one a line, bare or with a name. Lines without a name are called after their number.
pub fn variations(name: &str) -> Result<Vec<Named>, InputError> {
    let list = parse_variations(shown(name), &text(name)?)?;
    if list.is_empty() { Err(InputError::Empty(shown(name).to_owned())) } else { Ok(list) }
}

/// Texts of items, one behind the other: each begins with the line `Rarity:`, or `Item Class:` before it.
pub fn items(name: &str) -> Result<Vec<String>, InputError> {
    let list = parse_items(&text(name)?);
    if list.is_empty() { Err(InputError::Empty(shown(name).to_owned())) } else { Ok(list) }
}

fn parse_items(text: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let mut class = false;
    for line in text.lines() {
        let is_class = line.starts_with("Item Class:");
        if is_class || (line.starts_with("Rarity:") && !class) {
            list.push(String::new());
        }
        class = is_class;
        if let Some(item) = list.last_mut() {
            item.push_str(line);
            item.push('\n');
        }
    }
    list
}

/// One variation, as JSON.
pub fn variation(name: &str, text: &str) -> Result<Variation, InputError> {
    let failed = |error: serde_json::Error| InputError::Line {
        name: name.to_owned(),
        line: error.line(),
        problem: format!("not a variation: {error}"),
    };
    serde_json::from_str(text).map_err(failed)
}

fn parse_variations(name: &str, text: &str) -> Result<Vec<Named>, InputError> {
    lines(text)
        .map(|(line, text)| {
            let failed = |error: serde_json::Error| InputError::Line {
                name: name.to_owned(),
                line,
                problem: format!("not a variation: {error}"),
            };
            let value: serde_json::Value = serde_json::from_str(text).map_err(failed)?;
            // Told apart by this key, so that each form's errors name its own fields.
            let (id, variation) = if value.get("variation").is_some() {
                let named: NamedLine = serde_json::from_value(value).map_err(failed)?;
                (named.id, named.variation)
            } else {
                (None, serde_json::from_value(value).map_err(failed)?)
            };
            Ok(Named { id: id.unwrap_or_else(|| format!("line {line}")), variation })
        })
        .collect()
}

/// The lines that hold something, with their numbers.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

/// A file's name as people know it.
pub fn shown(name: &str) -> &str {
    if name == "-" { "standard input" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_begin_with_their_rarity_or_their_class() {
        let text = "Rarity: RARE\nA\n\nItem Class: Rings\nRarity: RARE\nB\nRarity: UNIQUE\nC\n";
        let list = parse_items(text);
        assert_eq!(list, ["Rarity: RARE\nA\n\n", "Item Class: Rings\nRarity: RARE\nB\n", "Rarity: UNIQUE\nC\n"]);
        assert!(parse_items("nothing").is_empty());
    }

    #[test]
    fn a_variation_may_have_a_name() {
        let text =
            "{\"level\":90}\n\n{\"id\":\"mine\",\"variation\":{}}\n{\"case\":\"c\",\"build\":\"x\",\"variation\":{}}";
        let list = parse_variations("f", text).unwrap();
        let ids: Vec<_> = list.iter().map(|named| named.id.as_str()).collect();
        assert_eq!(ids, ["line 1", "mine", "c"]);
        assert_eq!(list[0].variation.level, Some(90));
    }

    #[test]
    fn a_line_that_is_no_variation_is_named_with_its_field() {
        let error = parse_variations("f", "{}\n{\"allocat\":[1]}").unwrap_err().to_string();
        assert!(error.starts_with("f, line 2: not a variation: unknown field `allocat`"), "{error}");
        let error = parse_variations("f", "{\"variation\":{\"level\":\"x\"}}").unwrap_err().to_string();
        assert!(error.contains("invalid type: string \"x\", expected u32"), "{error}");
    }

    #[test]
    fn what_is_neither_file_nor_code_is_refused() {
        assert!(matches!(build("no-such-file.xml"), Err(InputError::NoSuchFile(_))));
        assert!(matches!(build(&"eNrtPQ".repeat(30)), Ok(Build::ShareCode(_))));
    }

    #[test]
    fn xml_and_codes_are_told_apart_by_their_first_character() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("build");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            build(file.to_str().unwrap()).unwrap()
        };
        assert!(matches!(read("\u{feff}<PathOfBuilding/>"), Build::Xml(_)));
        assert!(matches!(read("eNrt\n"), Build::ShareCode(_)));
    }
}
