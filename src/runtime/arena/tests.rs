use super::*;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, GRAIN).unwrap()
}

#[test]
fn each_size_has_the_smallest_class_that_holds_it() {
    for bytes in 1..=BLOCK_BYTES_MAX {
        let class = class_of(bytes).unwrap();
        assert!(class < CLASSES && class_bytes(class) >= bytes, "{bytes} in {class}");
        assert!(class == 0 || class_bytes(class - 1) < bytes, "{bytes} in {class}");
        assert_eq!(class_bytes(class) % GRAIN, 0);
    }
    assert_eq!(class_of(BLOCK_BYTES_MAX + 1), None);
}

/// One test, since the arena belongs to the first thread that starts it.
#[test]
fn a_thread_with_an_arena_reuses_what_it_frees_until_it_is_sealed() {
    // SAFETY: each block is written within its size and given back once, with the layout that it has.
    unsafe {
        let before = Arena.alloc(layout(64));
        assert!(!is_ours(before), "nothing is ours before the start");
        start().unwrap();
        Arena.dealloc(before, layout(64));

        let first = Arena.alloc(layout(100));
        assert!(is_ours(first) && first.align_offset(GRAIN) == 0);
        first.write_bytes(7, 100);
        assert_eq!(Arena.realloc(first, layout(100), 112), first, "the same class");
        let moved = Arena.realloc(first, layout(112), 5000);
        assert_ne!(moved, first);
        assert!((0..100).all(|at| *moved.add(at) == 7), "the content comes along");
        assert_eq!(Arena.alloc(layout(112)), first, "a free block is used first");

        let large = Arena.alloc(layout(BLOCK_BYTES_MAX + 1));
        assert!(!is_ours(large), "large blocks are the system's");
        let small = Arena.realloc(large, layout(BLOCK_BYTES_MAX + 1), 16);
        assert!(is_ours(small), "and come over when they shrink");

        let many: Vec<_> = (0..3 * PIECE_BYTES / 4096).map(|_| Arena.alloc(layout(4096))).collect();
        let distinct: std::collections::HashSet<_> = many.iter().collect();
        assert_eq!(distinct.len(), many.len());
        for (index, block) in many.iter().enumerate() {
            block.write_bytes(u8::try_from(index % 251).unwrap(), 4096);
        }
        for (index, block) in many.iter().enumerate() {
            assert!((0..4096).all(|at| usize::from(*block.add(at)) == index % 251), "block {index} was overwritten");
        }

        let scratch = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&scratch, 2 * PIECE_BYTES as u64).unwrap();
        let kept = scratch.try_clone().unwrap();
        Arena.dealloc(moved, layout(5000));
        seal(Some(Scratch { file: scratch, uses: JOINED_FROM_USE }));
        let fresh = Arena.alloc(layout(5000));
        assert!(is_ours(fresh) && fresh > *many.last().unwrap(), "nothing from before the seal is handed out");
        fresh.write_bytes(9, 5000);
        let mut bytes = [0; 1];
        rustix::io::pread(&kept, &mut bytes, 0).unwrap();
        assert_eq!(bytes, [9], "and new memory is the scratch memory");
        Arena.dealloc(*many.last().unwrap(), layout(4096));
        assert_ne!(Arena.alloc(layout(4096)), *many.last().unwrap(), "what is old stays lost");
        for _ in 0..2 * PIECE_BYTES / 4096 {
            let block = Arena.alloc(layout(4096));
            block.write_bytes(1, 4096);
            assert!(is_ours(block), "behind the scratch memory comes the thread's own");
        }
    }
}
