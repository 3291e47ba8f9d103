//! Memory of a runtime: an allocator for a process of one thread that forks, allocates a great deal, and collects
//! never or seldom.
//!
//! Two things make the common allocators slow there. A fork shares the pages of its parent until it writes to them, and
//! an allocator that hands out what was free *between* old objects makes it write to nearly all; so after a fork
//! nothing is handed out that lies below the [`seal`]. And each new page costs a fault, dear in a virtual machine; so
//! memory is taken in huge pages, or, where the kernel has none, in as many pages at once.
//!
//! Free memory is kept by size and never joined or given back. Only the thread that called [`start`] uses the arena;
//! everybody else, and whatever is large, has the system's allocator. Must never be used by a process that lives long:
//! the server does not start it.

#![expect(unsafe_code, reason = "an allocator hands out raw memory; this is one of the places that may be unsafe")]
#![expect(clippy::cast_ptr_alignment, reason = "blocks are aligned to the grain, which is more than a pointer needs")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io,
    os::fd::OwnedFd,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// Address space that is set aside; none of it is memory before it is used. Larger than any sensible heap limit.
const RESERVED_BYTES: usize = 64 << 30;
/// Memory is taken in such pieces: one huge page.
const PIECE_BYTES: usize = 2 << 20;
/// From which use on the pages of scratch memory are joined to huge ones. It saves 0.4 ms for each piece that is handed on,
/// and costs 0.5 ms once where huge pages lie ready, 6 where the kernel has to make room for them: what is not used for
/// long would not get it back.
const JOINED_FROM_USE: u32 = 16;
/// How much is joined at once: little, as nothing is computed meanwhile; not each piece, as each time the kernel makes all
/// processors let go of pages that they hold back.
const JOINED_BYTES: usize = 2 * PIECE_BYTES;
/// Every block's address and size are multiples of this, which is what Lua asks for.
const GRAIN: usize = 16;
/// Blocks up to this size have a class for each multiple of the grain, larger ones four for each doubling.
const FINE_BYTES_MAX: usize = 1 << 10;
/// Larger blocks are the system's: they are few, and it gives them back.
const BLOCK_BYTES_MAX: usize = 256 << 10;
const FINE_CLASSES: usize = FINE_BYTES_MAX / GRAIN;
const CLASSES: usize = FINE_CLASSES + 4 * (BLOCK_BYTES_MAX / FINE_BYTES_MAX).ilog2() as usize;

/// Where the reserved address space begins; 0: there is none.
static BEGIN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HEAP: Heap = const { Heap::new() };
}

/// The allocator; see the module.
#[derive(Debug)]
pub struct Arena;

/// Memory that is handed from one process to the next.
#[derive(Debug)]
pub struct Scratch {
    /// What it consists of. Nobody else writes to it as long as this process lives, and it cannot shrink.
    pub file: OwnedFd,
    /// How many processes have had it, this one included.
    pub uses: u32,
}

/// Lets this thread have its memory from the arena. Does nothing when called again.
///
/// # Errors
/// If the kernel does not give the address space.
pub fn start() -> io::Result<()> {
    if BEGIN.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    // JUSTIFICATION: memory for an allocator cannot come from an allocator.
    // SAFETY: the kernel chooses a place where nothing is mapped.
    let begin = unsafe {
        rustix::mm::mmap_anonymous(
            ptr::null_mut(),
            RESERVED_BYTES,
            ProtFlags::empty(),
            MapFlags::PRIVATE | MapFlags::NORESERVE,
        )?
    };
    // SAFETY: a hint about the mapping above. Kernels without huge pages refuse it, which does not matter.
    let _ = unsafe { rustix::mm::madvise(begin, RESERVED_BYTES, Advice::LinuxHugepage) };
    let begin = begin.cast::<u8>();
    BEGIN.store(begin.addr(), Ordering::Relaxed);
    HEAP.with(|heap| {
        let skipped = begin.align_offset(PIECE_BYTES);
        heap.next.set(begin.wrapping_add(skipped));
        heap.end.set(heap.next.get());
        heap.last.set(begin.wrapping_add(RESERVED_BYTES));
    });
    Ok(())
}

/// Leaves what there is as it is: blocks that exist are neither reused nor extended from now on, and new ones lie on
/// pages of their own. To be called in a fork, whose parent shares the old ones.
///
/// The new pages are those of `scratch` as long as it lasts: memory that nobody else has now, with any content.
pub fn seal(scratch: Option<Scratch>) {
    HEAP.with(|heap| {
        if let Some(scratch) = scratch {
            // Without it the pages are the process's own.
            let _ = heap.map_next(&scratch);
        }
        for list in &heap.free {
            list.set(ptr::null_mut());
        }
        heap.next.set(heap.end.get());
        heap.sealed.set(heap.end.get().addr());
    });
}

/// Makes huge pages of what this process has of its own, behind the last [`seal`]. To be called where forks begin: what
/// shared the memory of another process has been copied page by page as it was written to.
pub fn join() {
    HEAP.with(|heap| {
        let (begin, end) = (heap.sealed.get(), heap.end.get());
        if begin != 0 {
            collapse(end.with_addr(begin), end.addr() - begin);
        }
    });
}

/// Makes huge pages of a part of the arena, as far as the kernel can.
fn collapse(begin: *mut u8, bytes: usize) {
    // SAFETY: it lies within what was reserved, and its content stays what it is. Kernels that cannot refuse.
    let _ = unsafe { libc::madvise(begin.cast(), bytes, libc::MADV_COLLAPSE) };
}

/// What one thread has of the arena. All is null before it is started.
struct Heap {
    /// Free blocks by class; the first word of each is the next one's address.
    free: [Cell<*mut u8>; CLASSES],
    /// Where the next new block begins.
    next: Cell<*mut u8>,
    /// Where the memory ends that can be used.
    end: Cell<*mut u8>,
    /// Where the reserved address space ends.
    last: Cell<*mut u8>,
    /// Address below which nothing is reused.
    sealed: Cell<usize>,
    /// Where pages begin that are to be joined; null: none are.
    single: Cell<*mut u8>,
}

impl Heap {
    const fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            next: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
            last: Cell::new(ptr::null_mut()),
            sealed: Cell::new(0),
            single: Cell::new(ptr::null_mut()),
        }
    }

    /// A block of that class, or null if this thread has no arena or the arena no memory.
    #[inline]
    fn take(&self, class: usize) -> *mut u8 {
        let block = self.free[class].get();
        if !block.is_null() {
            // SAFETY: blocks on the list are free, ours, aligned, and at least a grain large; `give` wrote the word.
            self.free[class].set(unsafe { block.cast::<*mut u8>().read() });
            return block;
        }
        let size = class_bytes(class);
        if self.end.get().addr() - self.next.get().addr() < size && !self.grow() {
            return ptr::null_mut();
        }
        let block = self.next.get();
        self.next.set(block.wrapping_add(size));
        block
    }

    /// Takes a block back.
    #[inline]
    fn give(&self, block: *mut u8, class: usize) {
        if self.end.get().is_null() || block.addr() < self.sealed.get() {
            return;
        }
        // SAFETY: the caller gives up a block that this arena handed out, so it is aligned and large enough for a word.
        unsafe { block.cast::<*mut u8>().write(self.free[class].get()) };
        self.free[class].set(block);
    }

    /// Puts a file where the next pieces will be.
    fn map_next(&self, scratch: &Scratch) -> io::Result<()> {
        let Scratch { file, uses } = scratch;
        let bytes = usize::try_from(rustix::fs::fstat(file)?.st_size).map_err(io::Error::other)?;
        let bytes = bytes - bytes % PIECE_BYTES;
        let end = self.end.get();
        if end.is_null() || bytes == 0 || self.last.get().addr() - end.addr() < bytes {
            return Ok(());
        }
        // SAFETY: the place is within what was reserved, and nothing refers to it yet. That nobody else writes to the
        // file is the promise of whoever handed it to this process; it cannot shrink, it is sealed.
        unsafe {
            rustix::mm::mmap(end.cast(), bytes, ProtFlags::empty(), MapFlags::SHARED | MapFlags::FIXED, file, 0)?
        };
        if *uses >= JOINED_FROM_USE {
            self.single.set(end);
        }
        Ok(())
    }

    /// Makes another piece usable. What is left of the one before stays with it, as pieces follow each other.
    #[cold]
    fn grow(&self) -> bool {
        let end = self.end.get();
        if self.last.get().addr() - end.addr() < PIECE_BYTES {
            return false;
        }
        // SAFETY: the piece lies within what was reserved, and nothing refers to it yet.
        if unsafe { rustix::mm::mprotect(end.cast(), PIECE_BYTES, MprotectFlags::READ | MprotectFlags::WRITE) }.is_err()
        {
            return false;
        }
        // SAFETY: as above; the pages become present, their content is what it was. Older kernels refuse it, and faults do
        // the same one by one.
        let _ = unsafe { rustix::mm::madvise(end.cast(), PIECE_BYTES, Advice::LinuxPopulateWrite) };
        self.end.set(end.wrapping_add(PIECE_BYTES));
        self.join();
        true
    }

    /// Makes huge pages of those of scratch memory, which come one by one: then the next process need not have each put into
    /// its tables. Once that is done, and for what lies behind the scratch memory, this costs next to nothing.
    fn join(&self) {
        let single = self.single.get();
        if single.is_null() {
            return;
        }
        let bytes = self.end.get().addr() - single.addr();
        if bytes < JOINED_BYTES {
            return;
        }
        collapse(single, bytes);
        self.single.set(self.end.get());
    }
}

/// The class of blocks of at least so many bytes; `None`: not ours.
#[inline]
const fn class_of(bytes: usize) -> Option<usize> {
    if bytes <= FINE_BYTES_MAX {
        Some(bytes.div_ceil(GRAIN) - 1)
    } else if bytes <= BLOCK_BYTES_MAX {
        // The power of two below the size, and which of the four steps above it.
        let power = (bytes - 1).ilog2();
        let step = (bytes - 1) >> (power - 2);
        Some(FINE_CLASSES + 4 * (power - FINE_BYTES_MAX.ilog2()) as usize + (step - 4))
    } else {
        None
    }
}

#[inline]
const fn class_bytes(class: usize) -> usize {
    if class < FINE_CLASSES {
        (class + 1) * GRAIN
    } else {
        let coarse = class - FINE_CLASSES;
        ((FINE_BYTES_MAX >> 2) * (5 + coarse % 4)) << (coarse / 4)
    }
}

/// The class of blocks for such a layout; `None`: not ours.
#[inline]
fn class_for(layout: Layout) -> Option<usize> {
    if layout.align() <= GRAIN { class_of(layout.size()) } else { None }
}

fn is_ours(block: *mut u8) -> bool {
    let begin = BEGIN.load(Ordering::Relaxed);
    begin != 0 && block.addr().wrapping_sub(begin) < RESERVED_BYTES
}

// SAFETY: a block is either the system's, and then handled by the system's allocator alone, or it lies in the arena's
// address space, and then was handed out by this thread's heap, for a layout of the class that the same layout gives
// when it comes back. Blocks do not overlap: each is cut off the unused end once, and is on at most one list, that of
// its class, while it is free. A block that another thread frees is lost, not reused.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = class_for(layout) {
            let block = HEAP.with(|heap| heap.take(class));
            if !block.is_null() {
                return block;
            }
        }
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_ours(block) {
            if let Some(class) = class_for(layout) {
                HEAP.with(|heap| heap.give(block, class));
            }
        } else {
            // SAFETY: not ours, so it came from there, with the same layout.
            unsafe { System.dealloc(block, layout) }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size, rounded up, does not overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        if !is_ours(block) && class_for(wanted).is_none() {
            // SAFETY: not ours, so it came from there, with the same layout.
            return unsafe { System.realloc(block, layout, bytes) };
        }
        if is_ours(block) && class_for(layout) == class_for(wanted) {
            return block;
        }
        // SAFETY: the layout is a proper one, see above.
        let moved = unsafe { self.alloc(wanted) };
        if !moved.is_null() {
            // SAFETY: both blocks are as large as what is copied, and a new one does not overlap an old one.
            unsafe {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests;
