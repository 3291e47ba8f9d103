//! Memory policy: when a runtime is reclaimed, and how. Pure; sizes and costs come in, a decision goes out.

use super::dispatch::Reset;

/// Marks of one runtime's Lua heap, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Growth over the template's heap at which a runtime is replaced. A fork costs less than a full collection, and a
    /// smaller heap is a faster one, so there is no reason to let garbage pile up.
    pub growth_bytes: u64,
    /// The Lua allocator refuses beyond this; 0: it never does.
    pub limit_bytes: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self { growth_bytes: 384 << 20, limit_bytes: 2 << 30 }
    }
}

/// What to do with a runtime after an assignment.
#[must_use]
pub fn after_assignment(marks: Marks, template_heap_bytes: u64, heap_bytes: u64, spent: bool) -> Reset {
    if spent || heap_bytes > template_heap_bytes.saturating_add(marks.growth_bytes) { Reset::Yes } else { Reset::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { growth_bytes: 100, limit_bytes: 0 };

    #[test]
    fn a_runtime_that_grew_beyond_the_mark_is_reset() {
        assert_eq!(after_assignment(MARKS, 200, 300, false), Reset::No);
        assert_eq!(after_assignment(MARKS, 200, 301, false), Reset::Yes);
    }

    #[test]
    fn a_spent_runtime_is_reset_whatever_its_size() {
        assert_eq!(after_assignment(MARKS, 200, 200, true), Reset::Yes);
    }
}
