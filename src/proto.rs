//! The generated protocol types.
#![allow(clippy::pedantic, missing_docs, reason = "generated code")]

/// Between server and runtimes; private.
pub mod runtime {
    tonic::include_proto!("pobatch.runtime.v1");
}
