//! The file in which the runtimes of one base tell each other what they found out (`runtime/journal.rs` says how). The
//! server makes it and hands it on. It reads nothing, and writes one thing: that what is there is not to be trusted.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use rustix::fs::{MemfdFlags, OFlags, SealFlags};

use crate::runtime::journal;

/// A handle; the file goes with the last one, and with the last runtime that has it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<File>);

impl Journal {
    /// An empty one.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("pobatch journal", flags)?);
        // All who have it share this, too: whatever is written goes behind what is there.
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self(Arc::new(file)))
    }

    /// Takes back all that is in it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn disown(&self) -> io::Result<()> {
        (&*self.0).write_all(&journal::record(std::process::id(), journal::DISOWNED))
    }
}

impl AsFd for Journal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Seek as _, os::unix::fs::FileExt as _};

    use super::*;

    #[test]
    fn what_is_there_cannot_be_taken_away_or_written_over() {
        let journal = Journal::new().unwrap();
        let mut file = File::from(journal.as_fd().try_clone_to_owned().unwrap());
        file.write_all(b"first").unwrap();
        file.rewind().unwrap();
        file.write_all(b"second").unwrap();
        let mut content = [0; 11];
        file.read_exact_at(&mut content, 0).unwrap();
        assert_eq!(&content, b"firstsecond");
        assert!(file.set_len(0).is_err());
    }

    #[test]
    fn what_is_taken_back_is_so_for_every_reader() {
        let journal = Journal::new().unwrap();
        // The server's own process reads nothing of itself, so another one is made up.
        (&*journal.0).write_all(&journal::record(0, b"news")).unwrap();
        journal.disown().unwrap();
        let mut content = vec![0; usize::try_from(journal.0.metadata().unwrap().len()).unwrap()];
        journal.0.read_exact_at(&mut content, 0).unwrap();
        let disowned = journal::record(std::process::id(), journal::DISOWNED);
        assert_eq!(content, [journal::record(0, b"news"), disowned].concat());
    }
}
