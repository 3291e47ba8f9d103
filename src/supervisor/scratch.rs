//! Memory that the runtimes of one shard use one after the other.
//!
//! A runtime that does not collect fills some hundred megabytes and is replaced. Fresh pages cost the next one a fault
//! and the kernel a clearing each, several microseconds in a virtual machine; pages that the shard keeps cost neither.
//! Never two runtimes at a time: whoever hands it out has reaped the one before.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use rustix::fs::{MemfdFlags, SealFlags};

/// Growth of a runtime that the scratch memory holds, beyond the soft mark: what crosses the mark is not all of it, and
/// sizes are rounded up. What does not fit is the runtime's own.
const BEYOND_SOFT_MARK: u64 = 4;

/// A handle; the memory goes with the last one, and with the last runtime that has it.
#[derive(Clone, Debug)]
pub struct Scratch {
    file: Arc<File>,
    uses: u32,
}

impl Scratch {
    /// Takes none of the memory yet.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(soft_mark_bytes: u64) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("pobatch scratch", flags)?);
        file.set_len(soft_mark_bytes.saturating_add(soft_mark_bytes / BEYOND_SOFT_MARK))?;
        // A runtime that has it must not be able to take it from under the next one.
        rustix::fs::fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self { file: Arc::new(file), uses: 0 })
    }

    /// A handle for the next runtime.
    pub fn lend(&mut self) -> Self {
        self.uses = self.uses.saturating_add(1);
        self.clone()
    }

    /// How many runtimes it was lent to.
    pub const fn uses(&self) -> u32 {
        self.uses
    }
}

impl AsFd for Scratch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_it_cannot_take_it_away() {
        let scratch = Scratch::new(1 << 20).unwrap();
        assert_eq!(rustix::fs::fstat(&scratch).unwrap().st_size, (1 << 20) + (1 << 18));
        assert_eq!(rustix::fs::ftruncate(&scratch, 0), Err(rustix::io::Errno::PERM));
        assert_eq!(rustix::fs::fstat(&scratch).unwrap().st_blocks, 0, "nothing is taken before it is used");
    }
}
