//! The files of an installation: those that its own manifest lists, as far as calculations need them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use roxmltree::Document;

use crate::runtime::host::Installation;

/// Endings of files that a calculation can read; pictures, fonts and the window program it cannot.
const NEEDED: &[&str] = &[".lua", ".zip", ".part0", ".part1", ".part2", ".part3", ".part4"];
/// Longest manifest that is read, in bytes. The real ones have a tenth.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// What the installation says of itself.
pub struct Manifest {
    /// Its version.
    pub version: Option<String>,
    /// The files that calculations need, as paths within the installation's root.
    pub files: Vec<PathBuf>,
}

/// A file that is not as it should be.
pub struct Missing {
    /// Within the installation's root.
    pub path: String,
    /// What is wrong with it.
    pub state: State,
}

impl Missing {
    /// What follows for builds, where that is known.
    #[must_use]
    pub fn consequence(&self) -> &'static str {
        if self.path.contains("TreeData/") {
            ": builds of that tree are refused"
        } else if self.path.contains("TimelessJewelData/") {
            ": builds with that timeless jewel do not load as they should"
        } else {
            ""
        }
    }
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there.
    Missing,
    /// Nothing is in it.
    Empty,
    /// It cannot be opened.
    Unreadable,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Unreadable => "not readable",
        })
    }
}

impl Manifest {
    /// Reads `manifest.xml`, if there is one.
    #[must_use]
    pub fn read(installation: &Installation) -> Option<Self> {
        let path = installation.root().join("manifest.xml");
        if fs::metadata(&path).ok()?.len() > MANIFEST_BYTES_MAX {
            return None;
        }
        let is_checkout = installation.scripts() != installation.root();
        Self::parse(&fs::read_to_string(path).ok()?, is_checkout)
    }

    fn parse(text: &str, is_checkout: bool) -> Option<Self> {
        let document = Document::parse(text).ok()?;
        let elements = || document.root_element().children().filter(roxmltree::Node::is_element);
        let version = elements().find(|node| node.has_tag_name("Version")).and_then(|node| node.attribute("number"));
        let files = elements().filter(|node| node.has_tag_name("File")).filter_map(|node| {
            let (name, part) = (node.attribute("name")?.replace("{space}", " "), node.attribute("part")?);
            let needed = NEEDED.iter().any(|ending| name.ends_with(ending));
            // A release has everything in one place; in a checkout each part has a directory of its own.
            let directory = match (part, is_checkout) {
                ("program" | "tree", true) => "src",
                ("runtime", true) => "runtime",
                ("program" | "tree" | "runtime", false) => "",
                // Other parts are window programs and texts, wherever they lie.
                _ => return None,
            };
            needed.then(|| PathBuf::from(directory).join(name))
        });
        Some(Self { version: version.map(str::to_owned), files: files.collect() })
    }

    /// The files that are not as they should be, in the manifest's order.
    #[must_use]
    pub fn missing(&self, installation: &Installation) -> Vec<Missing> {
        let state = |path: &PathBuf| match fs::File::open(path).and_then(|file| file.metadata()) {
            Ok(data) if data.len() == 0 => Some(State::Empty),
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(State::Missing),
            Err(_) => Some(State::Unreadable),
        };
        let check = |path: &PathBuf| {
            let state = state(&installation.root().join(path))?;
            Some(Missing { path: path.display().to_string(), state })
        };
        self.files.iter().filter_map(check).collect()
    }
}

/// What an installation lacks, in words, one for each file; nothing if it does not say itself what it should have.
#[must_use]
pub fn lacking(directory: &Path) -> Vec<String> {
    let Ok(installation) = Installation::find(directory) else { return Vec::new() };
    let missing = Manifest::read(&installation).map_or_else(Vec::new, |manifest| manifest.missing(&installation));
    missing.iter().map(|file| format!("{} is {}", file.path, file.state)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"<PoBVersion><Version number="2.55.5"/>
        <File name="Modules/Calcs.lua" part="program"/><File name="Assets/a.png" part="program"/>
        <File name="TreeData/3_26/tree.lua" part="tree"/><File name="lua/xml.lua" part="runtime"/>
        <File name="Path{space}of.lua" part="program"/><File name="help.txt" part="default"/>
        <File name="conf.lua" part="love"/></PoBVersion>"#;

    fn paths(is_checkout: bool) -> Vec<String> {
        let manifest = Manifest::parse(MANIFEST, is_checkout).unwrap();
        manifest.files.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_files_that_calculations_need_lie_where_the_layout_says() {
        let checkout =
            ["src/Modules/Calcs.lua", "src/TreeData/3_26/tree.lua", "runtime/lua/xml.lua", "src/Path of.lua"];
        assert_eq!(paths(true), checkout);
        assert_eq!(paths(false), ["Modules/Calcs.lua", "TreeData/3_26/tree.lua", "lua/xml.lua", "Path of.lua"]);
    }

    #[test]
    fn missing_and_empty_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("manifest.xml", MANIFEST);
        write("Launch.lua", "x");
        write("lua/xml.lua", "x");
        write("Path of.lua", "");
        write("Modules/Calcs.lua", "x");
        let installation = Installation::find(directory.path()).unwrap();
        let manifest = Manifest::read(&installation).unwrap();
        assert_eq!(manifest.version.as_deref(), Some("2.55.5"));
        let missing = manifest.missing(&installation);
        assert_eq!(missing[0].consequence(), ": builds of that tree are refused");
        let missing: Vec<_> = missing.iter().map(|file| (file.path.as_str(), file.state)).collect();
        assert_eq!(missing, [("TreeData/3_26/tree.lua", State::Missing), ("Path of.lua", State::Empty)]);
    }
}
