//! Objectives: which outcomes a client wants to hear of, and which of them are best.
//!
//! Pure: texts and numbers come in, verdicts come out. No wire format, no clock, no engine. Expressions are parsed and
//! computed here and nowhere else; nothing of them ever reaches Lua.

mod expression;
mod parse;
mod reduce;

pub use expression::{Expression, Stat};
pub use parse::{Bounds, ParseError};
pub use reduce::{Goal, Judged, Keep, Offer, Reducer, Reduction, Stop};
