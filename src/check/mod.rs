//! What an engine is checked by: the files of its installation, a build of ours, golden files. Pure but for reading files;
//! who asks an engine, and how, is not decided here: `pobatch doctor` and `pobatch verify` do over gRPC, a reload does it
//! in runtimes of its own (`supervisor/trial.rs`).

pub mod files;
pub mod golden;
pub mod probe;
