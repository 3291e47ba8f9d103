//! Never twice: identical variations in hand are computed once, and what they gave is kept for those that come later.
//!
//! Two variations are identical if base, edition of the engine, selection of stats, strictness and canonical text are.
//! Pure: it owns no process, channel or clock. Only what the engine said of a variation is shared, never what happened to
//! it, such as a dead runtime or a client that left.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;

use super::{
    Priority, SessionSpec,
    dispatch::{ItemId, SessionId},
    session::Item,
};
use crate::build::{
    base::BaseKey,
    outcome::{ComputePath, Evaluated, FailureReason, Selection, StatValue},
};

/// What an entry takes beside its texts and values: keys, table, allocations.
const ENTRY_BYTES: usize = 320;

/// Different contexts that are told apart at once. Beyond that all is forgotten; nobody has so many selections.
const CONTEXTS_MAX: usize = 4096;

/// What an outcome depends on beside the variation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Context {
    base: BaseKey,
    selection: Selection,
    strict: bool,
}

/// A variation in its context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    context: u64,
    text: Bytes,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    session: SessionId,
    base: BaseKey,
    context: u64,
    priority: Priority,
}

/// What becomes of a variation that was asked for.
#[derive(Debug)]
pub enum Admitted {
    /// It has its answer.
    Answered,
    /// It gets the answer of the same variation in hand.
    Waits,
    /// It must be computed.
    New(Item),
}

/// Results that are kept, and variations in hand that others wait for.
#[derive(Debug, Default)]
pub struct Results {
    /// 0: nothing is kept or shared.
    limit_bytes: usize,
    contexts: HashMap<Context, u64>,
    next_context: u64,
    /// Two generations: what is used again moves to the young one, and the old one is dropped as a whole when the young
    /// one has half of the memory.
    young: HashMap<Key, Evaluated>,
    old: HashMap<Key, Evaluated>,
    young_bytes: usize,
    /// What is in hand. One that waits for a screen must not wait for one that does not, so priorities are apart.
    leaders: HashMap<(Key, Priority), ItemId>,
    in_hand: HashMap<ItemId, Leader>,
}

/// A variation in hand.
#[derive(Debug)]
struct Leader {
    /// Where it stands among the leaders.
    place: (Key, Priority),
    base: BaseKey,
    followers: Vec<(SessionId, Item)>,
}

impl Results {
    /// Keeps about so many bytes; 0: none, and shares nothing either.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, ..Self::default() }
    }

    /// Who asks, and in which context; `None`: nothing is shared.
    pub fn asker(&mut self, session: SessionId, spec: &SessionSpec) -> Option<Asker> {
        if self.limit_bytes == 0 {
            return None;
        }
        if self.contexts.len() >= CONTEXTS_MAX {
            self.forget_kept();
        }
        let context = Context { base: spec.base.key(), selection: spec.selection.clone(), strict: spec.strict };
        let next = &mut self.next_context;
        let context = *self.contexts.entry(context).or_insert_with(|| {
            *next += 1;
            *next
        });
        Some(Asker { session, base: spec.base.key(), context, priority: spec.priority })
    }

    /// Answers a variation by what is kept, or lets it wait for the same one in hand; otherwise gives it back to be
    /// computed under that id.
    pub fn admit(&mut self, asker: Asker, id: ItemId, item: Item) -> Admitted {
        let key = Key { context: asker.context, text: item.text.clone() };
        if let Some(kept) = self.kept(&key) {
            let queue = item.accepted.elapsed();
            item.answer(Evaluated { queue, ..kept });
            return Admitted::Answered;
        }
        let place = (key, asker.priority);
        if let Some(leader) = self.leaders.get(&place).and_then(|id| self.in_hand.get_mut(id)) {
            leader.followers.push((asker.session, item));
            return Admitted::Waits;
        }
        self.leaders.insert(place.clone(), id);
        self.in_hand.insert(id, Leader { place, base: asker.base, followers: Vec::new() });
        Admitted::New(item)
    }

    /// A variation in hand has its outcome. Answers those that waited for it, as many as are returned first; or returns
    /// them, to be computed after all.
    pub fn settle(&mut self, id: ItemId, evaluated: &Evaluated) -> (u64, Vec<(SessionId, Item)>) {
        let Some(leader) = self.leave_hand(id) else { return (0, Vec::new()) };
        if !is_the_engines_word(evaluated) {
            return (0, leader.followers);
        }
        let shared = Evaluated {
            path: ComputePath::Cached,
            compute: Duration::ZERO,
            generation: 0,
            verification: None,
            ..evaluated.clone()
        };
        let answered = leader.followers.len() as u64;
        for (_, item) in leader.followers {
            let queue = item.accepted.elapsed();
            item.answer(Evaluated { queue, ..shared.clone() });
        }
        self.keep(leader.place.0, shared);
        (answered, Vec::new())
    }

    /// A variation in hand will have no outcome. Returns those that waited for it, to be computed after all.
    pub fn abandon(&mut self, id: ItemId) -> Vec<(SessionId, Item)> {
        self.leave_hand(id).map(|leader| leader.followers).unwrap_or_default()
    }

    /// A client has left: nothing waits for it any more. Gives back what did.
    pub fn close_session(&mut self, session: SessionId) -> Vec<Item> {
        let followers = self.in_hand.values_mut().map(|leader| &mut leader.followers);
        let gone = followers.flat_map(|followers| followers.extract_if(.., |(follower, _)| *follower == session));
        gone.map(|(_, item)| item).collect()
    }

    /// What was computed for that base cannot be trusted, or is not needed any more.
    pub fn forget_base(&mut self, base: BaseKey) {
        self.contexts.retain(|context, id| {
            let stays = context.base != base;
            if !stays {
                let belongs = |key: &Key| key.context == *id;
                self.young.retain(|key, _| !belongs(key));
                self.old.retain(|key, _| !belongs(key));
            }
            stays
        });
        self.young_bytes = self.young.iter().map(|(key, kept)| bytes_of(key, kept)).sum();
        // What is in hand now may be as wrong; its key has no context any more, so nobody finds what it gives.
        let in_hand = &self.in_hand;
        self.leaders.retain(|_, id| in_hand.get(id).is_some_and(|leader| leader.base != base));
    }

    /// Takes all that wait for others.
    pub fn take_followers(&mut self) -> Vec<Item> {
        self.leaders.clear();
        self.in_hand.drain().flat_map(|(_, leader)| leader.followers).map(|(_, item)| item).collect()
    }

    fn leave_hand(&mut self, id: ItemId) -> Option<Leader> {
        let leader = self.in_hand.remove(&id)?;
        if self.leaders.get(&leader.place) == Some(&id) {
            self.leaders.remove(&leader.place);
        }
        Some(leader)
    }

    fn kept(&mut self, key: &Key) -> Option<Evaluated> {
        if let Some(kept) = self.young.get(key) {
            return Some(kept.clone());
        }
        let (key, kept) = self.old.remove_entry(key)?;
        self.keep(key, kept.clone());
        Some(kept)
    }

    fn keep(&mut self, key: Key, evaluated: Evaluated) {
        let bytes = bytes_of(&key, &evaluated);
        let half = self.limit_bytes / 2;
        if bytes > half {
            return;
        }
        if self.young_bytes + bytes > half {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, evaluated);
    }

    /// Nothing that was computed can be trusted.
    pub fn forget_all(&mut self) {
        self.forget_kept();
        self.leaders.clear();
    }

    fn forget_kept(&mut self) {
        self.contexts.clear();
        self.young.clear();
        self.old.clear();
        self.young_bytes = 0;
    }
}

/// Whether the same variation would get the same answer again.
fn is_the_engines_word(evaluated: &Evaluated) -> bool {
    evaluated.result.as_ref().err().is_none_or(|failure| match failure.reason {
        FailureReason::EngineError
        | FailureReason::TimeLimit
        | FailureReason::MemoryLimit
        | FailureReason::RuntimeCrashed
        | FailureReason::DeadlineExceeded
        | FailureReason::Cancelled
        | FailureReason::Unavailable => false,
        FailureReason::InvalidVariation
        | FailureReason::LimitExceeded
        | FailureReason::UnknownNode
        | FailureReason::UnknownMastery
        | FailureReason::UnknownTattoo
        | FailureReason::UnknownSlot
        | FailureReason::UnknownItem
        | FailureReason::ItemNotParsed
        | FailureReason::UnknownGroup
        | FailureReason::UnknownGem
        | FailureReason::UnknownConfig
        | FailureReason::UnknownClass
        | FailureReason::UnknownStat
        | FailureReason::BadBuild
        | FailureReason::UnknownTree
        | FailureReason::Unsupported
        | FailureReason::StrictWarning => true,
    })
}

/// What keeping it takes, about.
fn bytes_of(key: &Key, evaluated: &Evaluated) -> usize {
    let result = match &evaluated.result {
        Ok(stats) => {
            let texts = stats.extra.iter().map(|(name, value)| match value {
                StatValue::Text(text) => name.len() + text.len() + 64,
                StatValue::Number(_) | StatValue::Boolean(_) => name.len() + 64,
            });
            stats.cells.len() + size_of_val(stats.values.as_slice()) + texts.sum::<usize>()
        }
        Err(failure) => failure.field.len() + failure.message.len(),
    };
    let warnings: usize =
        evaluated.warnings.iter().map(|warning| warning.field.len() + warning.message.len() + 64).sum();
    ENTRY_BYTES + key.text.len() + result + warnings
}

#[cfg(test)]
mod tests;
