//! The table of faults in ARCHITECTURE.md names tests; this one sees to it that they exist.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{collections::HashSet, fs, path::Path};

/// Names of functions in all Rust files below the folder.
fn functions(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let found = source.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
            names.extend(found.map(str::to_owned));
        }
    }
}

#[test]
fn every_test_that_the_table_of_faults_names_exists() {
    /// Words of a test's name; field names and the like have fewer.
    const WORDS_MIN: usize = 4;

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("\n## Faults\n").expect("the section is there");
    let (table, _) = table.split_once("\n## ").expect("another follows");
    let is_name = |word: &&str| {
        word.split('_').count() >= WORDS_MIN
            && word.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let named: Vec<_> = table.split(|c: char| !c.is_alphanumeric() && c != '_').filter(is_name).collect();
    assert!(named.len() > 20, "{named:?}");
    let mut names = HashSet::new();
    functions(&root.join("tests"), &mut names);
    functions(&root.join("src"), &mut names);
    let missing: Vec<_> = named.into_iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "no such test: {missing:?}");
}
