//! pobatch evaluates variations of Path of Exile builds by the thousand, exactly, over gRPC.
//!
//! The modules in reading order; ARCHITECTURE.md has the picture.

pub mod build;
pub mod grpc;
pub mod proto;
pub mod runtime;
pub mod supervisor;
pub mod task;
pub mod wire;
