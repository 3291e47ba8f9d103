//! A shard as dispatch sees it: what it is doing, and what follows for it alone from crashes and from being idle.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Care, ItemId, PAUSE, SessionId, Source, Verdict};

/// Crashes of one shard within [`CRASHES_WINDOW`] after which it is quarantined: given no work for a while, since
/// whatever kills its runtimes would go on to do so.
pub(super) const CRASHES_MAX: usize = 5;

/// See [`CRASHES_MAX`].
pub(super) const CRASHES_WINDOW: Duration = Duration::from_secs(60);

/// How long the first quarantine lasts; doubles up to [`QUARANTINE_MAX`] with each that follows within twice its time.
pub(super) const QUARANTINE: Duration = Duration::from_secs(5);

/// Longest quarantine.
pub(super) const QUARANTINE_MAX: Duration = Duration::from_secs(60);

/// How long a runtime that grew beyond the soft mark must have been idle before it is collected: a session that
/// thinks for a moment between two generations should find it ready.
pub(super) const IDLE_BEFORE_COLLECT: Duration = Duration::from_millis(250);

/// How often an idle runtime evaluates its base, to find out that it can before a client does.
pub(super) const CANARY_INTERVAL: Duration = Duration::from_secs(30);

/// What a shard is doing.
#[derive(Clone, Debug)]
pub enum State {
    /// No runtime.
    Empty,
    /// A runtime is on its way.
    Forking {
        /// What it is forked from.
        source: Source,
    },
    /// A runtime waits for work.
    Idle {
        /// What it was forked from.
        source: Source,
    },
    /// A runtime does something for its own good.
    Cared {
        /// What it was forked from.
        source: Source,
    },
    /// A runtime works.
    Busy {
        /// What it was forked from.
        source: Source,
        /// The session it works for.
        session: SessionId,
        /// What it has not answered yet, in its order.
        in_hand: VecDeque<ItemId>,
    },
    /// Forking failed, or its runtimes died too often; nothing before then.
    Paused {
        /// When to try again.
        until: Instant,
        /// Its runtimes died too often.
        quarantined: bool,
    },
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) state: State,
    pub(super) generation: u64,
    /// When it came to its source.
    pub(super) since: Instant,
    /// The next pause, should forking fail.
    pub(super) pause: Duration,
    /// When its runtimes crashed lately.
    pub(super) crashes: VecDeque<Instant>,
    /// The next quarantine, and until when it counts as the next.
    pub(super) quarantine: (Duration, Instant),
    /// When its runtime last came to rest.
    pub(super) idle_since: Instant,
    /// When its runtime last proved itself, by work or by a canary.
    pub(super) proved: Instant,
    /// Its runtime grew beyond the soft mark.
    pub(super) grown: bool,
    /// It is to be collected before it gets more work.
    pub(super) collect_first: bool,
}

impl Shard {
    /// Without a runtime.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Empty,
            generation: 0,
            since: now,
            pause: PAUSE,
            crashes: VecDeque::new(),
            quarantine: (QUARANTINE, now),
            idle_since: now,
            proved: now,
            grown: false,
            collect_first: false,
        }
    }

    /// Its runtime comes to rest, or is replaced when the next work comes.
    pub(super) fn rest(&mut self, source: Source, verdict: Verdict, now: Instant) {
        self.state = if verdict == Verdict::Reset { State::Empty } else { State::Idle { source } };
        self.grown = matches!(verdict, Verdict::Grown | Verdict::Collect);
        self.collect_first = verdict == Verdict::Collect;
        (self.idle_since, self.proved) = (now, now);
    }

    /// Notes a crash; too many in too short a time, and nothing is forked for a while.
    pub(super) fn crashed(&mut self, now: Instant) {
        while self.crashes.front().is_some_and(|crash| now.duration_since(*crash) > CRASHES_WINDOW) {
            self.crashes.pop_front();
        }
        self.crashes.push_back(now);
        if self.crashes.len() < CRASHES_MAX {
            return;
        }
        self.crashes.clear();
        let (length, counts_until) = self.quarantine;
        let length = if now < counts_until { length } else { QUARANTINE };
        self.state = State::Paused { until: now + length, quarantined: true };
        self.quarantine = ((length * 2).min(QUARANTINE_MAX), now + length * 2 + CRASHES_WINDOW);
    }

    /// When an idle runtime should next do something for its own good, and what.
    pub(super) fn care_at(&self) -> (Instant, Care) {
        let canary = self.proved + CANARY_INTERVAL;
        let pause = if self.collect_first { Duration::ZERO } else { IDLE_BEFORE_COLLECT };
        let collect = self.idle_since + pause;
        if self.grown && collect < canary { (collect, Care::Collect) } else { (canary, Care::Canary) }
    }

    /// Whether it is idle and that time has come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let of_a_base = matches!(self.state, State::Idle { source: Source::Template(_) });
        of_a_base && self.care_at().0 <= now
    }
}

impl State {
    /// What the runtime was or is forked from, if there is one.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Empty | Self::Paused { .. } => None,
            Self::Forking { source } | Self::Idle { source } | Self::Cared { source } | Self::Busy { source, .. } => {
                Some(*source)
            }
        }
    }

    /// Whether a runtime works.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}
