//! What the base must evaluate to, at any time: evaluating leaves no trace, and this is how a runtime makes sure.

use super::vm::{RawOutcome, RawStat};
use crate::build::outcome::StatValue;

/// The base's output, packed as outcomes are.
#[derive(Debug, Default)]
pub struct Reference {
    kinds: Vec<u8>,
    values: Vec<u8>,
    texts: Vec<RawStat>,
}

impl Reference {
    /// From the stats that loading gave, ordered by name.
    #[must_use]
    pub fn new(stats: &[RawStat]) -> Self {
        let mut reference = Self::default();
        for stat in stats {
            let (kind, value) = match &stat.value {
                StatValue::Number(number) => (b'n', *number),
                StatValue::Boolean(boolean) => (b'b', f64::from(*boolean)),
                StatValue::Text(_) => {
                    reference.texts.push(stat.clone());
                    (b'x', 0.0)
                }
            };
            reference.kinds.push(kind);
            reference.values.extend(value.to_le_bytes());
        }
        reference
    }

    /// Whether the empty variation, evaluated with every stat of the base selected, gave the base.
    #[must_use]
    pub fn is_met_by(&self, outcome: &RawOutcome) -> bool {
        outcome.failure.is_none()
            && outcome.kinds == self.kinds
            && outcome.extra == self.texts
            && outcome.values.len() == self.values.len()
            && outcome.values.chunks_exact(8).zip(self.values.chunks_exact(8)).all(|(a, b)| same(a, b))
    }
}

/// Bit for bit, but that any NaN is as good as another: its bits depend on which instruction made it.
fn same(a: &[u8], b: &[u8]) -> bool {
    let number = |bytes: &[u8]| bytes.try_into().map_or(f64::NAN, f64::from_le_bytes);
    a == b || (number(a).is_nan() && number(b).is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, value: StatValue) -> RawStat {
        RawStat { name: name.into(), value }
    }

    fn reference() -> Reference {
        Reference::new(&[
            stat("a", StatValue::Number(0.0)),
            stat("b", StatValue::Boolean(true)),
            stat("c", StatValue::Text("x".into())),
        ])
    }

    fn outcome(first: f64) -> RawOutcome {
        let values = [first, 1.0, 0.0].iter().flat_map(|value: &f64| value.to_le_bytes()).collect();
        let extra = vec![stat("c", StatValue::Text("x".into()))];
        RawOutcome { kinds: b"nbx".to_vec(), values, extra, ..RawOutcome::default() }
    }

    #[test]
    fn the_base_meets_itself_and_a_changed_bit_does_not() {
        assert!(reference().is_met_by(&outcome(0.0)));
        assert!(!reference().is_met_by(&outcome(-0.0)));
        assert!(!reference().is_met_by(&outcome(f64::from_bits(1))));
    }

    #[test]
    fn a_stat_that_appears_or_changes_its_text_is_noticed() {
        let mut more = outcome(0.0);
        more.extra.push(stat("d", StatValue::Number(1.0)));
        assert!(!reference().is_met_by(&more));
        let mut other = outcome(0.0);
        other.extra[0].value = StatValue::Text("y".into());
        assert!(!reference().is_met_by(&other));
    }

    #[test]
    fn one_nan_is_as_good_as_another() {
        let nan = Reference::new(&[stat("a", StatValue::Number(f64::NAN))]);
        let values = (-f64::NAN).to_le_bytes().to_vec();
        assert!(nan.is_met_by(&RawOutcome { kinds: b"n".to_vec(), values, ..RawOutcome::default() }));
    }
}
