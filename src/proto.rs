//! The generated protocol types. They stop at `grpc/convert` and at the frames of `wire`: no other module knows them.
#![allow(
    clippy::pedantic,
    clippy::large_enum_variant,
    clippy::allow_attributes_without_reason,
    missing_docs,
    reason = "generated code"
)]

/// The public API.
pub mod v1 {
    tonic::include_proto!("pobatch.v1");
}

/// Between server and runtimes; private.
pub mod runtime {
    tonic::include_proto!("pobatch.runtime.v1");
}

/// Descriptors of the public API, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pobatch.v1.bin"));
