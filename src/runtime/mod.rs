//! Everything that runs inside a runtime process, and the only place that knows Lua.
pub mod fork;
pub mod socket;

/// A runtime exits with this code when the memory behind the Lua heap gives out.
pub const EXIT_OUT_OF_MEMORY: i32 = 70;
