//! The engine's fingerprint: a hash over every file that can change a number, so that a changed Path of Building is
//! never mistaken for the known one.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::EngineChoice;
use crate::runtime::modules::MODULES;

/// Files of an installation that a number can depend on: code, data and passive trees. Pictures cannot.
const EXTENSIONS: &[&str] = &["lua", "xml", "zip", "part0", "part1", "part2", "part3", "part4"];

/// Folders that no calculation reads: the developers' own tools and tests.
const LEFT_OUT: &[&str] = &["Export", "Builds", "spec", "tests", "docs"];

/// Hash over the engine's files, paths included, as hexadecimal; our own Lua code counts too.
///
/// # Errors
/// If a file cannot be read.
pub fn of(engine: &EngineChoice) -> io::Result<String> {
    let mut hash = Sha256::new();
    for module in MODULES {
        entry(&mut hash, module.path, module.source.as_bytes());
    }
    if let EngineChoice::Pob(directory) = engine {
        let mut files = Vec::new();
        collect(directory, &mut files)?;
        files.sort();
        let mut content = Vec::new();
        for file in files {
            content.clear();
            File::open(&file)?.read_to_end(&mut content)?;
            let path = file.strip_prefix(directory).unwrap_or(&file);
            entry(&mut hash, &path.to_string_lossy(), &content);
        }
    }
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
    Ok(hash.finalize().iter().flat_map(digits).collect())
}

/// Lengths keep one file's end apart from the next one's beginning.
fn entry(hash: &mut Sha256, path: &str, content: &[u8]) {
    for part in [path.as_bytes(), content] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(directory)? {
        let item = item?;
        let path = item.path();
        let name = item.file_name();
        let name = name.to_string_lossy();
        if item.file_type()?.is_dir() {
            if !name.starts_with('.') && !LEFT_OUT.contains(&name.as_ref()) {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|kind| EXTENSIONS.iter().any(|known| kind == *known)) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation() -> (tempfile::TempDir, EngineChoice) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("Modules")).unwrap();
        fs::write(directory.path().join("Modules/Calcs.lua"), "return 1").unwrap();
        fs::write(directory.path().join("picture.png"), "x").unwrap();
        let choice = EngineChoice::Pob(directory.path().to_owned());
        (directory, choice)
    }

    #[test]
    fn a_changed_calculation_file_changes_the_fingerprint_and_a_picture_does_not() {
        let (directory, choice) = installation();
        let before = of(&choice).unwrap();
        fs::write(directory.path().join("picture.png"), "y").unwrap();
        assert_eq!(of(&choice).unwrap(), before);
        fs::write(directory.path().join("Modules/Calcs.lua"), "return 2").unwrap();
        assert_ne!(of(&choice).unwrap(), before);
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_where_the_installation_lies() {
        let (_first, one) = installation();
        let (_second, two) = installation();
        assert_eq!(of(&one).unwrap(), of(&two).unwrap());
    }
}
