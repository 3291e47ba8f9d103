//! Files that may change while the server runs: certificates, tokens. Reads them again every so often and hands what
//! changed to their owner. Decides when a change counts; knows nothing of what is in them.
//!
//! Contents are compared, not times and not inodes: Kubernetes swaps a symbolic link above its files, editors rename,
//! and some mounts tell no watcher of anything. A change counts when two readings in a row agree, so that files that are
//! replaced one after the other, or written in pieces, are not taken half. A change that its owner refuses is told once
//! and looked at again when it is another one; meanwhile the old contents stay in use.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::MissedTickBehavior;

use crate::{build::outcome::named_enum, metrics::Metrics, task};

/// Largest file that is read: the certificates of every public authority are a quarter of it.
const FILE_BYTES_MAX: u64 = 1 << 20;

named_enum! {
    /// Which files.
    Watched {
        /// Certificates and their key.
        Tls => "tls",
        /// Tokens of tenants.
        Tokens => "tokens",
    }
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("cannot read {path}: {problem}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// It is no file of this kind.
    #[error("{0} has more than {FILE_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
}

/// The contents of some files, in their order.
#[derive(Clone)]
pub struct Contents(pub Vec<Vec<u8>>);

impl Contents {
    /// Those of the first file.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }
}

/// They are secret.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contents(of {} files)", self.0.len())
    }
}

/// Reads all of them. Blocks.
///
/// # Errors
/// [`ReadError`] of the first that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Contents, ReadError> {
    paths.iter().map(|path| read_one(path)).collect::<Result<_, _>>().map(Contents)
}

fn read_one(path: &Path) -> Result<Vec<u8>, ReadError> {
    let failed = |problem| ReadError::Io { path: path.to_owned(), problem };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Stands for what a reading found.
type Print = [u8; 32];

fn print(reading: &Result<Contents, ReadError>) -> Print {
    let mut hash = Sha256::new();
    match reading {
        Ok(Contents(files)) => {
            for file in files {
                hash.update((file.len() as u64).to_be_bytes());
                hash.update(file);
            }
        }
        Err(error) => hash.update(error.to_string()),
    }
    hash.finalize().into()
}

/// When a change counts. Pure.
#[derive(Debug)]
struct Known {
    /// What was taken or refused.
    decided: Print,
    /// What the reading before found.
    last: Print,
}

impl Known {
    fn new(taken: Print) -> Self {
        Self { decided: taken, last: taken }
    }

    /// Whether this reading is to be decided on.
    fn is_change(&mut self, found: Print) -> bool {
        let counts = found == self.last && found != self.decided;
        self.last = found;
        if counts {
            self.decided = found;
        }
        counts
    }
}

/// Reads the files every `interval` from now on and has `take` decide on each change. `taken` is what is in use.
pub fn follow<E: fmt::Display>(
    watched: Watched,
    paths: Vec<PathBuf>,
    taken: Contents,
    interval: Duration,
    metrics: Arc<Metrics>,
    mut take: impl FnMut(Contents) -> Result<(), E> + Send + 'static,
) -> task::Owned {
    let mut known = Known::new(print(&Ok(taken)));
    task::spawn_owned("reload", async move {
        let mut interval = tokio::time::interval(interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let paths = paths.clone();
            // A runtime that shuts down reads nothing any more.
            let Ok(reading) = tokio::task::spawn_blocking(move || read(&paths)).await else { return };
            if !known.is_change(print(&reading)) {
                continue;
            }
            let decided = match reading {
                Ok(contents) => take(contents).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            metrics.access.reloaded(watched, decided.is_ok());
            match decided {
                Ok(()) => tracing::info!(files = watched.as_str(), "changed files are in use"),
                Err(error) => {
                    tracing::error!(
                        files = watched.as_str(),
                        error,
                        "changed files are refused, the old ones stay in use"
                    );
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_when_two_readings_in_a_row_agree() {
        let [old, half, new] = [[0; 32], [1; 32], [2; 32]];
        let mut known = Known::new(old);
        let found = [old, half, new, new, new, old, old, new, old, old];
        let counted = found.map(|print| known.is_change(print));
        assert_eq!(counted, [false, false, false, true, false, false, true, false, false, false]);
    }

    #[test]
    fn what_moves_from_one_file_to_the_next_is_a_change() {
        let of = |files: [&str; 2]| print(&Ok(Contents(files.map(|file| file.as_bytes().to_vec()).to_vec())));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
    }

    #[test]
    fn a_file_of_any_size_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        let bytes = usize::try_from(FILE_BYTES_MAX).unwrap();
        std::fs::write(&path, vec![0; bytes]).unwrap();
        assert_eq!(read(std::slice::from_ref(&path)).unwrap().0[0].len(), bytes);
        std::fs::write(&path, vec![0; bytes + 1]).unwrap();
        assert!(matches!(read(&[path]), Err(ReadError::TooLarge(_))));
        assert!(matches!(read(&[PathBuf::from("/dev/zero")]), Err(ReadError::TooLarge(_))));
    }

    #[test]
    fn contents_do_not_show_in_a_log() {
        assert_eq!(format!("{:?}", Contents(vec![b"secret".to_vec()])), "Contents(of 1 files)");
    }
}
