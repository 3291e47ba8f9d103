//! Sweeps: families of variations that the server makes, as a client names them.

use crate::proto::v1::{self, sweep::Family};

/// A family of variations; `proto/pobatch/v1/sweep.proto` says what each is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Each passive node within so many points.
    Passives(u32),
    /// Each node that can be given up alone.
    Removable,
    /// Each pair of nodes within so many points.
    Pairs(u32),
    /// Each gem of the group (0: of all) at each of these levels and qualities.
    Gems {
        /// Socket group, from 1.
        group: u32,
        /// Levels.
        levels: Vec<u32>,
        /// Qualities.
        qualities: Vec<u32>,
    },
    /// Each support, added to the group or in the place of one of its gems (0: added).
    Supports {
        /// Socket group, from 1.
        group: u32,
        /// Gem, from 1.
        gem: u32,
    },
    /// Each of these items in every slot that it fits into.
    Items(Vec<String>),
    /// Each unique item that fits into the slot.
    Uniques(String),
    /// Each config option whose name contains the text.
    Config(String),
    /// Each effect of each mastery within reach.
    Masteries,
    /// Each notable by an anointment.
    Anoints,
}

impl Sweep {
    pub(super) fn into_proto(self) -> v1::Sweep {
        let family = match self {
            Self::Passives(distance_max) => Family::Passives(v1::PassiveSweep { distance_max }),
            Self::Removable => Family::Removable(v1::RemovableSweep {}),
            Self::Pairs(distance_max) => Family::Pairs(v1::PassivePairSweep { distance_max }),
            Self::Gems { group, levels, qualities } => Family::Gems(v1::GemSweep { group, gem: 0, levels, qualities }),
            Self::Supports { group, gem } => Family::Supports(v1::SupportSweep { group, gem }),
            Self::Items(texts) => Family::Items(v1::ItemSweep { texts, slots: Vec::new() }),
            Self::Uniques(slot) => Family::Uniques(v1::UniqueSweep { slot }),
            Self::Config(contains) => Family::Config(v1::ConfigSweep { contains }),
            Self::Masteries => Family::Masteries(v1::MasterySweep {}),
            Self::Anoints => Family::Anoints(v1::AnointSweep {}),
        };
        v1::Sweep { family: Some(family) }
    }
}
