//! Memory that the runtimes of shards use one after the other.
//!
//! A runtime that does not collect fills some hundred megabytes and is replaced. Fresh pages cost the next one a fault
//! and the kernel a clearing each, several microseconds in a virtual machine; pages that are kept cost neither.
//! Never two runtimes at a time: whoever hands it out has reaped the one before.
//!
//! A shard need not wait for its old runtime to be gone, which takes the kernel longer than a fork: there is some to
//! spare. Shards that will be needed soon get theirs ahead, while processors are idle.

use std::{
    fs::File,
    io, mem,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

/// Growth of a runtime that the scratch memory holds, beyond the soft mark: what crosses the mark is not all of it, and
/// sizes are rounded up. What does not fit is the runtime's own.
const BEYOND_SOFT_MARK: u64 = 4;

/// For so many shards one is kept to spare: of some hundred milliseconds that a runtime lasts its end takes ten.
const SHARDS_PER_SPARE: usize = 8;

/// What `stat` counts in, whatever the size of pages is (stat(2)).
const STAT_BLOCK_BYTES: u64 = 512;

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
        file.set_len(size_bytes(soft_mark_bytes))?;
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

    /// The memory that it takes by now.
    fn held_bytes(&self) -> u64 {
        rustix::fs::fstat(&self.file).map_or(0, |stat| u64::try_from(stat.st_blocks).unwrap_or(0) * STAT_BLOCK_BYTES)
    }
}

/// Size of the scratch memory of one runtime.
const fn size_bytes(soft_mark_bytes: u64) -> u64 {
    soft_mark_bytes.saturating_add(soft_mark_bytes / BEYOND_SOFT_MARK)
}

/// What no runtime has now, and how much there is. Clones share it.
#[derive(Clone, Debug)]
pub struct Spares {
    lots: Arc<Mutex<Lots>>,
    lots_max: usize,
    soft_mark_bytes: u64,
}

#[derive(Debug, Default)]
struct Lots {
    /// What no runtime has.
    kept: Vec<Scratch>,
    /// Whatever there is, whoever has it.
    all: Vec<Weak<File>>,
}

impl Lots {
    fn all(&mut self) -> Vec<Arc<File>> {
        self.all.retain(|file| file.strong_count() > 0);
        self.all.iter().filter_map(Weak::upgrade).collect()
    }

    fn make(&mut self, soft_mark_bytes: u64) -> io::Result<Scratch> {
        let made = Scratch::new(soft_mark_bytes)?;
        self.all.push(Arc::downgrade(&made.file));
        Ok(made)
    }
}

impl Spares {
    /// None yet.
    pub fn new(shards: usize, soft_mark_bytes: u64) -> Self {
        let lots_max = shards + shards.div_ceil(SHARDS_PER_SPARE);
        Self { lots: Arc::default(), lots_max, soft_mark_bytes }
    }

    /// Scratch memory for a runtime, fresh if none is kept; `None` if the kernel gives none.
    pub fn take(&self) -> Option<Scratch> {
        let mut lots = self.lock();
        lots.kept.pop().or_else(|| {
            let made = lots.make(self.soft_mark_bytes);
            made.inspect_err(|error| tracing::warn!(%error, "no scratch memory")).ok()
        })
    }

    /// Keeps what no runtime has any more, or lets it go if there is enough.
    pub fn give_back(&self, scratch: Scratch) {
        let mut lots = self.lock();
        if lots.all().len() <= self.lots_max {
            lots.kept.push(scratch);
        }
    }

    /// What is kept takes so much; no runtime has it, so none is seen to use it.
    pub fn kept_bytes(&self) -> u64 {
        self.lock().kept.iter().map(Scratch::held_bytes).sum()
    }

    /// Lets go of what is kept; false if that is nothing.
    pub fn release(&self) -> bool {
        let kept = mem::take(&mut self.lock().kept);
        !kept.is_empty()
    }

    /// What all of it takes when it is in use.
    pub const fn bytes_max(&self) -> u64 {
        size_bytes(self.soft_mark_bytes).saturating_mul(self.lots_max as u64)
    }

    /// Has the kernel find all pages that the shards will need, before they need them: that is half of what a fresh page
    /// costs. Blocks for some 70 ms a shard; costs next to nothing when called again.
    ///
    /// # Errors
    /// What the kernel says. What it has given stays.
    pub fn fill(&self) -> io::Result<()> {
        let lots = {
            let mut lots = self.lock();
            while lots.all().len() < self.lots_max {
                let made = lots.make(self.soft_mark_bytes)?;
                lots.kept.push(made);
            }
            lots.all()
        };
        for file in lots {
            rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size_bytes(self.soft_mark_bytes))?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Lots> {
        self.lots.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(scratch.held_bytes(), 0, "nothing is taken before it is used");
    }

    #[test]
    fn what_comes_back_is_had_again_and_what_is_too_much_goes() {
        let spares = Spares::new(1, 1 << 20);
        let mut taken: Vec<_> = (0..3).map(|_| spares.take().unwrap()).collect();
        for scratch in &mut taken {
            scratch.lend();
        }
        for scratch in taken {
            spares.clone().give_back(scratch);
        }
        let uses: Vec<_> = (0..3).map(|_| spares.take().unwrap().uses()).collect();
        assert_eq!(uses, [1, 1, 0], "two of three are kept, one for the shard and one to spare");
    }

    #[test]
    fn what_is_filled_is_that_of_runtimes_too_and_no_more_than_is_kept() {
        const SIZE: u64 = (1 << 20) + (1 << 18);
        let spares = Spares::new(1, 1 << 20);
        let taken = spares.take().unwrap();
        spares.fill().unwrap();
        spares.fill().unwrap();
        assert_eq!(spares.kept_bytes(), SIZE, "the spare one");
        let other = spares.take().unwrap();
        assert_eq!([taken.held_bytes(), other.held_bytes()], [SIZE; 2]);
        assert_eq!(spares.bytes_max(), 2 * SIZE);
        assert_eq!(spares.take().unwrap().held_bytes(), 0, "what is more than that is not filled");
    }

    #[test]
    fn what_is_kept_can_be_let_go() {
        let spares = Spares::new(1, 1 << 20);
        spares.fill().unwrap();
        assert!(spares.release());
        assert_eq!(spares.kept_bytes(), 0);
        assert!(!spares.release());
    }
}
