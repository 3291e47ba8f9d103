//! Proto <-> domain. Total in both directions: whatever a client sends becomes a valid domain value, or an error that
//! names the field.
//!
//! The servers use one direction and clients (the CLI among them) the other; both are here so that they are tested
//! against each other.

mod engine;
mod outcome;
mod overview;
mod passive;
mod reduction;
mod request;
mod stats;
mod variation;

pub use engine::{engine_to_proto, stat_info_to_proto};
pub use outcome::{
    Terms, duration_to_proto, failure_from_proto, failure_of, failure_to_proto, warning_from_proto, warning_to_proto,
};
pub use overview::{overview_to_json, overview_to_proto};
pub use passive::{passive_from_proto, passive_to_proto, points_from_proto, points_to_proto};
pub use reduction::{Measure, reduction_from_proto};
pub use request::{BaseSource, BuildSource, NamedBase, Options, base_from_proto, engine_named, options_from_proto};
pub use stats::{Columns, Layout, named, resolve, value_from_proto};
pub use variation::{echoed_id, variation_from_proto, variation_to_proto};
