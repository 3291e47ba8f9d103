//! Memory that the runtimes of shards use one after the other.
//!
//! A runtime that does not collect fills some hundred megabytes and is replaced. Fresh pages cost the next one a fault
//! and the kernel a clearing each, several microseconds in a virtual machine; pages that are kept cost neither.
//! Never two runtimes at a time: whoever hands it out has reaped the one before.
//!
//! A shard need not wait for its old runtime to be gone, which takes the kernel longer than a fork: there is some to
//! spare.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{MemfdFlags, SealFlags};

/// Growth of a runtime that the scratch memory holds, beyond the soft mark: what crosses the mark is not all of it, and
/// sizes are rounded up. What does not fit is the runtime's own.
const BEYOND_SOFT_MARK: u64 = 4;

/// For so many shards one is kept to spare: of some hundred milliseconds that a runtime lasts its end takes ten.
const SHARDS_PER_SPARE: usize = 8;

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

/// What no runtime has now. Clones share it.
#[derive(Clone, Debug)]
pub struct Spares {
    kept: Arc<Mutex<Vec<Scratch>>>,
    kept_max: usize,
    soft_mark_bytes: u64,
}

impl Spares {
    /// None yet.
    pub fn new(shards: usize, soft_mark_bytes: u64) -> Self {
        Self { kept: Arc::default(), kept_max: shards.div_ceil(SHARDS_PER_SPARE), soft_mark_bytes }
    }

    /// Scratch memory for a runtime, fresh if none is kept; `None` if the kernel gives none.
    pub fn take(&self) -> Option<Scratch> {
        let kept = self.lock().pop();
        kept.or_else(|| {
            let made = Scratch::new(self.soft_mark_bytes);
            made.inspect_err(|error| tracing::warn!(%error, "no scratch memory")).ok()
        })
    }

    /// Keeps what no runtime has any more, or lets it go if there is enough.
    pub fn give_back(&self, scratch: Scratch) {
        let mut kept = self.lock();
        if kept.len() < self.kept_max {
            kept.push(scratch);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn what_comes_back_is_had_again_and_what_is_too_much_goes() {
        let spares = Spares::new(2, 1 << 20);
        let (mut first, second) = (spares.take().unwrap(), spares.take().unwrap());
        first.lend();
        spares.clone().give_back(first);
        spares.give_back(second);
        assert_eq!(spares.take().unwrap().uses(), 1);
        assert_eq!(spares.take().unwrap().uses(), 0, "one of two is kept, this is another");
    }
}
