//! The outcome of one variation: stat values, or a typed failure; warnings in either case.

use std::{fmt, sync::Arc, time::Duration};

/// A scalar of an engine's output.
#[derive(Clone, Debug, PartialEq)]
pub enum StatValue {
    /// A number; infinite and NaN are possible and mean what the engine means by them.
    Number(f64),
    /// A yes or no.
    Boolean(bool),
    /// A text.
    Text(String),
}

/// A stat and its value. The name is shared, since some ninety come with each outcome.
pub type NamedStat = (Arc<str>, StatValue);

/// Which stats a client wants back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Every scalar of the base, in the order of `Base::stats`, and whatever else the variation has.
    All,
    /// These, in this order.
    Named(Arc<[String]>),
}

/// What is at one place of [`Stats::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A number.
    Number,
    /// A yes or no: 1 or 0.
    Boolean,
    /// The output has no such stat; the value is 0.
    Absent,
    /// The output has a text under that name: see [`Stats::extra`]; the value is 0.
    Text,
}

/// The values of one outcome, aligned with the selection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// What each value is.
    pub cells: Vec<Cell>,
    /// The values.
    pub values: Vec<f64>,
    /// Texts, and with [`Selection::All`] the stats that the base does not have, ordered by name.
    pub extra: Vec<NamedStat>,
}

impl Stats {
    /// In words, the first place at which both differ; `None` if they are the same, bit for bit. Any NaN is as good as
    /// another.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        let differs = |index: &usize| {
            self.cells.get(*index) != other.cells.get(*index)
                || !matches!((self.values.get(*index), other.values.get(*index)), (Some(a), Some(b)) if same(*a, *b))
        };
        let length = self.values.len().max(other.values.len());
        if let Some(index) = (0..length).find(differs) {
            let (a, b) = (self.values.get(index), other.values.get(index));
            return Some(format!("value {index}: {a:?} ({:?}), {b:?}", self.cells.get(index)));
        }
        let length = self.extra.len().max(other.extra.len());
        let same_extra = |index: &usize| match (self.extra.get(*index), other.extra.get(*index)) {
            (Some((name, StatValue::Number(a))), Some((other, StatValue::Number(b)))) => name == other && same(*a, *b),
            (a, b) => a == b,
        };
        let index = (0..length).find(|index| !same_extra(index))?;
        Some(format!("{:?}, {:?}", self.extra.get(index), other.extra.get(index)))
    }
}

/// Defines a closed enum whose variants have a stable `snake_case` name: in the Lua contract, in metrics, in logs.
macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant of that name.
            #[must_use]
            #[allow(dead_code, reason = "not every enum is read from a text")]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// Why a variation has no outcome.
    FailureReason {
        /// It contradicts itself, or a value is out of range.
        InvalidVariation => "invalid_variation",
        /// It has more of something than the server takes; the message names the limit.
        LimitExceeded => "limit_exceeded",
        /// No such passive node in the base's tree.
        UnknownNode => "unknown_node",
        /// The node is no mastery, or has no such effect.
        UnknownMastery => "unknown_mastery",
        /// No tattoo of that name.
        UnknownTattoo => "unknown_tattoo",
        /// No such item slot.
        UnknownSlot => "unknown_slot",
        /// The build holds no item of that id.
        UnknownItem => "unknown_item",
        /// The text is no item.
        ItemNotParsed => "item_not_parsed",
        /// No such socket group.
        UnknownGroup => "unknown_group",
        /// No gem at that index, or no gem of that name.
        UnknownGem => "unknown_gem",
        /// No such config option, or it takes no such value.
        UnknownConfig => "unknown_config",
        /// No such class or ascendancy.
        UnknownClass => "unknown_class",
        /// No such stat.
        UnknownStat => "unknown_stat",
        /// A build that is broken, is none, or did not load.
        BadBuild => "bad_build",
        /// The build's tree version is not among the engine's.
        UnknownTree => "unknown_tree",
        /// The engine does not know this kind of change.
        Unsupported => "unsupported",
        /// A warning, made a failure by `strict`.
        StrictWarning => "strict_warning",
        /// The engine raised an error.
        EngineError => "engine_error",
        /// The variation's time budget ran out; its runtime was killed.
        TimeLimit => "time_limit",
        /// The Lua heap reached its limit.
        MemoryLimit => "memory_limit",
        /// The runtime died of it, twice.
        RuntimeCrashed => "runtime_crashed",
        /// The call's deadline passed before it was evaluated.
        DeadlineExceeded => "deadline_exceeded",
        /// The client left before it was evaluated.
        Cancelled => "cancelled",
        /// The server drains, or cannot get a runtime for it.
        Unavailable => "unavailable",
    }
}

named_enum! {
    /// What a client should know though there is an outcome.
    WarningKind {
        /// A node has no effect because nothing connects it.
        NodeNotConnected => "node_not_connected",
        /// A node of the base is given up because nothing connects it.
        NodeDropped => "node_dropped",
        /// Allocated already, or not allocated.
        NodeUnchanged => "node_unchanged",
        /// The engine ignores (part of) a modifier line.
        ModNotUnderstood => "mod_not_understood",
        /// Level or attributes are too low.
        RequirementNotMet => "requirement_not_met",
        /// The item does not fit the slot.
        ItemMisplaced => "item_misplaced",
        /// The engine took another value.
        ValueClamped => "value_clamped",
        /// Any other; its message says it.
        Other => "other",
    }
}

/// A typed failure of one variation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", reason.as_str())]
pub struct Failure {
    /// Why.
    pub reason: FailureReason,
    /// Path of the field within the variation (`items[0].slot`); empty: none in particular.
    pub field: String,
    /// One line for people.
    pub message: String,
}

impl Failure {
    /// A failure of that reason, blamed on that field.
    #[must_use]
    pub fn new(reason: FailureReason, field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { reason, field: field.into(), message: message.to_string() }
    }
}

/// A warning beside an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What kind.
    pub kind: WarningKind,
    /// Path of the field within the variation; empty: none in particular.
    pub field: String,
    /// One line for people.
    pub message: String,
}

named_enum! {
    /// Which path computed an outcome.
    ComputePath {
        /// The engine's calculator on the loaded base.
        Fast => "fast",
        /// The varied build, loaded from scratch in a fresh runtime.
        Plain => "plain",
        /// Not again: an identical variation was computed, or one that comes to the same.
        Cached => "cached",
        /// Nothing was computed.
        None => "none",
    }
}

named_enum! {
    /// Whether the plain path said the same as the fast one.
    Verification {
        /// Bit for bit.
        Same => "same",
        /// It did not, or failed.
        Different => "different",
    }
}

/// One variation, evaluated or not: what the supervisor gives back for each that it accepted.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The tag that the variation was submitted with.
    pub tag: u64,
    /// Values, or why there are none.
    pub result: Result<Stats, Failure>,
    /// What else the client should know.
    pub warnings: Vec<Warning>,
    /// From submission to the start of the computation.
    pub queue: Duration,
    /// Computation, as the runtime measured it.
    pub compute: Duration,
    /// Which path computed it.
    pub path: ComputePath,
    /// The shard that computed it; means nothing if `generation` is 0.
    pub shard: u32,
    /// Generation of that shard's runtime, from 1; 0: no runtime had it.
    pub generation: u64,
    /// What came of computing it by both paths; `None`: it was not.
    pub verification: Option<Verification>,
}

impl Evaluated {
    /// What becomes of a variation that no engine saw.
    #[must_use]
    pub fn refused(tag: u64, failure: Failure) -> Self {
        Self {
            tag,
            result: Err(failure),
            warnings: Vec::new(),
            queue: Duration::ZERO,
            compute: Duration::ZERO,
            path: ComputePath::None,
            shard: 0,
            generation: 0,
            verification: None,
        }
    }
}
