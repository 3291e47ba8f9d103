//! One evaluation over one endpoint or several, without any input or output: what is pending where, what to send next,
//! what an answer means, what to do when a call breaks, and when to take over what another endpoint is slow with.
//!
//! An evaluation outlives its calls. Variations are numbered as they are taken from the caller and kept until they have
//! an outcome; what has none when a call breaks goes back to be sent in another call, there or elsewhere, so every
//! variation gets exactly one outcome whatever happens in between.
//!
//! ```text
//!           take                 send                  outcome
//! caller ─────────▶ (taken) ──────────────▶ in a call ─────────▶ handed out
//!                              ▲               │
//!                   waiting ───┘◀──────────────┘ the call broke, or the server did not come to it
//! ```
//!
//! * **A session** is one call for each endpoint. Whoever has room gets the next variation. An outcome counts at once.
//! * **With a reduction** a server holds the best until the end, so outcomes count when their call has ended well: an
//!   endpoint plays its share in calls with a reduction of their own, and what they keep is reduced once more. A call
//!   sends its variations in ascending order, so that of equals the same one stays as with one server.
//! * **A sweep** is one call to one endpoint, which is made again from the start when it breaks.
//! * **Stealing**: an endpoint that has had nothing to do for a while, when nothing is left to send, is sent what another
//!   one has not answered: half of it, or all if the other gave no answer meanwhile. The first outcome wins.
//!
//! Knows no clock, channel or chance: whoever carries out the orders brings them along.

mod events;
mod hand_out;
mod orders;
#[cfg(test)]
mod properties;
mod steal;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::Duration,
};

use hand_out::HandOut;

use super::{Summary, retry::RetryPolicy};
use crate::objective::Keep;

/// How long an endpoint has nothing to do before it takes over what others are slow with, or do not begin with. Most
/// finish by then what they have at the end, and nothing is computed twice.
const STEAL_PATIENCE: Duration = Duration::from_millis(200);
/// Most variations of a call with a reduction, if there are other endpoints: what is done again when it breaks.
const SHARE_MAX: usize = 4096;
/// Fewest of them, if there are enough for all: each call costs the time that its last variations take.
const SHARE_MIN: usize = 64;
/// How far an ordered evaluation may run ahead of an outcome that is slow, in multiples of what may be in flight.
const AHEAD_FACTOR: usize = 4;

/// Place of a variation among those that were taken from the caller, or of an outcome in a sweep.
pub(super) type Number = u64;

/// What kind of evaluation it is.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Outcomes are handed out in the order of their numbers, as far as no reduction puts them into another.
    pub ordered: bool,
    /// How many variations an endpoint is sent ahead of their outcomes.
    pub in_flight_max: usize,
    /// The server makes the variations.
    pub is_sweep: bool,
    /// What a reduction keeps, and for each objective whether less of it is better.
    pub reduction: Option<(Keep, Vec<bool>)>,
}

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Open a call to this endpoint.
    Open(usize),
    /// Send the variation of that number in this endpoint's call.
    Send(usize, Number),
    /// Say in this endpoint's call that nothing more comes.
    HalfClose(usize),
    /// Give this endpoint's call up.
    Cancel(usize),
    /// Say so when that time is over.
    Wake(usize, Duration),
}

/// An outcome, as far as it matters here.
#[derive(Clone, Debug)]
pub(super) struct Answer<O> {
    /// Its place in the call.
    pub index: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// It carries warnings.
    pub is_warned: bool,
    /// The shard and its generation.
    pub shard: Option<(u32, u64)>,
    /// The outcome itself.
    pub outcome: O,
}

/// What came of a variation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Values, with the scores of a reduction.
    Values(Vec<f64>),
    /// A failure.
    Failed,
    /// The server did not come to it: another call may.
    Unavailable,
}

/// There is no use in going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GiveUp {
    /// The same would happen everywhere.
    Refused,
    /// Every endpoint was tried that often.
    Exhausted(u32),
}

/// The state of an evaluation.
pub(super) struct Exchange<V, O> {
    plan: Plan,
    policy: RetryPolicy,
    endpoints: Vec<Endpoint<O>>,
    /// What has no outcome that counts.
    items: BTreeMap<Number, Item<V>>,
    /// Those of them that no call has.
    waiting: BTreeSet<Number>,
    taken: Number,
    /// The caller has no more.
    exhausted: bool,
    /// It is over though not all is answered: it was enough, or the sweep is through.
    ended: bool,
    /// What was handed out though its call has not ended.
    handed: HashSet<Number>,
    out: HandOut<O>,
    orders: VecDeque<Order>,
    generations: HashMap<(usize, u32), u64>,
    summary: Summary,
}

/// A variation without an outcome.
struct Item<V> {
    variation: V,
    /// How many calls have it.
    holders: u32,
    /// How often a server did not come to it.
    refusals: u32,
}

struct Endpoint<O> {
    state: State<O>,
    /// Tries in a row without any progress.
    misses: u32,
    /// Outcomes that came from it.
    answered: u64,
    patience: Patience,
}

enum State<O> {
    Idle,
    /// It is left alone for a while.
    Pausing,
    /// It asked not to be tried again.
    Out,
    Calling(Call<O>),
}

/// Whether an endpoint with nothing to do may take something over.
enum Patience {
    /// It has something to do, or nobody is slow.
    None,
    /// It waits, since the endpoints had answered so much.
    Waiting(Vec<u64>),
    /// It has waited.
    Over(Vec<u64>),
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Call<O> {
    /// Its header came.
    is_ready: bool,
    is_half_closed: bool,
    /// It is sent nothing more: the server did not come to what it had.
    is_leaving: bool,
    /// What it shall be sent before all else: that was taken over.
    stolen: VecDeque<Number>,
    /// All that it is for was taken over.
    is_copy: bool,
    /// How many variations it may be sent.
    quota: usize,
    sent: u64,
    /// The highest number that it was sent.
    last: Option<Number>,
    /// What it was sent and has not answered, or with a reduction all of it, by its place in the call.
    numbers: BTreeMap<u64, Number>,
    /// With a reduction: the place behind the last outcome that came.
    passed: u64,
    /// What the server did not come to, of a call that counts as a whole.
    postponed: BTreeMap<Number, O>,
    /// What a reduction kept, with its scores.
    kept: Vec<(Number, Vec<f64>, O)>,
}

impl<O> Call<O> {
    /// What it has not answered, sent or to be sent; with a reduction all of it.
    fn held(&self) -> impl Iterator<Item = Number> {
        self.numbers.values().chain(&self.stolen).copied()
    }
}

impl<V, O> Exchange<V, O> {
    pub(super) fn new(plan: Plan, policy: RetryPolicy, endpoints: usize) -> Self {
        let idle = || Endpoint { state: State::Idle, misses: 0, answered: 0, patience: Patience::None };
        Self {
            out: HandOut::new(plan.ordered, plan.reduction.as_ref()),
            exhausted: plan.is_sweep,
            plan: Plan { in_flight_max: plan.in_flight_max.max(1), ..plan },
            policy,
            endpoints: (0..endpoints).map(|_| idle()).collect(),
            items: BTreeMap::new(),
            waiting: BTreeSet::new(),
            taken: 0,
            ended: false,
            handed: HashSet::new(),
            orders: VecDeque::new(),
            generations: HashMap::new(),
            summary: Summary::default(),
        }
    }

    /// A variation that was ordered to be sent.
    pub(super) fn variation(&self, number: Number) -> Option<&V> {
        self.items.get(&number).map(|item| &item.variation)
    }

    /// What became of the whole so far.
    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether all outcomes are there.
    pub(super) fn is_done(&self) -> bool {
        self.ended || (!self.plan.is_sweep && self.exhausted && self.items.is_empty())
    }

    /// The next outcome to hand out, with its number.
    pub(super) fn next_ready(&mut self) -> Option<(Number, O)> {
        if self.is_done() {
            self.summary.front_truncated |= self.out.finish();
        }
        self.out.pop()
    }

    /// Outcomes count when their call has ended.
    fn counts_whole_calls(&self) -> bool {
        self.plan.is_sweep || self.plan.reduction.is_some()
    }
}
