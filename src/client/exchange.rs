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

mod hand_out;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::Duration,
};

use hand_out::HandOut;

use super::{
    Summary,
    retry::{Again, RetryPolicy},
};
use crate::objective::Keep;

/// How long an endpoint has nothing to do before it takes over what others are slow with. Most finish by then what they
/// have at the end, and nothing is computed twice.
const STEAL_PATIENCE: Duration = Duration::from_millis(200);
/// Most variations of a call with a reduction, if there are other endpoints: what is done again when it breaks.
const SHARE_MAX: usize = 4096;
/// Fewest of them: each call costs the time that its last variations take.
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

    // What to do.

    /// The next thing to be done; variations are taken from the source when there is room for them. `has_room` says
    /// whether something can be sent in an endpoint's call.
    pub(super) fn next_order(
        &mut self,
        source: &mut impl Iterator<Item = V>,
        has_room: impl Fn(usize) -> bool,
    ) -> Option<Order> {
        if self.is_done() {
            return self.next_farewell();
        }
        let order = self.orders.pop_front();
        let order = order.or_else(|| self.next_open(source)).or_else(|| self.next_send(source, has_room));
        if order.is_none() && self.is_done() {
            // The caller had no more, and nothing at all if this is the first that is known of it.
            return self.next_farewell();
        }
        order.or_else(|| self.next_half_close()).or_else(|| self.next_patience())
    }

    /// All is answered: calls that are through are ended well, the others given up.
    fn next_farewell(&mut self) -> Option<Order> {
        // Nobody has to be woken any more.
        while let Some(order) = self.orders.pop_front() {
            if matches!(order, Order::Cancel(_)) {
                return Some(order);
            }
        }
        let whole = self.counts_whole_calls();
        self.endpoints.iter_mut().enumerate().find_map(|(index, endpoint)| {
            let State::Calling(call) = &mut endpoint.state else { return None };
            if whole || !call.is_ready || !call.numbers.is_empty() {
                endpoint.state = State::Idle;
                return Some(Order::Cancel(index));
            }
            let is_first = !std::mem::replace(&mut call.is_half_closed, true);
            is_first.then_some(Order::HalfClose(index))
        })
    }

    /// Most variations that are left to be sent, as far as anybody knows.
    fn left(&self, source: &impl Iterator<Item = V>) -> usize {
        let more = if self.can_take() { source.size_hint().1.unwrap_or(usize::MAX) } else { 0 };
        self.waiting.len().saturating_add(more)
    }

    /// Whether a variation may be taken from the caller.
    fn can_take(&self) -> bool {
        let share = if self.plan.reduction.is_some() { self.share(usize::MAX) } else { self.plan.in_flight_max };
        let ahead_max = AHEAD_FACTOR.saturating_mul(share).saturating_mul(self.endpoints.len());
        let ahead = self.out.ahead(self.taken);
        !self.exhausted && usize::try_from(ahead).is_ok_and(|ahead| ahead < ahead_max)
    }

    /// How many of so many variations go into a call that counts as a whole: the fewer are left, the fewer, so that all
    /// endpoints end at about the same time. Alone there is nobody to share with.
    fn share(&self, left: usize) -> usize {
        match self.endpoints.len() {
            1 => usize::MAX,
            endpoints => (left / (2 * endpoints)).clamp(SHARE_MIN, SHARE_MAX),
        }
    }

    fn calls(&self) -> impl Iterator<Item = &Call<O>> {
        self.endpoints.iter().filter_map(|endpoint| match &endpoint.state {
            State::Calling(call) => Some(call),
            _ => None,
        })
    }

    fn next_open(&mut self, source: &impl Iterator<Item = V>) -> Option<Order> {
        let left = self.left(source);
        let calls = self.calls().count();
        // Each of these will take something.
        let fresh = self.calls().filter(|call| call.sent == 0).count();
        let is_needed = calls == 0 || (!self.plan.is_sweep && left > fresh);
        let idle = |endpoint: &Endpoint<O>| matches!(endpoint.state, State::Idle);
        // Whoever failed least goes first.
        let by_misses = |index: &usize| self.endpoints[*index].misses;
        let index = (0..self.endpoints.len()).filter(|index| idle(&self.endpoints[*index])).min_by_key(by_misses);
        if let Some(index) = index.filter(|_| is_needed) {
            return Some(self.open(index, self.share(left), VecDeque::new()));
        }
        let patient = |endpoint: &Endpoint<O>| idle(endpoint) && matches!(endpoint.patience, Patience::Over(_));
        let index = self.endpoints.iter().position(patient)?;
        let stolen = self.steal(index);
        (!stolen.is_empty()).then(|| self.open(index, stolen.len(), stolen))
    }

    fn open(&mut self, index: usize, quota: usize, stolen: VecDeque<Number>) -> Order {
        self.endpoints[index].patience = Patience::None;
        self.endpoints[index].state = State::Calling(Call {
            is_ready: false,
            is_half_closed: false,
            is_leaving: false,
            is_copy: !stolen.is_empty() && self.counts_whole_calls(),
            stolen,
            quota,
            sent: 0,
            last: None,
            numbers: BTreeMap::new(),
            passed: 0,
            postponed: BTreeMap::new(),
            kept: Vec::new(),
        });
        Order::Open(index)
    }

    fn next_send(&mut self, source: &mut impl Iterator<Item = V>, has_room: impl Fn(usize) -> bool) -> Option<Order> {
        let patient = |endpoint: &Endpoint<O>| {
            matches!((&endpoint.state, &endpoint.patience), (State::Calling(_), Patience::Over(_)))
        };
        if let Some(index) = self.endpoints.iter().position(patient) {
            let stolen = self.steal(index);
            if let State::Calling(call) = &mut self.endpoints[index].state {
                call.stolen = stolen;
            }
        }
        // Whoever has least in hand goes first.
        let in_flight_max = self.in_flight_max(source);
        let whole = self.counts_whole_calls();
        let is_open = |index: &usize| match &self.endpoints[*index].state {
            State::Calling(call) if call.is_ready && !call.is_half_closed && !call.is_leaving => {
                // What is taken over is nobody else's part.
                let most = if call.stolen.is_empty() { in_flight_max } else { self.plan.in_flight_max };
                let room = if whole { call.sent < call.quota as u64 } else { call.numbers.len() < most };
                room && has_room(*index)
            }
            _ => false,
        };
        let in_hand = |index: &usize| match &self.endpoints[*index].state {
            State::Calling(call) => call.numbers.len(),
            _ => 0,
        };
        let mut open: Vec<usize> = (0..self.endpoints.len()).filter(is_open).collect();
        open.sort_by_key(in_hand);
        open.into_iter().find_map(|index| {
            let number = self.pick(index, source)?;
            let endpoint = &mut self.endpoints[index];
            endpoint.patience = Patience::None;
            let State::Calling(call) = &mut endpoint.state else { return None };
            call.numbers.insert(call.sent, number);
            call.sent += 1;
            call.last = call.last.max(Some(number));
            Some(Order::Send(index, number))
        })
    }

    /// How many variations an endpoint may have in hand: no more than its part of what is left, so that the first one
    /// to be ready does not get all of it.
    fn in_flight_max(&self, source: &impl Iterator<Item = V>) -> usize {
        if self.endpoints.len() == 1 {
            return self.plan.in_flight_max;
        }
        let more = if self.exhausted { 0 } else { source.size_hint().1.unwrap_or(usize::MAX) };
        let is_working = |endpoint: &&Endpoint<O>| matches!(endpoint.state, State::Idle | State::Calling(_));
        let working = self.endpoints.iter().filter(is_working).count();
        let share = self.items.len().saturating_add(more).div_ceil(working.max(1));
        self.plan.in_flight_max.min(share.max(1))
    }

    /// The next number for that endpoint's call.
    fn pick(&mut self, index: usize, source: &mut impl Iterator<Item = V>) -> Option<Number> {
        let whole = self.counts_whole_calls();
        let State::Calling(call) = &mut self.endpoints[index].state else { return None };
        while let Some(number) = call.stolen.pop_front() {
            // It may have been answered meanwhile.
            if self.items.contains_key(&number) {
                return Some(number);
            }
        }
        if call.is_copy {
            return None;
        }
        let from = if whole { call.last.map_or(0, |last| last + 1) } else { 0 };
        if let Some(number) = self.waiting.range(from..).next().copied() {
            self.waiting.remove(&number);
            if let Some(item) = self.items.get_mut(&number) {
                item.holders += 1;
            }
            return Some(number);
        }
        if !self.can_take() {
            return None;
        }
        let Some(variation) = source.next() else {
            self.exhausted = true;
            return None;
        };
        let number = self.taken;
        self.taken += 1;
        self.items.insert(number, Item { variation, holders: 1, refusals: 0 });
        Some(number)
    }

    fn next_half_close(&mut self) -> Option<Order> {
        let (whole, alone) = (self.counts_whole_calls(), self.endpoints.len() == 1);
        let can_take = self.can_take();
        let (exhausted, waiting) = (self.exhausted, &self.waiting);
        self.endpoints.iter_mut().enumerate().find_map(|(index, endpoint)| {
            let State::Calling(call) = &mut endpoint.state else { return None };
            if !call.is_ready || call.is_half_closed || self.plan.is_sweep {
                return None;
            }
            let from = if whole { call.last.map_or(0, |last| last + 1) } else { 0 };
            let has_more = can_take || waiting.range(from..).next().is_some();
            let is_through = if whole {
                let is_full = call.sent >= call.quota as u64;
                // What waits has lower numbers, which must not come behind higher ones.
                is_full || (call.stolen.is_empty() && (call.is_copy || (!has_more && (exhausted || call.sent > 0))))
            } else {
                // With several endpoints there may be something to take over later.
                alone && exhausted && waiting.is_empty()
            };
            call.is_half_closed = is_through || call.is_leaving;
            call.is_half_closed.then_some(Order::HalfClose(index))
        })
    }

    // Taking over.

    fn next_patience(&mut self) -> Option<Order> {
        let whole = self.counts_whole_calls();
        let is_free = |endpoint: &Endpoint<O>| match &endpoint.state {
            State::Idle => true,
            State::Calling(call) => {
                let open = call.is_ready && !call.is_half_closed && !call.is_leaving;
                !whole && open && call.numbers.is_empty()
            }
            State::Pausing | State::Out => false,
        };
        let index = (0..self.endpoints.len()).find(|index| {
            let endpoint = &self.endpoints[*index];
            matches!(endpoint.patience, Patience::None) && is_free(endpoint) && self.victim(*index).is_some()
        })?;
        let marks = self.endpoints.iter().map(|endpoint| endpoint.answered).collect();
        self.endpoints[index].patience = Patience::Waiting(marks);
        Some(Order::Wake(index, STEAL_PATIENCE))
    }

    /// The endpoint that has most of what nobody else has, and how much that is.
    fn victim(&self, thief: usize) -> Option<(usize, usize)> {
        if self.plan.is_sweep {
            return None;
        }
        let whole = self.counts_whole_calls();
        let alone = |call: &Call<O>| call.numbers.values().filter(|number| self.is_held_once(**number)).count();
        let loads = self.endpoints.iter().enumerate().filter_map(|(index, endpoint)| match &endpoint.state {
            // A call that counts as a whole can be taken over when it is known what is in it.
            State::Calling(call) if index != thief && (!whole || call.is_half_closed) => Some((index, alone(call))),
            _ => None,
        });
        loads.filter(|(_, load)| *load > 0).max_by_key(|(_, load)| *load)
    }

    fn is_held_once(&self, number: Number) -> bool {
        self.items.get(&number).is_some_and(|item| item.holders == 1)
    }

    /// Takes over what another endpoint has not answered. Nothing, if that has changed meanwhile.
    fn steal(&mut self, thief: usize) -> VecDeque<Number> {
        let patience = std::mem::replace(&mut self.endpoints[thief].patience, Patience::None);
        let (Patience::Over(marks), Some((victim, load))) = (patience, self.victim(thief)) else {
            return VecDeque::new();
        };
        let endpoint = &self.endpoints[victim];
        let State::Calling(call) = &endpoint.state else { return VecDeque::new() };
        let numbers: VecDeque<Number> = if self.counts_whole_calls() {
            call.numbers.values().copied().collect()
        } else {
            let is_stuck = marks.get(victim) == Some(&endpoint.answered);
            let most = if is_stuck { load } else { load.div_ceil(2) }.min(self.plan.in_flight_max);
            // From the end: the other one works from the start.
            call.numbers.values().rev().copied().filter(|number| self.is_held_once(*number)).take(most).collect()
        };
        for number in &numbers {
            if let Some(item) = self.items.get_mut(number) {
                item.holders += 1;
            }
        }
        self.summary.stolen += numbers.len() as u64;
        numbers
    }

    // What happens.

    /// A pause is over, or a time of patience.
    pub(super) fn wake(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        if matches!(endpoint.state, State::Pausing) {
            endpoint.state = State::Idle;
        }
        if let Patience::Waiting(marks) = &mut endpoint.patience {
            endpoint.patience = Patience::Over(std::mem::take(marks));
        }
    }

    /// A call began.
    pub(super) fn header(&mut self, index: usize) {
        if let State::Calling(call) = &mut self.endpoints[index].state {
            call.is_ready = true;
        }
    }

    /// An outcome came. `Err`: of nothing that was sent.
    pub(super) fn outcome(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        self.count_reset(index, answer.shard);
        if self.counts_whole_calls() {
            self.outcome_of_whole(index, answer)
        } else {
            self.outcome_of_one(index, answer)
        }
    }

    fn outcome_of_one(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        let endpoint = &mut self.endpoints[index];
        let State::Calling(call) = &mut endpoint.state else { return Ok(()) };
        let number = call.numbers.remove(&answer.index).ok_or(())?;
        if answer.verdict == Verdict::Unavailable {
            // It drains, or has no runtimes: what it has comes back, and it is sent no more.
            call.is_leaving = true;
            if self.is_refused_for_good(number) {
                self.settle(number, answer);
            } else {
                self.release(number);
            }
            return Ok(());
        }
        endpoint.misses = 0;
        endpoint.answered += 1;
        // Another endpoint may have been first.
        if self.items.contains_key(&number) {
            self.settle(number, answer);
        }
        Ok(())
    }

    /// Hands the one outcome of a variation out.
    fn settle(&mut self, number: Number, answer: Answer<O>) {
        self.items.remove(&number);
        self.waiting.remove(&number);
        let is_good = matches!(answer.verdict, Verdict::Values(_));
        self.summary.succeeded += u64::from(is_good);
        self.summary.failed += u64::from(!is_good);
        self.summary.warned += u64::from(answer.is_warned);
        self.out.push(number, answer.outcome);
        self.out.settle(number);
    }

    fn outcome_of_whole(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        let endpoint = &mut self.endpoints[index];
        let State::Calling(call) = &mut endpoint.state else { return Ok(()) };
        let number = match call.numbers.get(&answer.index) {
            Some(number) => *number,
            None if self.plan.is_sweep => answer.index,
            None => return Err(()),
        };
        endpoint.answered += 1;
        match answer.verdict {
            Verdict::Unavailable => {
                call.is_leaving = true;
                call.postponed.insert(number, answer.outcome);
            }
            Verdict::Values(scores) if self.out.is_reduced() => call.kept.push((number, scores, answer.outcome)),
            Verdict::Values(_) | Verdict::Failed => {
                if self.handed.insert(number) {
                    endpoint.misses = 0;
                    self.out.push(number, answer.outcome);
                }
                // What lies before it was left out, if the server keeps to the order.
                if self.plan.ordered {
                    let passed = call.passed..=answer.index;
                    if self.plan.is_sweep {
                        let all = passed.filter(|number| !call.postponed.contains_key(number));
                        all.for_each(|number| self.out.settle(number));
                    } else {
                        let all = call.numbers.range(passed).map(|(_, number)| *number);
                        let all = all.filter(|number| !call.postponed.contains_key(number));
                        all.for_each(|number| self.out.settle(number));
                    }
                    call.passed = answer.index + 1;
                }
            }
        }
        Ok(())
    }

    /// A call ended well, and that is what its server says of it.
    pub(super) fn ended(&mut self, index: usize, said: &Summary, chance: f64) -> Result<(), GiveUp> {
        if self.is_done() {
            self.endpoints[index].state = State::Idle;
            return Ok(());
        }
        let State::Calling(call) = &self.endpoints[index].state else { return Ok(()) };
        let is_short = !self.counts_whole_calls() && !call.numbers.is_empty();
        let is_refused = call.is_leaving;
        let again = self.plan.is_sweep && is_refused && self.endpoints[index].misses + 1 < self.policy.attempts;
        if is_short || again {
            return self.broken(index, Again::Later(None), chance);
        }
        let State::Calling(call) = std::mem::replace(&mut self.endpoints[index].state, State::Idle) else {
            return Ok(());
        };
        if self.counts_whole_calls() {
            self.take_in(call, said);
        }
        if is_refused && !self.is_done() {
            return self.miss(index, None, chance);
        }
        self.endpoints[index].misses = 0;
        Ok(())
    }

    /// Takes a call in that counts as a whole.
    fn take_in(&mut self, call: Call<O>, said: &Summary) {
        let Summary { succeeded, failed, warned, infeasible, .. } = said;
        self.summary.succeeded += succeeded;
        self.summary.failed += failed;
        self.summary.warned += warned;
        self.summary.infeasible += infeasible;
        self.summary.stopped_early |= said.stopped_early;
        self.summary.front_truncated |= said.front_truncated;
        let numbers: BTreeSet<Number> = call.numbers.into_values().collect();
        self.cancel_copies(&numbers);
        for (number, outcome) in call.postponed {
            if self.plan.is_sweep || self.is_refused_for_good(number) {
                if self.handed.insert(number) {
                    self.out.push(number, outcome);
                }
            } else {
                // It is counted when its turn comes.
                self.summary.failed = self.summary.failed.saturating_sub(1);
                self.release(number);
            }
        }
        for number in numbers.iter().filter(|number| !self.waiting.contains(number)) {
            self.items.remove(number);
            self.handed.remove(number);
            self.out.settle(*number);
        }
        for (number, scores, outcome) in call.kept {
            self.out.keep(number, scores, outcome);
        }
        if said.stopped_early || self.plan.is_sweep {
            self.ended = true;
        }
    }

    /// Gives up the calls that are about the same variations.
    fn cancel_copies(&mut self, numbers: &BTreeSet<Number>) {
        for index in 0..self.endpoints.len() {
            let State::Calling(call) = &self.endpoints[index].state else { continue };
            let first = call.numbers.values().next().or(call.stolen.front());
            if first.is_some_and(|first| numbers.contains(first)) {
                self.lose(index);
                self.orders.push_back(Order::Cancel(index));
            }
        }
    }

    /// A call broke, or could not be opened.
    pub(super) fn broken(&mut self, index: usize, again: Again, chance: f64) -> Result<(), GiveUp> {
        if self.is_done() {
            self.endpoints[index].state = State::Idle;
            return Ok(());
        }
        let State::Calling(call) = &self.endpoints[index].state else { return Ok(()) };
        self.summary.resumed += u64::from(call.is_ready);
        self.lose(index);
        match again {
            Again::Never => Err(GiveUp::Refused),
            Again::WithTheBuild => Ok(()),
            Again::Later(pushback) => self.miss(index, pushback, chance),
            Again::Elsewhere => {
                self.endpoints[index].misses += 1;
                self.endpoints[index].state = State::Out;
                self.check_exhausted()
            }
        }
    }

    /// What that endpoint's call has goes back.
    fn lose(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        endpoint.patience = Patience::None;
        if let State::Calling(call) = std::mem::replace(&mut endpoint.state, State::Idle) {
            call.numbers.into_values().chain(call.stolen).for_each(|number| self.release(number));
        }
    }

    /// One call less has that variation.
    fn release(&mut self, number: Number) {
        if let Some(item) = self.items.get_mut(&number) {
            item.holders = item.holders.saturating_sub(1);
            if item.holders == 0 {
                self.waiting.insert(number);
            }
        }
    }

    /// Leaves an endpoint alone for a while.
    fn miss(&mut self, index: usize, pushback: Option<Duration>, chance: f64) -> Result<(), GiveUp> {
        let endpoint = &mut self.endpoints[index];
        endpoint.misses += 1;
        endpoint.state = State::Pausing;
        endpoint.patience = Patience::None;
        self.orders.push_back(Order::Wake(index, self.policy.pause(endpoint.misses, pushback, chance)));
        self.check_exhausted()
    }

    /// As long as one endpoint has not been tried that often, there is hope.
    fn check_exhausted(&self) -> Result<(), GiveUp> {
        let is_hopeless =
            |endpoint: &Endpoint<O>| matches!(endpoint.state, State::Out) || endpoint.misses >= self.policy.attempts;
        if !self.endpoints.iter().all(is_hopeless) {
            return Ok(());
        }
        Err(GiveUp::Exhausted(self.endpoints.iter().map(|endpoint| endpoint.misses).max().unwrap_or(0)))
    }

    /// A server did not come to that variation. Whether it has been tried often enough.
    fn is_refused_for_good(&mut self, number: Number) -> bool {
        self.items.get_mut(&number).is_some_and(|item| {
            item.refusals += 1;
            item.refusals >= self.policy.attempts
        })
    }

    /// A reset is a step to a newer generation of a shard.
    fn count_reset(&mut self, index: usize, shard: Option<(u32, u64)>) {
        let Some((shard, generation)) = shard else { return };
        let newest = self.generations.entry((index, shard)).or_insert(generation);
        self.summary.resets += u64::from(generation > *newest);
        *newest = generation.max(*newest);
    }
}
