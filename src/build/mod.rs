//! The domain: what a build, a variation and an outcome are.
//!
//! Validated types and nothing else: no wire format of gRPC, no Lua, no process. Everybody may depend on this
//! module; it depends on nobody.

pub mod base;
pub mod code;
pub mod limits;
pub mod outcome;
pub mod passive;
pub mod scenario;
pub mod validate;
pub mod variation;
pub mod xml;
