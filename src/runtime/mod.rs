//! Everything that runs inside a runtime process.

pub mod host;
pub mod modules;
pub mod vm;
