//! pobatch evaluates variations of Path of Exile builds by the thousand, exactly, over gRPC.
//!
//! The modules in reading order; ARCHITECTURE.md has the picture.

pub mod admission;
pub mod app;
pub mod build;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod grpc;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod objective;
pub mod overview;
pub mod proto;
pub mod reload;
pub mod runtime;
pub mod shutdown;
pub mod supervisor;
pub mod task;
pub mod telemetry;
pub mod tenants;
pub mod tls;
pub mod wire;
