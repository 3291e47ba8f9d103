# The words that a developer types are the words that CI runs.

# Everything that CI runs, in its order.
check:
    .ci/run

# The tests.
test:
    cargo test

# Formatting, in place.
fmt:
    cargo fmt

# Measures everything and writes BENCHMARKS.md; see the head of the script.
bench *ARGUMENTS:
    bench/run {{ARGUMENTS}}

# Lints, as CI sees them.
lint:
    cargo clippy --all-targets -- -D warnings
    .ci/invariants

# The documentation of the crate, private items too.
doc:
    cargo doc --no-deps --document-private-items --open

# A server on the embedded engine.
serve:
    cargo run --release -- serve
