//! Dispatch: which shard does what next. Pure and synchronous: it owns no process, channel or clock; the driver tells
//! it what happened and carries out the actions that [`Dispatch::plan`] gives back.
//!
//! ```text
//!             Fork                 ready                 Assign
//!   Empty ───────────▶ Forking ───────────▶ Idle ───────────────────▶ Busy
//!     ▲                   │                  │ ▲   assignment done     │
//!     │   fork failed     ▼                  │ └──────────────────────┤
//!     │◀── (pause) ──── Paused               │                        │
//!     └──────────────────────────────────────┴── died, spent, reset ──┘
//! ```
//!
//! Happy path: variations wait in a queue per session and source; a source is what a runtime is forked from, the
//! template of a base or (for the plain path) the zygote. An idle shard takes an assignment of one session, sized so
//! that it is busy for `cost::ASSIGNMENT`; sessions of a source take turns, and shards go to sources by demand.
//!
//! A source that has nothing to fork from now, its template or zygote being dead, is left alone for a while: shards serve
//! the others meanwhile, so one broken engine does not hold up its neighbours.
//!
//! Failing path: a runtime that dies takes only the variation with it that it was computing. That one is tried once
//! more; all behind it go back to the head of their queue, unharmed.

mod cost;
mod shard;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use cost::Cost;
pub use cost::Took;
use shard::Shard;
pub use shard::State;

use super::Priority;
use crate::build::{
    base::{BaseKey, EditionId},
    outcome::FailureReason,
};

/// How long a shard stays with a source that has work while another source has no shard at all. A fork costs some ten
/// milliseconds and as much again in page faults, so switching more often would waste a good part of the time.
const RESIDENCE: Duration = Duration::from_millis(250);

/// Pause after a fork that failed; doubles up to [`PAUSE_MAX`] while it keeps failing.
const PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two attempts to fork.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Runtimes that a variation may kill before it is given up.
const DEATHS_MAX: u8 = 2;

/// Names a session.
pub type SessionId = u64;
/// Names a variation in hand.
pub type ItemId = u64;

/// What a shard's runtime is forked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The template of that base.
    Template(BaseKey),
    /// The zygote of that edition: a runtime that never loaded a build, good for one variation by the plain path.
    Zygote(EditionId),
}

impl Source {
    /// The edition of the engine that it belongs to.
    #[must_use]
    pub fn edition(self) -> EditionId {
        match self {
            Self::Template(base) => base.edition,
            Self::Zygote(edition) => edition,
        }
    }
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Replace the shard's runtime, if it has one, by a fork of the source.
    Fork {
        /// The shard.
        shard: usize,
        /// What to fork.
        source: Source,
        /// Generation of the new runtime.
        generation: u64,
    },
    /// Give the shard's runtime these variations, in this order.
    Assign {
        /// The shard.
        shard: usize,
        /// Generation of its runtime.
        generation: u64,
        /// The session that all of them belong to.
        session: SessionId,
        /// The variations.
        items: Vec<ItemId>,
        /// Whether they go the plain path; there is one then.
        plain: bool,
    },
    /// Have an idle runtime do something for its own good.
    Care {
        /// The shard.
        shard: usize,
        /// Generation of its runtime.
        generation: u64,
        /// What.
        care: Care,
    },
    /// End the assignment that a shard has in hand, behind the variation that it is at.
    Cancel {
        /// The shard.
        shard: usize,
    },
    /// Answer a variation with a failure.
    Fail {
        /// The variation.
        item: ItemId,
        /// Why.
        reason: FailureReason,
    },
}

/// What an idle runtime does for its own good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// A full garbage collection.
    Collect,
    /// Evaluate the base and compare.
    Canary,
}

#[derive(Debug)]
struct Session {
    base: BaseKey,
    priority: Priority,
    fast: VecDeque<ItemId>,
    plain: VecDeque<ItemId>,
}

impl Session {
    fn queue(&mut self, source: Source) -> &mut VecDeque<ItemId> {
        match source {
            Source::Template(_) => &mut self.fast,
            Source::Zygote(_) => &mut self.plain,
        }
    }
}

/// A source that had nothing to fork from.
#[derive(Clone, Copy, Debug)]
struct Missing {
    /// Until when it is left alone; `None`: it is tried again.
    until: Option<Instant>,
    /// How long it is left alone the next time.
    next: Duration,
}

/// Sessions with something in their queue, in turn, by priority and source.
type Rings = BTreeMap<(Priority, Source), VecDeque<SessionId>>;

/// The decisions, and all the state that they need.
#[derive(Debug)]
pub struct Dispatch {
    shards: Vec<Shard>,
    sessions: HashMap<SessionId, Session>,
    rings: Rings,
    costs: HashMap<BaseKey, Cost>,
    /// Bases that the fast path cannot be trusted with.
    plain_only: HashSet<BaseKey>,
    /// Bases whose template is warming up.
    warming_up: HashSet<BaseKey>,
    /// Runtimes that a variation has killed already.
    deaths: HashMap<ItemId, u8>,
    /// When a source last got a shard's time; for fairness among sources.
    served: HashMap<Source, Instant>,
    /// Sources that had nothing to fork from.
    missing: HashMap<Source, Missing>,
    queued: usize,
}

impl Dispatch {
    /// With that many shards, all empty.
    #[must_use]
    pub fn new(shards: usize, now: Instant) -> Self {
        Self {
            shards: (0..shards).map(|_| Shard::new(now)).collect(),
            sessions: HashMap::new(),
            rings: Rings::new(),
            costs: HashMap::new(),
            plain_only: HashSet::new(),
            warming_up: HashSet::new(),
            deaths: HashMap::new(),
            served: HashMap::new(),
            missing: HashMap::new(),
            queued: 0,
        }
    }

    /// Variations that wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// What a shard is doing, and its runtime's generation.
    #[must_use]
    pub fn shard(&self, shard: usize) -> Option<(&State, u64)> {
        self.shards.get(shard).map(|shard| (&shard.state, shard.generation))
    }

    /// Variations of a base that wait.
    #[must_use]
    pub fn queued_for(&self, base: BaseKey) -> usize {
        let of_base = self.sessions.values().filter(|session| session.base == base);
        of_base.map(|session| session.fast.len() + session.plain.len()).sum()
    }

    /// A session begins.
    pub fn open_session(&mut self, session: SessionId, base: BaseKey, priority: Priority) {
        let queues = Session { base, priority, fast: VecDeque::new(), plain: VecDeque::new() };
        self.sessions.insert(session, queues);
    }

    /// A session is over; what it had queued is given back, to be forgotten. What shards have in hand for it is ended.
    pub fn close_session(&mut self, session: SessionId) -> (Vec<ItemId>, Vec<Action>) {
        let Some(queues) = self.sessions.remove(&session) else { return (Vec::new(), Vec::new()) };
        let works_for_it =
            |shard: &Shard| matches!(shard.state, State::Busy { session: other, .. } if other == session);
        let cancel = self.shards_that(works_for_it).into_iter().map(|shard| Action::Cancel { shard }).collect();
        let items: Vec<_> = queues.fast.into_iter().chain(queues.plain).collect();
        self.queued -= items.len();
        for item in &items {
            self.deaths.remove(item);
        }
        self.rings.retain(|_, ring| {
            ring.retain(|member| *member != session);
            !ring.is_empty()
        });
        (items, cancel)
    }

    /// Variations arrive. False if the session is not open.
    pub fn submit(&mut self, session: SessionId, items: impl IntoIterator<Item = ItemId>) -> bool {
        let Some(base) = self.sessions.get(&session).map(|queues| queues.base) else { return false };
        let source =
            if self.plain_only.contains(&base) { Source::Zygote(base.edition) } else { Source::Template(base) };
        for item in items {
            self.enqueue(session, source, item, End::Back);
        }
        true
    }

    /// Everything of this base goes the plain path from now on, what waits included.
    pub fn set_plain_only(&mut self, base: BaseKey) {
        self.plain_only.insert(base);
        self.rings.retain(|(_, source), _| *source != Source::Template(base));
        let of_base = |(id, session): (&SessionId, &mut Session)| {
            (session.base == base).then(|| (*id, std::mem::take(&mut session.fast)))
        };
        let waiting: Vec<_> = self.sessions.iter_mut().filter_map(of_base).collect();
        for (session, items) in waiting {
            self.queued -= items.len();
            for item in items {
                self.enqueue(session, Source::Zygote(base.edition), item, End::Back);
            }
        }
    }

    /// Whether the source is a template that is warming up.
    #[must_use]
    pub fn is_warming_up(&self, source: Source) -> bool {
        matches!(source, Source::Template(base) if self.warming_up.contains(&base))
    }

    /// Says whether a base is warming up: that takes a processor, so not all shards serve it.
    pub fn set_warming_up(&mut self, base: BaseKey, warming_up: bool) {
        if warming_up {
            self.warming_up.insert(base);
        } else {
            self.warming_up.remove(&base);
        }
    }

    /// The runtime says that only the plain path gives the right answer for the variation that it was at.
    pub fn needs_plain(&mut self, shard: usize, generation: u64) -> Option<Action> {
        let (session, item) = self.answered(shard, generation)?;
        let edition = self.sessions.get(&session).map(|queues| queues.base.edition).unwrap_or_default();
        self.enqueue(session, Source::Zygote(edition), item, End::Back)
    }

    /// A fork arrived.
    pub fn shard_ready(&mut self, shard: usize, generation: u64, now: Instant) {
        let Some(shard) = self.current(shard, generation) else { return };
        if let State::Forking { source } = shard.state {
            shard.state = State::Idle { source };
            shard.pause = PAUSE;
            (shard.idle_since, shard.proved) = (now, now);
            (shard.grown, shard.collect_first) = (false, false);
            self.missing.remove(&source);
        }
    }

    /// There is nothing to fork from. The shard is free for another source, and this one is left alone for a while.
    pub fn source_missing(&mut self, shard: usize, generation: u64, now: Instant) {
        let Some(shard) = self.current(shard, generation) else { return };
        if let State::Forking { source } = shard.state {
            shard.state = State::Empty;
            let pause = self.missing.get(&source).map_or(PAUSE, |missing| missing.next);
            self.missing.insert(source, Missing { until: Some(now + pause), next: (pause * 2).min(PAUSE_MAX) });
        }
    }

    /// A fork did not arrive.
    pub fn fork_failed(&mut self, shard: usize, generation: u64, now: Instant) {
        let Some(shard) = self.current(shard, generation) else { return };
        shard.state = State::Paused { until: now + shard.pause, quarantined: false };
        shard.pause = (shard.pause * 2).min(PAUSE_MAX);
    }

    /// A runtime answered the variation that it was at; what it took is given if that was by the fast path.
    pub fn item_done(&mut self, shard: usize, generation: u64, took: Option<Took>) -> Option<ItemId> {
        let (session, item) = self.answered(shard, generation)?;
        self.deaths.remove(&item);
        if let (Some(took), Some(session)) = (took, self.sessions.get(&session)) {
            self.costs.entry(session.base).or_default().learn(took);
        }
        Some(item)
    }

    /// The variation that the runtime is at.
    #[must_use]
    pub fn at_work(&self, shard: usize, generation: u64) -> Option<ItemId> {
        let shard = self.shards.get(shard).filter(|shard| shard.generation == generation)?;
        match &shard.state {
            State::Busy { in_hand, .. } => in_hand.front().copied(),
            _ => None,
        }
    }

    /// Whether the shard's runtime waits for work.
    #[must_use]
    pub fn is_idle(&self, shard: usize) -> bool {
        self.shards.get(shard).is_some_and(|shard| matches!(shard.state, State::Idle { .. }))
    }

    /// The shard's runtime, which was idle, is let go.
    pub fn drop_idle(&mut self, shard: usize) {
        if let Some(shard) = self.shards.get_mut(shard).filter(|shard| matches!(shard.state, State::Idle { .. })) {
            shard.state = State::Empty;
        }
    }

    /// A shard that pauses or is in quarantine may try again at once.
    pub fn release(&mut self, shard: usize) {
        if let Some(shard) = self.shards.get_mut(shard).filter(|shard| matches!(shard.state, State::Paused { .. })) {
            shard.state = State::Empty;
            shard.pause = PAUSE;
        }
    }

    /// An assignment is over. What the runtime did not touch goes back to the head of its queue.
    pub fn assignment_done(&mut self, shard: usize, generation: u64, verdict: Verdict, now: Instant) -> Vec<Action> {
        let Some(shard) = self.current(shard, generation) else { return Vec::new() };
        let state = std::mem::replace(&mut shard.state, State::Empty);
        let State::Busy { source, session, in_hand } = state else {
            shard.state = state;
            return Vec::new();
        };
        shard.rest(source, verdict, now);
        in_hand.into_iter().rev().filter_map(|item| self.enqueue(session, source, item, End::Front)).collect()
    }

    /// A runtime has done what was for its own good.
    pub fn care_done(&mut self, shard: usize, generation: u64, verdict: Verdict, now: Instant) {
        let Some(shard) = self.current(shard, generation) else { return };
        if let State::Cared { source } = shard.state {
            shard.rest(source, verdict, now);
        }
    }

    /// A runtime is gone. The variation that it was at fails with `reason`, or is tried again if it is
    /// [`FailureReason::RuntimeCrashed`] for the first time.
    pub fn shard_died(&mut self, shard: usize, generation: u64, reason: FailureReason, now: Instant) -> Vec<Action> {
        let Some(shard) = self.current(shard, generation) else { return Vec::new() };
        let state = std::mem::replace(&mut shard.state, State::Empty);
        if reason == FailureReason::RuntimeCrashed {
            shard.crashed(now);
        }
        let State::Busy { source, session, mut in_hand } = state else { return Vec::new() };
        let culprit = in_hand.pop_front();
        let unharmed = in_hand.into_iter().rev();
        let mut actions: Vec<_> = unharmed.filter_map(|item| self.enqueue(session, source, item, End::Front)).collect();
        let Some(item) = culprit else { return actions };
        if reason == FailureReason::RuntimeCrashed {
            let deaths = self.deaths.entry(item).or_insert(0);
            *deaths += 1;
            if *deaths < DEATHS_MAX {
                actions.extend(self.enqueue(session, source, item, End::Front));
                return actions;
            }
        }
        self.deaths.remove(&item);
        actions.push(Action::Fail { item, reason });
        actions
    }

    /// The base's template is gone for good: its queues are given back.
    pub fn drop_base(&mut self, base: BaseKey) -> Vec<ItemId> {
        self.costs.remove(&base);
        self.plain_only.remove(&base);
        self.warming_up.remove(&base);
        self.served.remove(&Source::Template(base));
        self.missing.remove(&Source::Template(base));
        let of_base = |(id, session): (&SessionId, &Session)| (session.base == base).then_some(*id);
        let sessions: Vec<_> = self.sessions.iter().filter_map(of_base).collect();
        let mut items = Vec::new();
        for session in sessions {
            if let Some(queues) = self.sessions.get_mut(&session) {
                items.extend(queues.fast.drain(..).chain(queues.plain.drain(..)));
            }
            self.rings.retain(|_, ring| {
                ring.retain(|member| *member != session);
                !ring.is_empty()
            });
        }
        self.queued -= items.len();
        items
    }

    /// An edition is over, and its bases are dropped.
    pub fn drop_edition(&mut self, edition: EditionId) {
        self.served.remove(&Source::Zygote(edition));
        self.missing.remove(&Source::Zygote(edition));
    }

    /// Sets what computing a variation of that base costs, as the template measured it.
    pub fn set_cost(&mut self, base: BaseKey, seconds: f64) {
        if seconds > 0.0 {
            self.costs.insert(base, Cost::of(seconds));
        }
    }

    /// When [`Dispatch::plan`] should be called again even if nothing happens.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        let wake = |shard: &Shard| match shard.state {
            State::Paused { until, .. } => (self.queued > 0).then_some(until),
            State::Idle { source: Source::Template(_) } => Some(shard.care_at().0),
            _ => None,
        };
        let found_again = self.rings.keys().filter_map(|(_, source)| self.missing.get(source)?.until);
        self.shards.iter().filter_map(wake).chain(found_again).min()
    }

    /// Whether the shard is in quarantine.
    #[must_use]
    pub fn is_quarantined(&self, shard: usize, now: Instant) -> bool {
        let state = self.shards.get(shard).map(|shard| &shard.state);
        matches!(state, Some(State::Paused { until, quarantined: true }) if *until > now)
    }

    /// Shards that are in quarantine.
    #[must_use]
    pub fn quarantined(&self, now: Instant) -> usize {
        (0..self.shards.len()).filter(|shard| self.is_quarantined(*shard, now)).count()
    }

    /// Gives every shard that can take some the work that is most due.
    pub fn plan(&mut self, now: Instant) -> Vec<Action> {
        for missing in self.missing.values_mut() {
            missing.until = missing.until.filter(|until| *until > now);
        }
        let mut actions = Vec::new();
        let collect_first = self.shards_that(|shard| shard.collect_first && shard.is_due(now));
        actions.extend(collect_first.into_iter().map(|index| self.care(index)));
        // Those that have a runtime come first: what they can take at once needs no fork.
        let idle = |shard: &Shard| matches!(shard.state, State::Idle { .. });
        let empty = |shard: &Shard| match shard.state {
            State::Empty => true,
            State::Paused { until, .. } => until <= now,
            _ => false,
        };
        let (idle, empty) = (self.shards_that(idle), self.shards_that(empty));
        for index in idle.into_iter().chain(empty) {
            let Some((priority, source)) = self.most_due(index, now) else { continue };
            actions.push(match self.shards[index].state {
                State::Idle { source: here } if here == source => self.assign(index, priority, source, now),
                _ => self.fork(index, source, now),
            });
        }
        actions.extend(self.shards_that(|shard| shard.is_due(now)).into_iter().map(|index| self.care(index)));
        actions
    }

    fn care(&mut self, index: usize) -> Action {
        let shard = &mut self.shards[index];
        let care = shard.care_at().1;
        if let State::Idle { source } = shard.state {
            shard.state = State::Cared { source };
        }
        Action::Care { shard: index, generation: shard.generation, care }
    }

    fn shards_that(&self, condition: impl Fn(&Shard) -> bool) -> Vec<usize> {
        self.shards.iter().enumerate().filter(|(_, shard)| condition(shard)).map(|(index, _)| index).collect()
    }

    /// The queue that a free shard should serve next.
    fn most_due(&self, index: usize, now: Instant) -> Option<(Priority, Source)> {
        let is_there = |source: &Source| self.missing.get(source).is_none_or(|missing| missing.until.is_none());
        let serving = |source: Source| {
            let others = self.shards.iter().enumerate().filter(|(other, _)| *other != index);
            others.filter(|(_, shard)| shard.state.source() == Some(source)).count()
        };
        let has_place = |source: &Source| serving(*source) < self.places(*source);
        let mut keys = self.rings.keys().filter(|(_, source)| is_there(source) && has_place(source)).peekable();
        let priority = keys.peek()?.0;
        let sources: Vec<Source> = keys.take_while(|key| key.0 == priority).map(|(_, source)| *source).collect();
        let shard = &self.shards[index];
        if let State::Idle { source: here } = shard.state
            && sources.contains(&here)
        {
            let share = self.shards.len().div_ceil(sources.len());
            let others_wait = sources.iter().any(|source| *source != here && serving(*source) == 0);
            let may_stay = !others_wait || now.duration_since(shard.since) < RESIDENCE;
            if may_stay && serving(here) < share {
                return Some((priority, here));
            }
        }
        // A source is worth another shard only if it has more waiting than the shards on their way to it will take.
        let source = sources
            .into_iter()
            .filter(|source| self.waiting(priority, *source) > self.forking_to(*source, index))
            .min_by_key(|source| (serving(*source), self.served.get(source).copied()))?;
        Some((priority, source))
    }

    /// How many shards may serve the source: all, or all but one while it warms up, as there is usually one for each
    /// processor.
    fn places(&self, source: Source) -> usize {
        let taken = usize::from(self.is_warming_up(source));
        (self.shards.len() - taken).max(1)
    }

    fn waiting(&self, priority: Priority, source: Source) -> usize {
        let Some(ring) = self.rings.get(&(priority, source)) else { return 0 };
        let length = |session: &SessionId| {
            self.sessions.get(session).map_or(0, |session| match source {
                Source::Template(_) => session.fast.len(),
                Source::Zygote(_) => session.plain.len(),
            })
        };
        ring.iter().map(length).sum()
    }

    fn forking_to(&self, source: Source, except: usize) -> usize {
        let forking = |(index, shard): &(usize, &Shard)| {
            *index != except && matches!(shard.state, State::Forking { source: to } if to == source)
        };
        self.shards.iter().enumerate().filter(forking).count()
    }

    fn fork(&mut self, index: usize, source: Source, now: Instant) -> Action {
        let shard = &mut self.shards[index];
        shard.generation += 1;
        shard.since = now;
        shard.state = State::Forking { source };
        self.served.insert(source, now);
        Action::Fork { shard: index, source, generation: shard.generation }
    }

    fn assign(&mut self, index: usize, priority: Priority, source: Source, now: Instant) -> Action {
        let waiting = self.waiting(priority, source);
        let size = match source {
            Source::Zygote(_) => 1,
            Source::Template(base) => {
                // The last variations are spread over the shards, so that all finish at about the same time.
                let affordable = self.costs.get(&base).copied().unwrap_or_default().affordable();
                affordable.min(waiting.div_ceil(self.shards.len()).max(1))
            }
        };
        let key = (priority, source);
        let mut session = 0;
        let mut items = Vec::new();
        if let Some(ring) = self.rings.get_mut(&key)
            && let Some(turn) = ring.pop_front()
        {
            session = turn;
            if let Some(queues) = self.sessions.get_mut(&turn) {
                let queue = queues.queue(source);
                let count = size.min(queue.len());
                items.extend(queue.drain(..count));
                if !queue.is_empty() {
                    ring.push_back(turn);
                }
            }
            if ring.is_empty() {
                self.rings.remove(&key);
            }
        }
        self.queued -= items.len();
        self.served.insert(source, now);
        let shard = &mut self.shards[index];
        shard.state = State::Busy { source, session, in_hand: items.iter().copied().collect() };
        let plain = matches!(source, Source::Zygote(_));
        Action::Assign { shard: index, generation: shard.generation, session, items, plain }
    }

    /// Takes the variation that the shard's runtime was at out of its hand.
    fn answered(&mut self, shard: usize, generation: u64) -> Option<(SessionId, ItemId)> {
        match &mut self.current(shard, generation)?.state {
            State::Busy { session, in_hand, .. } => Some((*session, in_hand.pop_front()?)),
            _ => None,
        }
    }

    /// The shard, if its runtime is still the one of that generation; what the dead say is ignored.
    fn current(&mut self, shard: usize, generation: u64) -> Option<&mut Shard> {
        self.shards.get_mut(shard).filter(|shard| shard.generation == generation)
    }

    /// Puts a variation into its queue; if its session has gone, gives back what to do with it instead.
    fn enqueue(&mut self, id: SessionId, source: Source, item: ItemId, end: End) -> Option<Action> {
        let Some(session) = self.sessions.get_mut(&id) else {
            self.deaths.remove(&item);
            return Some(Action::Fail { item, reason: FailureReason::Cancelled });
        };
        let queue = session.queue(source);
        match end {
            End::Back => queue.push_back(item),
            End::Front => queue.push_front(item),
        }
        self.queued += 1;
        let ring = self.rings.entry((session.priority, source)).or_default();
        if !ring.contains(&id) {
            ring.push_back(id);
        }
        None
    }
}

/// What becomes of a runtime that has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It goes on, and is collected when it has nothing else to do.
    Grown,
    /// It is collected before it does more.
    Collect,
    /// It is replaced before it does more.
    Reset,
}

#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

#[cfg(test)]
mod tests;
