//! The gRPC front: RPCs, and the conversion between the API's messages and the domain.
//!
//! Generated types stop at [`convert`], and `tonic::Status` is made in [`status`] alone. Nothing here computes or
//! decides when something is computed: that is the supervisor's.

pub mod convert;
pub mod status;
