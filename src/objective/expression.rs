//! Expressions over stats, as programs for a stack of numbers: nothing recurses, so nothing can overflow, and an
//! evaluation takes as many steps as the program has.
//!
//! Numbers are doubles with IEEE 754's rules. A comparison is 1 or 0; with a NaN in it, it is 0 (`!=`: 1). `min` and
//! `max` are NaN if one of theirs is.

/// A stat that an expression refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stat {
    /// Its place among [`Expression::names`].
    pub name: usize,
    /// Whether the base's value is meant.
    pub of_base: bool,
}

/// A step of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Puts a number on the stack.
    Number(f64),
    /// Puts a stat on the stack.
    Stat(Stat),
    /// Replaces the top by its negative.
    Negate,
    /// Replaces the two on top by what becomes of them.
    Combine(Operator),
}

/// What becomes of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Min,
    Max,
}

impl Operator {
    #[expect(clippy::float_cmp, reason = "equal is what was asked for")]
    pub(super) fn apply(self, a: f64, b: f64) -> f64 {
        let yes_or_no = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Less => yes_or_no(a < b),
            Self::LessOrEqual => yes_or_no(a <= b),
            Self::Greater => yes_or_no(a > b),
            Self::GreaterOrEqual => yes_or_no(a >= b),
            Self::Equal => yes_or_no(a == b),
            Self::NotEqual => yes_or_no(a != b),
            Self::Min | Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(super) names: Vec<String>,
    pub(super) steps: Vec<Step>,
}

impl Expression {
    /// The sum of stats, each multiplied by its weight, added in this order. With `relative_to_base` each stat counts
    /// as its ratio to the base's.
    #[must_use]
    pub fn weighted_sum(terms: impl IntoIterator<Item = (String, f64)>, relative_to_base: bool) -> Self {
        let mut sum = Self { names: Vec::new(), steps: Vec::new() };
        for (stat, weight) in terms {
            let first = sum.steps.is_empty();
            let name = sum.name(&stat);
            sum.steps.extend([Step::Number(weight), Step::Stat(Stat { name, of_base: false })]);
            if relative_to_base {
                sum.steps.extend([Step::Stat(Stat { name, of_base: true }), Step::Combine(Operator::Divide)]);
            }
            sum.steps.push(Step::Combine(Operator::Multiply));
            if !first {
                sum.steps.push(Step::Combine(Operator::Add));
            }
        }
        if sum.steps.is_empty() {
            sum.steps.push(Step::Number(0.0));
        }
        sum
    }

    /// The stats that it refers to.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its value, given those of the stats.
    pub fn value(&self, stat: impl Fn(Stat) -> f64) -> f64 {
        let mut stack = Vec::with_capacity(8);
        for step in &self.steps {
            match *step {
                Step::Number(number) => stack.push(number),
                Step::Stat(asked) => stack.push(stat(asked)),
                Step::Negate => {
                    if let Some(top) = stack.last_mut() {
                        *top = -*top;
                    }
                }
                Step::Combine(operator) => {
                    if let (Some(b), Some(a)) = (stack.pop(), stack.pop()) {
                        stack.push(operator.apply(a, b));
                    }
                }
            }
        }
        // A program leaves one number; the parser makes no other, and its tests say so.
        stack.pop().unwrap_or(f64::NAN)
    }

    /// The place of a name, which is made if there is none.
    pub(super) fn name(&mut self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_sum_adds_in_order_and_may_be_relative() {
        let terms = || [("Life".to_owned(), 2.0), ("Mana".to_owned(), 0.5)];
        let stat = |stat: Stat| match (stat.name, stat.of_base) {
            (0, false) => 120.0,
            (0, true) => 100.0,
            (1, false) => 30.0,
            _ => 60.0,
        };
        assert_eq!(Expression::weighted_sum(terms(), false).value(stat).to_bits(), 255.0_f64.to_bits());
        assert_eq!(Expression::weighted_sum(terms(), true).value(stat).to_bits(), (2.4_f64 + 0.25).to_bits());
        assert_eq!(Expression::weighted_sum([], true).value(stat).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn what_is_no_number_has_one_meaning() {
        let nan = f64::NAN;
        for operator in [Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::Equal] {
            assert_eq!(operator.apply(nan, 1.0).to_bits(), 0.0_f64.to_bits());
        }
        assert_eq!(Operator::NotEqual.apply(nan, nan).to_bits(), 1.0_f64.to_bits());
        for (a, b) in [(nan, 1.0), (1.0, nan)] {
            assert!(Operator::Min.apply(a, b).is_nan() && Operator::Max.apply(a, b).is_nan());
        }
    }
}
