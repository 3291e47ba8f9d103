//! The reduction of a stream: which outcomes meet the constraints, which of those are kept, and when it is enough.
//!
//! What is kept does not depend on the order in which outcomes come, as long as none is left out by a bound: of equal
//! scores the lower index wins. Whether it is enough does.
//!
//! Never looks into what it keeps: that is a type parameter.

use std::{cmp::Ordering, collections::BTreeMap};

use super::expression::{Expression, Stat};

/// What more of is better, or less.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// What is measured.
    pub expression: Expression,
    /// Less of it is better.
    pub minimize: bool,
}

/// Which of the outcomes that meet the constraints are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of them, at once.
    All,
    /// The best by the first goal, so many, at the end.
    Top(usize),
    /// Those that no other is at least as good as in every goal and better in one, at most so many, at the end.
    ParetoFront(usize),
}

/// When it is enough. Without either it never is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stop {
    /// A score of the first goal that is good enough.
    pub score: Option<f64>,
    /// So many outcomes in a row without a better score of the first goal; 0: no such bound.
    pub stale: u64,
}

/// What a client wants to hear of.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// Each must be other than 0.
    pub constraints: Vec<Expression>,
    /// What is scored.
    pub goals: Vec<Goal>,
    /// What is kept.
    pub keep: Keep,
    /// When it is enough.
    pub stop: Stop,
}

/// What became of an outcome's scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The goals' values, in their order.
    pub scores: Vec<f64>,
    /// Whether all constraints are met and no score is NaN.
    pub feasible: bool,
}

impl Reduction {
    /// Every expression, the constraints first.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.constraints.iter().chain(self.goals.iter().map(|goal| &goal.expression))
    }

    /// Judges an outcome. Stats are asked for by the place of their expression among [`Self::expressions`].
    pub fn judge(&self, stat: impl Fn(usize, Stat) -> f64) -> Judged {
        let value = |place: usize, expression: &Expression| expression.value(|asked| stat(place, asked));
        let met = self.constraints.iter().enumerate().all(|(place, constraint)| {
            let value = value(place, constraint);
            value != 0.0 && !value.is_nan()
        });
        let goals = self.goals.iter().enumerate();
        let scores: Vec<_> =
            goals.map(|(index, goal)| value(self.constraints.len() + index, &goal.expression)).collect();
        let feasible = met && scores.iter().all(|score| !score.is_nan());
        Judged { scores, feasible }
    }
}

/// What is to be done with an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer<T> {
    /// It is sent now.
    Send(T),
    /// It is held, or another one is no longer; nothing is sent now.
    Held,
}

/// A reduction at work.
#[derive(Debug)]
pub struct Reducer<T> {
    keep: Keep,
    stop: Stop,
    /// Which goals want less.
    minimize: Vec<bool>,
    held: Held<T>,
    infeasible: u64,
    truncated: bool,
    best: Option<f64>,
    stale: u64,
}

#[derive(Debug)]
enum Held<T> {
    Top(BTreeMap<Rank, T>),
    Front(Vec<(Vec<f64>, u64, T)>),
}

/// A place in the order of the best: first the better score, then the lower index.
#[derive(Clone, Copy, Debug)]
struct Rank {
    /// More is better; never NaN.
    merit: f64,
    index: u64,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_merit = other.merit.partial_cmp(&self.merit).unwrap_or(Ordering::Equal);
        by_merit.then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

impl<T> Reducer<T> {
    /// A reducer that has seen nothing yet.
    #[must_use]
    pub fn new(reduction: &Reduction) -> Self {
        let minimize = reduction.goals.iter().map(|goal| goal.minimize).collect();
        Self { stop: reduction.stop, ..Self::merging(reduction.keep, minimize) }
    }

    /// A reducer of what other reducers kept, each of its part: it keeps what one would have kept of the whole. Of each
    /// goal it has to know whether less is better.
    #[must_use]
    pub fn merging(keep: Keep, minimize: Vec<bool>) -> Self {
        Self {
            keep,
            stop: Stop::default(),
            minimize,
            held: match keep {
                Keep::All | Keep::Top(_) => Held::Top(BTreeMap::new()),
                Keep::ParetoFront(_) => Held::Front(Vec::new()),
            },
            infeasible: 0,
            truncated: false,
            best: None,
            stale: 0,
        }
    }

    /// Takes note of an outcome without values: it is no improvement.
    pub fn failed(&mut self) {
        self.stale += 1;
    }

    /// Takes an outcome.
    pub fn offer(&mut self, index: u64, judged: &Judged, outcome: T) -> Offer<T> {
        let merits: Vec<_> =
            judged.scores.iter().zip(&self.minimize).map(|(score, less)| if *less { -score } else { *score }).collect();
        let first = merits.first().copied();
        let improves = judged.feasible && first.is_some_and(|merit| self.best.is_none_or(|best| merit > best));
        if improves {
            self.best = first;
            self.stale = 0;
        } else {
            self.stale += 1;
        }
        if !judged.feasible {
            self.infeasible += 1;
            return Offer::Held;
        }
        match (&mut self.held, self.keep) {
            (_, Keep::All) => return Offer::Send(outcome),
            (Held::Top(best), Keep::Top(most)) => {
                best.insert(Rank { merit: first.unwrap_or(0.0), index }, outcome);
                if best.len() > most {
                    best.pop_last();
                }
            }
            (Held::Front(front), Keep::ParetoFront(most)) => {
                if join(front, merits, index, outcome) && front.len() > most {
                    drop_worst(front);
                    self.truncated = true;
                }
            }
            (Held::Top(_), Keep::ParetoFront(_)) | (Held::Front(_), Keep::Top(_)) => {}
        }
        Offer::Held
    }

    /// Whether it is enough.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        let minimize = self.minimize.first().copied().unwrap_or(false);
        let wanted = self.stop.score.map(|score| if minimize { -score } else { score });
        let reached = wanted.zip(self.best).is_some_and(|(wanted, best)| best >= wanted);
        reached || (self.stop.stale > 0 && self.stale >= self.stop.stale)
    }

    /// Outcomes that broke a constraint or had no score.
    #[must_use]
    pub fn infeasible(&self) -> u64 {
        self.infeasible
    }

    /// Whether the front had to leave somebody out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// What was held, the best by the first goal first.
    #[must_use]
    pub fn finish(self) -> Vec<T> {
        match self.held {
            Held::Top(best) => best.into_values().collect(),
            Held::Front(front) => {
                let mut front: Vec<_> =
                    front.into_iter().map(|(merits, index, outcome)| (rank(&merits, index), outcome)).collect();
                front.sort_by_key(|(rank, _)| *rank);
                front.into_iter().map(|(_, outcome)| outcome).collect()
            }
        }
    }
}

fn rank(merits: &[f64], index: u64) -> Rank {
    Rank { merit: merits.first().copied().unwrap_or(0.0), index }
}

/// Whether `a` is at least as good as `b` in every goal.
fn covers(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b)
}

/// Puts an outcome on the front, unless one there is at least as good; whom it outdoes leaves. Of equals the lower
/// index stays.
fn join<T>(front: &mut Vec<(Vec<f64>, u64, T)>, merits: Vec<f64>, index: u64, outcome: T) -> bool {
    let is_in_the_way = |(theirs, other, _): &(Vec<f64>, u64, T)| {
        covers(theirs, &merits) && (!covers(&merits, theirs) || *other < index)
    };
    if front.iter().any(is_in_the_way) {
        return false;
    }
    front.retain(|(theirs, _, _)| !covers(&merits, theirs));
    front.push((merits, index, outcome));
    true
}

/// Leaves out who is worst by the first goal.
fn drop_worst<T>(front: &mut Vec<(Vec<f64>, u64, T)>) {
    if let Some(worst) = front.iter().map(|(merits, index, _)| rank(merits, *index)).max() {
        front.retain(|(_, index, _)| *index != worst.index);
    }
}

#[cfg(test)]
mod tests;
