//! Reductions: texts and numbers of a request to programs over the outcomes of a call.

use super::stats::{Layout, Source};
use crate::{
    build::{
        base::{Base, EngineFacts},
        limits::{Exceeded, Limit, Limits},
        outcome::Stats,
    },
    grpc::status::{CallError, Violation},
    objective::{Bounds, Expression, Goal, Judged, Keep, Reduction, Stop},
    proto::v1::{self, objective, reduction},
};

/// A reduction, and where its expressions find their stats in the outcomes of a call.
#[derive(Debug)]
pub struct Measure {
    /// What is kept.
    pub reduction: Reduction,
    /// Failed outcomes come back.
    pub with_failures: bool,
    /// For each expression and each of its names: the scenario's place, and where its outcomes have the stat.
    sources: Vec<Vec<(usize, Source)>>,
}

impl Measure {
    /// Judges an outcome by its values under each scenario, and those of the base.
    #[must_use]
    pub fn judge(&self, outcome: &[&Stats], base: &[Stats]) -> Judged {
        self.reduction.judge(|expression, stat| {
            let source = self.sources.get(expression).and_then(|names| names.get(stat.name));
            let found = source.and_then(|(scenario, source)| {
                let values = if stat.of_base { base.get(*scenario)? } else { outcome.get(*scenario)? };
                Some(Layout::number(values, source))
            });
            found.unwrap_or(f64::NAN)
        })
    }
}

/// The reduction of a request. The layout makes room for what the expressions ask for, of these scenarios or, if there are
/// none, of the one and only outcome.
///
/// # Errors
/// [`CallError`], with the field.
pub fn reduction_from_proto(
    message: v1::Reduction,
    layout: &mut Layout,
    scenarios: &[&str],
    base: &Base,
    engine: &EngineFacts,
    limits: &Limits,
) -> Result<Measure, CallError> {
    let count = message.constraints.len() + message.objectives.len();
    let too_many = |exceeded| CallError::limit("reduction", exceeded);
    limits.check(Limit::Expressions, count).map_err(too_many)?;

    let mut fields = Vec::with_capacity(count);
    let mut constraints = Vec::with_capacity(message.constraints.len());
    for (index, text) in message.constraints.iter().enumerate() {
        let field = format!("reduction.constraints[{index}]");
        constraints.push(parse(text, &field, limits)?);
        fields.push(field);
    }
    let mut goals = Vec::with_capacity(message.objectives.len());
    for (index, objective) in message.objectives.into_iter().enumerate() {
        let field = format!("reduction.objectives[{index}]");
        let minimize = objective.minimize;
        let (expression, field) = match objective.measure {
            Some(objective::Measure::Expression(text)) => {
                let field = format!("{field}.expression");
                (parse(&text, &field, limits)?, field)
            }
            Some(objective::Measure::WeightedSum(sum)) => {
                let field = format!("{field}.weighted_sum");
                (weighted_sum(sum, &field, limits)?, field)
            }
            None => return Err(CallError::invalid(field, "one of `expression` and `weighted_sum` is needed")),
        };
        goals.push(Goal { expression, minimize });
        fields.push(field);
    }
    let keep = keep(message.keep.as_ref(), &goals, limits)?;
    let stop = stop(message.stop, &goals)?;
    let reduction = Reduction { constraints, goals, keep, stop };

    let mut unknown = Vec::new();
    let mut sources = Vec::with_capacity(count);
    for (expression, field) in reduction.expressions().zip(&fields) {
        let mut found = Vec::with_capacity(expression.names().len());
        for name in expression.names() {
            let source = scenario_of(name, scenarios)
                .and_then(|(scenario, stat)| Ok((scenario, layout.source(stat, base, engine)?)));
            match source {
                Ok(source) => found.push(source),
                Err(problem) => unknown.push(Violation::new(field.clone(), problem)),
            }
        }
        sources.push(found);
    }
    if !unknown.is_empty() {
        return Err(CallError::UnknownStats(unknown));
    }
    Ok(Measure { reduction, with_failures: message.with_failures, sources })
}

/// The place of the scenario that a name is about, and the stat. The error says in words what is wrong.
fn scenario_of<'a>(name: &'a str, scenarios: &[&str]) -> Result<(usize, &'a str), String> {
    let Some(first) = scenarios.first() else { return Ok((0, name)) };
    let Some((scenario, stat)) = name.split_once('.') else {
        return Err(format!("`{name}` under which scenario? Write `{first}.{name}`"));
    };
    let place = scenarios.iter().position(|known| *known == scenario);
    place.map(|place| (place, stat)).ok_or_else(|| format!("`{name}`: the call has no scenario `{scenario}`"))
}

fn parse(text: &str, field: &str, limits: &Limits) -> Result<Expression, CallError> {
    let too_long = |exceeded: Exceeded| CallError::limit(field, exceeded);
    limits.check(Limit::ExpressionSize, text.len()).map_err(too_long)?;
    let bounds = Bounds { bytes: limits.expression_size, depth: limits.expression_depth, name_bytes: limits.name_size };
    Expression::parse(text, bounds).map_err(|error| CallError::invalid(field, error))
}

fn weighted_sum(message: v1::WeightedSum, field: &str, limits: &Limits) -> Result<Expression, CallError> {
    if message.terms.is_empty() {
        return Err(CallError::invalid(format!("{field}.terms"), "at least one term is needed"));
    }
    let too_many = |exceeded| CallError::limit(format!("{field}.terms"), exceeded);
    limits.check(Limit::Stats, message.terms.len()).map_err(too_many)?;
    for (index, term) in message.terms.iter().enumerate() {
        let too_long = |exceeded| CallError::limit(format!("{field}.terms[{index}].stat"), exceeded);
        limits.check(Limit::NameSize, term.stat.len()).map_err(too_long)?;
        if !term.weight.is_finite() {
            return Err(CallError::invalid(format!("{field}.terms[{index}].weight"), "a weight must be finite"));
        }
    }
    let terms = message.terms.into_iter().map(|term| (term.stat, term.weight));
    Ok(Expression::weighted_sum(terms, message.relative_to_base))
}

fn keep(message: Option<&reduction::Keep>, goals: &[Goal], limits: &Limits) -> Result<Keep, CallError> {
    let (field, most, keep): (_, _, fn(usize) -> Keep) = match message {
        None => return Ok(Keep::All),
        Some(reduction::Keep::Top(most)) => ("reduction.top", *most, Keep::Top),
        Some(reduction::Keep::ParetoFront(most)) => ("reduction.pareto_front", *most, Keep::ParetoFront),
    };
    if goals.is_empty() {
        return Err(CallError::invalid("reduction.objectives", "at least one objective says what is best"));
    }
    if most == 0 {
        return Err(CallError::invalid(field, "at least one must be kept"));
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    limits.check(Limit::Kept, most).map_err(|exceeded| CallError::limit(field, exceeded))?;
    Ok(keep(most))
}

fn stop(message: Option<v1::EarlyStop>, goals: &[Goal]) -> Result<Stop, CallError> {
    let Some(message) = message else { return Ok(Stop::default()) };
    if goals.is_empty() {
        return Err(CallError::invalid("reduction.objectives", "at least one objective says what is good enough"));
    }
    if message.score.is_some_and(f64::is_nan) {
        return Err(CallError::invalid("reduction.stop.score", "a score is a number"));
    }
    Ok(Stop { score: message.score, stale: message.without_improvement })
}
