//! The gRPC front: RPCs, and the conversion between the API's messages and the domain.
//!
//! Generated types stop at [`convert`] and the services, and `tonic::Status` is made in [`status`] alone. Nothing here
//! computes or decides when something is computed: that is the supervisor's.

mod admin;
mod authenticate;
mod call;
mod catalog;
pub(crate) mod codec;
pub mod convert;
mod decode;
mod evaluation;
mod exchange;
mod explain;
mod observe;
mod page;
mod scenarios;
pub mod server;
pub mod status;
mod sweep;
mod tally;
mod transfer;
mod weight;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
