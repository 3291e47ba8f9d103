//! The arena of a runtime against the system's allocator, on sizes such as LuaJIT asks for while PoB evaluates.
#![expect(unsafe_code, reason = "allocators are called directly here, which nothing else does")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pobatch::runtime::arena::{self, Arena};

/// Blocks of one trace: about what one variation allocates.
const BLOCKS: usize = 6_000;
/// LuaJIT aligns to no more.
const ALIGNMENT: usize = 16;
/// Sizes in bytes and how often each comes in a hundred: small tables, closures and texts; then the array and hash
/// parts of tables, which double.
const SIZES: &[(usize, usize)] = &[
    (32, 14),
    (40, 16),
    (64, 22),
    (48, 10),
    (24, 8),
    (96, 8),
    (128, 7),
    (192, 5),
    (320, 4),
    (640, 3),
    (1280, 2),
    (5120, 1),
];

/// What a program does with memory.
#[derive(Clone, Copy)]
enum Step {
    Take(Layout),
    /// A table outgrows its part: the block at that place is replaced by one of twice the size.
    Grow(usize),
    /// The collector frees the block at that place.
    Free(usize),
}

/// Sizes in a fixed order that looks like none (a linear congruential generator).
fn trace() -> Vec<Step> {
    let sizes: Vec<usize> = SIZES.iter().flat_map(|&(size, share)| std::iter::repeat_n(size, share)).collect();
    let mut state = 1_u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut steps = Vec::new();
    for taken in 1..=BLOCKS {
        let size = sizes[next(sizes.len())];
        steps.extend(Layout::from_size_align(size, ALIGNMENT).ok().map(Step::Take));
        match next(10) {
            0 => steps.push(Step::Grow(next(taken))),
            1..=3 => steps.push(Step::Free(next(taken))),
            _ => {}
        }
    }
    steps
}

/// Walks the trace and frees what is left.
fn play(allocator: &impl GlobalAlloc, trace: &[Step], blocks: &mut Vec<(*mut u8, Layout)>) {
    for step in trace {
        // SAFETY: layouts are of no size zero; each block is written within its size, and freed once with its own layout.
        unsafe {
            match *step {
                Step::Take(layout) => {
                    let block = allocator.alloc(layout);
                    block.write_bytes(1, layout.size());
                    blocks.push((block, layout));
                }
                Step::Grow(place) => {
                    let (block, layout) = blocks[place];
                    if !block.is_null() && layout.size() < 1 << 16 {
                        let grown = Layout::from_size_align_unchecked(layout.size() * 2, ALIGNMENT);
                        blocks[place] = (allocator.realloc(block, layout, grown.size()), grown);
                    }
                }
                Step::Free(place) => {
                    let (block, layout) = blocks[place];
                    if !block.is_null() {
                        allocator.dealloc(block, layout);
                        blocks[place].0 = std::ptr::null_mut();
                    }
                }
            }
        }
    }
    for (block, layout) in blocks.drain(..).filter(|(block, _)| !block.is_null()) {
        // SAFETY: as above.
        unsafe { allocator.dealloc(black_box(block), layout) };
    }
}

fn allocators(criterion: &mut Criterion) {
    let trace = trace();
    let mut blocks = Vec::with_capacity(BLOCKS);
    let mut group = criterion.benchmark_group("memory of one variation");
    group.throughput(Throughput::Elements(trace.len() as u64));
    group.bench_function("system", |bencher| bencher.iter(|| play(&System, &trace, &mut blocks)));
    if arena::start().is_ok() {
        group.bench_function("arena", |bencher| bencher.iter(|| play(&Arena, &trace, &mut blocks)));
    }
    group.finish();
}

criterion_group!(benches, allocators);
criterion_main!(benches);
