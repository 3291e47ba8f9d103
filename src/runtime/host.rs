//! Host functions: all that Lua can reach outside its own heap.
//!
//! Files are read below one directory and never written; there is no network, process or environment. The Lua side
//! (`pob/host/`) makes PoB's window program out of these few functions.

use std::{
    cell::RefCell,
    fmt::Write as _,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Instant, UNIX_EPOCH},
};

use flate2::{
    Compression,
    read::{DeflateDecoder, ZlibDecoder},
    write::ZlibEncoder,
};
use mlua::{Lua, LuaString, Table};
use sha2::{Digest as _, Sha256};

use super::journal::Journal;

/// Largest file that Lua may read, in bytes; PoB's largest is a tenth of it.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Largest text that `inflate` gives, in bytes; PoB's largest table has 40 MB.
const INFLATED_BYTES_MAX: u64 = 256 << 20;

/// A PoB installation on disk: a checkout (`src/`, `runtime/lua/`) or a release (`lua/` beside the program).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Nothing outside is readable.
    root: PathBuf,
    /// Where `Launch.lua` lies: relative paths begin here.
    scripts: PathBuf,
    /// Where PoB's own libraries lie.
    libraries: PathBuf,
}

/// The directory is no PoB installation.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The directory cannot be read.
    #[error("cannot read {directory}: {source}")]
    Unreadable {
        /// As given.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No `Launch.lua`.
    #[error("{0} holds no Path of Building: neither Launch.lua nor src/Launch.lua is there")]
    NoLaunch(PathBuf),
    /// No `xml.lua`.
    #[error("{0} is incomplete: neither lua/xml.lua nor runtime/lua/xml.lua is there")]
    NoLibraries(PathBuf),
}

impl Installation {
    /// Finds out how an installation is laid out; a checkout's `src` directory will do too.
    ///
    /// # Errors
    /// If it is none.
    pub fn find(directory: &Path) -> Result<Self, InstallationError> {
        let unreadable = |source| InstallationError::Unreadable { directory: directory.to_owned(), source };
        let given = directory.canonicalize().map_err(unreadable)?;
        let parent = given.parent().map(Path::to_owned);
        let (root, scripts) = if given.join("src/Launch.lua").is_file() {
            (given.clone(), given.join("src"))
        } else if !given.join("Launch.lua").is_file() {
            return Err(InstallationError::NoLaunch(given));
        } else {
            match parent {
                Some(parent) if parent.join("runtime/lua/xml.lua").is_file() => (parent, given.clone()),
                _ => (given.clone(), given),
            }
        };
        let candidates = [scripts.join("lua"), root.join("runtime/lua")];
        match candidates.into_iter().find(|libraries| libraries.join("xml.lua").is_file()) {
            Some(libraries) => Ok(Self { root, scripts, libraries }),
            None => Err(InstallationError::NoLibraries(root)),
        }
    }

    /// The directory below which everything lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the program's own files.
    #[must_use]
    pub fn scripts(&self) -> &Path {
        &self.scripts
    }

    /// Where a path of PoB's really leads, if that is inside the installation and exists.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let path = self.scripts.join(path).canonicalize().ok()?;
        path.starts_with(&self.root).then_some(path)
    }

    /// Reads a file, as PoB would name it.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        read_bounded(&self.resolve(path)?)
    }

    /// Reads a library of PoB's (`sha1.common`).
    fn library(&self, name: &str) -> Option<Vec<u8>> {
        let path = name.replace('.', "/");
        [format!("{path}.lua"), format!("{path}/init.lua")].iter().find_map(|path| {
            let path = self.libraries.join(path).canonicalize().ok()?;
            if !path.starts_with(&self.root) {
                return None;
            }
            read_bounded(&path)
        })
    }

    /// Files (or directories) that match a pattern with `*` in its last component, ordered by name.
    fn search(&self, pattern: &str, directories: bool) -> Vec<Found> {
        let (directory, pattern) = pattern.rsplit_once('/').unwrap_or((".", pattern));
        let Some(entries) = self.resolve(directory).and_then(|directory| fs::read_dir(directory).ok()) else {
            return Vec::new();
        };
        let mut found: Vec<Found> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let metadata = entry.metadata().ok()?;
                (metadata.is_dir() == directories && matches_glob(pattern.as_bytes(), name.as_bytes())).then(|| {
                    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                    Found { name, bytes: metadata.len(), modified_seconds: modified.map_or(0, |time| time.as_secs()) }
                })
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

/// A file that a search found.
struct Found {
    name: String,
    bytes: u64,
    modified_seconds: u64,
}

/// Reads a file whole, unless it is larger than any of PoB's can be.
fn read_bounded(path: &Path) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    let bytes = file.metadata().ok().filter(fs::Metadata::is_file)?.len();
    if bytes > FILE_BYTES_MAX {
        return None;
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes).ok()?);
    file.take(FILE_BYTES_MAX).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Whether a name matches a pattern in which `*` stands for anything.
fn matches_glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| matches_glob(rest, &name[skip..])),
        Some((first, rest)) => {
            name.split_first().is_some_and(|(letter, name)| letter == first && matches_glob(rest, name))
        }
    }
}

/// Unpacks zlib or, as some tools write it, bare deflate; nothing if it is neither or too large.
fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    fn drain(reader: impl Read) -> Option<Vec<u8>> {
        let mut unpacked = Vec::new();
        let bytes = reader.take(INFLATED_BYTES_MAX + 1).read_to_end(&mut unpacked).ok()?;
        (bytes as u64 <= INFLATED_BYTES_MAX).then_some(unpacked)
    }
    drain(ZlibDecoder::new(packed)).or_else(|| drain(DeflateDecoder::new(packed)))
}

fn deflate(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).ok()?;
    encoder.finish().ok()
}

fn log(level: &str, text: &str) {
    match level {
        "warn" => tracing::warn!(target: "pobatch::lua", text),
        "info" => tracing::info!(target: "pobatch::lua", text),
        _ => tracing::debug!(target: "pobatch::lua", text),
    }
}

/// The host functions as a Lua table; without an installation there are no files.
///
/// # Errors
/// Only if Lua is out of memory.
pub(super) fn functions(
    lua: &Lua,
    installation: Option<Installation>,
    journal: &Rc<RefCell<Option<Journal>>>,
) -> mlua::Result<Table> {
    let started = Instant::now();
    let table = lua.create_table()?;
    let bytes = |lua: &Lua, content: Option<Vec<u8>>| content.map(|content| lua.create_string(content)).transpose();

    table.set("now_ms", lua.create_function(move |_, ()| Ok(started.elapsed().as_secs_f64() * 1e3))?)?;
    table.set(
        "log",
        lua.create_function(|_, (level, text): (LuaString, LuaString)| {
            log(&level.to_string_lossy(), &text.to_string_lossy());
            Ok(())
        })?,
    )?;
    table
        .set("inflate", lua.create_function(move |lua, packed: LuaString| bytes(lua, inflate(&packed.as_bytes())))?)?;
    table.set("deflate", lua.create_function(move |lua, text: LuaString| bytes(lua, deflate(&text.as_bytes())))?)?;

    table.set("sha256", lua.create_function(|_, text: LuaString| Ok(sha256(&text.as_bytes())))?)?;

    let appended_to = Rc::clone(journal);
    table.set(
        "append_to_journal",
        lua.create_function(move |_, record: LuaString| {
            Ok(appended_to.borrow_mut().as_mut().is_some_and(|journal| journal.append(&record.as_bytes())))
        })?,
    )?;
    let read_from = Rc::clone(journal);
    table.set(
        "read_journal",
        lua.create_function(move |lua, ()| {
            let records = read_from.borrow_mut().as_mut().map(Journal::read).unwrap_or_default();
            if records.is_empty() {
                return Ok(None);
            }
            let list = lua.create_table()?;
            for record in records {
                list.push(lua.create_string(record)?)?;
            }
            Ok(Some(list))
        })?,
    )?;

    let files = installation.clone();
    table.set(
        "read_file",
        lua.create_function(move |lua, path: LuaString| {
            bytes(lua, files.as_ref().and_then(|files| files.read(&path.to_string_lossy())))
        })?,
    )?;
    let files = installation.clone();
    table.set(
        "read_library",
        lua.create_function(move |lua, name: LuaString| {
            bytes(lua, files.as_ref().and_then(|files| files.library(&name.to_string_lossy())))
        })?,
    )?;
    table.set(
        "search_files",
        lua.create_function(move |lua, (pattern, directories): (LuaString, bool)| {
            let found =
                installation.as_ref().map_or(Vec::new(), |files| files.search(&pattern.to_string_lossy(), directories));
            let list = lua.create_table()?;
            for file in found {
                let entry = lua.create_table()?;
                entry.set("name", file.name)?;
                entry.set("bytes", file.bytes)?;
                entry.set("modified_seconds", file.modified_seconds)?;
                list.push(entry)?;
            }
            Ok(list)
        })?,
    )?;
    Ok(table)
}

/// SHA-256 as hexadecimal.
fn sha256(text: &[u8]) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in
            ["src/Launch.lua", "src/Data/a.zip.part1", "src/Data/a.zip.part0", "src/Data/b.zip", "runtime/lua/xml.lua"]
        {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text").unwrap();
        }
        root
    }

    #[test]
    fn a_checkout_is_found_from_its_root_and_from_its_source_directory() {
        let root = checkout();
        let from_root = Installation::find(root.path()).unwrap();
        assert_eq!(from_root, Installation::find(&root.path().join("src")).unwrap());
        assert_eq!(from_root.read("Launch.lua").unwrap(), b"text");
        assert_eq!(from_root.library("xml").unwrap(), b"text");
    }

    #[test]
    fn a_release_keeps_its_files_at_the_top() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("lua")).unwrap();
        fs::write(root.path().join("Launch.lua"), "launch").unwrap();
        fs::write(root.path().join("lua/xml.lua"), "xml").unwrap();
        let release = Installation::find(root.path()).unwrap();
        assert_eq!(release.read("Launch.lua").unwrap(), b"launch");
        assert_eq!(release.library("xml").unwrap(), b"xml");
    }

    #[test]
    fn what_is_no_installation_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(Installation::find(root.path()), Err(InstallationError::NoLaunch(_))));
        fs::write(root.path().join("Launch.lua"), "launch").unwrap();
        assert!(matches!(Installation::find(root.path()), Err(InstallationError::NoLibraries(_))));
        assert!(matches!(Installation::find(&root.path().join("no")), Err(InstallationError::Unreadable { .. })));
    }

    #[test]
    fn files_outside_the_installation_do_not_exist() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let root = checkout();
        std::os::unix::fs::symlink(outside.path(), root.path().join("src/link")).unwrap();
        let files = Installation::find(root.path()).unwrap();
        assert!(files.read(outside.path().to_str().unwrap()).is_none());
        assert!(files.read("link").is_none());
        assert!(files.read("../../etc/passwd").is_none());
        assert!(files.read("../runtime/lua/xml.lua").is_some());
    }

    #[test]
    fn a_search_gives_matching_files_in_order_of_name() {
        let root = checkout();
        let files = Installation::find(root.path()).unwrap();
        let names = |pattern: &str, directories| -> Vec<String> {
            files.search(pattern, directories).into_iter().map(|found| found.name).collect()
        };
        assert_eq!(names("./Data/a.zip.part*", false), ["a.zip.part0", "a.zip.part1"]);
        assert_eq!(names("*", true), ["Data"]);
        assert!(names("Data/*.bin", false).is_empty());
        assert!(names("/etc/*", false).is_empty());
    }

    #[test]
    fn inflate_takes_zlib_and_bare_deflate_and_nothing_else() {
        let packed = deflate(b"many words").unwrap();
        assert_eq!(inflate(&packed).unwrap(), b"many words");
        assert_eq!(inflate(&packed[2..]).unwrap(), b"many words");
        assert!(inflate(b"no such thing").is_none());
    }
}
