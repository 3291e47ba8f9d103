//! What a client wants to hear of: constraints, objectives, and how many of the best.

use crate::{objective, proto::v1};

/// Which outcomes come back. The expressions' language is that of `proto/pobatch/v1/reduction.proto`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduction {
    /// Expressions that must hold.
    pub constraints: Vec<String>,
    /// What is scored, each with whether less of it is better.
    pub objectives: Vec<Objective>,
    /// What is kept.
    pub keep: Keep,
    /// When it is enough: a score of the first objective.
    pub enough: Option<f64>,
}

/// Something to maximise, or to minimise.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// What is measured.
    pub expression: String,
    /// Less of it is better.
    pub minimize: bool,
}

/// What is kept of what meets the constraints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    #[default]
    All,
    /// The best so many by the first objective, the best first.
    Top(u32),
    /// At most so many that no other outdoes.
    ParetoFront(u32),
}

impl Reduction {
    /// What is kept, and for each objective whether less of it is better.
    pub(super) fn shape(&self) -> (objective::Keep, Vec<bool>) {
        let size = |most: u32| usize::try_from(most).unwrap_or(usize::MAX);
        let keep = match self.keep {
            Keep::All => objective::Keep::All,
            Keep::Top(most) => objective::Keep::Top(size(most)),
            Keep::ParetoFront(most) => objective::Keep::ParetoFront(size(most)),
        };
        (keep, self.objectives.iter().map(|objective| objective.minimize).collect())
    }

    pub(super) fn into_proto(self) -> v1::Reduction {
        let objective = |Objective { expression, minimize }| v1::Objective {
            measure: Some(v1::objective::Measure::Expression(expression)),
            minimize,
        };
        v1::Reduction {
            constraints: self.constraints,
            objectives: self.objectives.into_iter().map(objective).collect(),
            keep: match self.keep {
                Keep::All => None,
                Keep::Top(most) => Some(v1::reduction::Keep::Top(most)),
                Keep::ParetoFront(most) => Some(v1::reduction::Keep::ParetoFront(most)),
            },
            stop: self.enough.map(|score| v1::EarlyStop { score: Some(score), without_improvement: 0 }),
            with_failures: true,
        }
    }
}
