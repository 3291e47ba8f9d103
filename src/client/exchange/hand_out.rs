//! In which order outcomes are handed out: as they come, in the order of their numbers, or as a reduction ranks them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Number;
use crate::objective::{Judged, Keep, Reducer};

/// Outcomes on their way to the caller.
pub(super) struct HandOut<O> {
    ready: VecDeque<(Number, O)>,
    gate: Option<Gate<O>>,
    /// What whole calls kept, of which the best are kept.
    reducer: Option<Reducer<(Number, O)>>,
}

/// Lets outcomes pass in the order of their numbers.
struct Gate<O> {
    /// All before it have passed, or have no outcome that is handed out.
    next: Number,
    /// Of what is behind: what is known to come no more, or has come.
    settled: BTreeSet<Number>,
    early: BTreeMap<Number, O>,
}

impl<O> HandOut<O> {
    pub(super) fn new(ordered: bool, reduction: Option<&(Keep, Vec<bool>)>) -> Self {
        let reducer = reduction.filter(|(keep, _)| *keep != Keep::All);
        Self {
            ready: VecDeque::new(),
            gate: ordered.then(|| Gate { next: 0, settled: BTreeSet::new(), early: BTreeMap::new() }),
            reducer: reducer.map(|(keep, minimize)| Reducer::merging(*keep, minimize.clone())),
        }
    }

    /// Whether values are held until the end.
    pub(super) fn is_reduced(&self) -> bool {
        self.reducer.is_some()
    }

    /// Takes an outcome that is handed out when its turn comes.
    pub(super) fn push(&mut self, number: Number, outcome: O) {
        match &mut self.gate {
            None => self.ready.push_back((number, outcome)),
            Some(gate) => _ = gate.early.insert(number, outcome),
        }
    }

    /// Nothing more comes of that number.
    pub(super) fn settle(&mut self, number: Number) {
        let Some(gate) = &mut self.gate else { return };
        if number >= gate.next {
            gate.settled.insert(number);
        }
        while gate.settled.remove(&gate.next) {
            self.ready.extend(gate.early.remove(&gate.next).map(|outcome| (gate.next, outcome)));
            gate.next += 1;
        }
    }

    /// How far a number is ahead of what has passed.
    pub(super) fn ahead(&self, number: Number) -> u64 {
        self.gate.as_ref().map_or(0, |gate| number.saturating_sub(gate.next))
    }

    /// Takes an outcome that a call kept.
    pub(super) fn keep(&mut self, number: Number, scores: Vec<f64>, outcome: O) {
        if let Some(reducer) = &mut self.reducer {
            // Its server has judged it.
            reducer.offer(number, &Judged { scores, feasible: true }, (number, outcome));
        }
    }

    /// All is over: what was held is handed out. Says whether the front had no room for all of its members.
    pub(super) fn finish(&mut self) -> bool {
        if let Some(gate) = &mut self.gate {
            self.ready.extend(std::mem::take(&mut gate.early));
        }
        let Some(reducer) = self.reducer.take() else { return false };
        let is_truncated = reducer.is_truncated();
        self.ready.extend(reducer.finish());
        is_truncated
    }

    /// The next outcome to hand out.
    pub(super) fn pop(&mut self) -> Option<(Number, O)> {
        self.ready.pop_front()
    }
}
