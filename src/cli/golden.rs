//! Golden files: outcomes that stock Path of Building computed, and the comparison with them. Pure.
//!
//! A case says what its variation changes; everything else must be as in the base, to the last bit. Names with the
//! prefix `Minion.` that a golden file lacks are ours (it was made from the player's output alone) and are left out.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::Value;

use super::input::{self, InputError};
use crate::build::{outcome::StatValue, variation::Variation};

/// Stats by name.
pub type Stats = BTreeMap<String, StatValue>;

/// Prefix of the stats that golden files need not have.
const MINION_PREFIX: &str = "Minion.";

/// A golden file.
#[derive(Debug)]
pub struct Golden {
    /// Every scalar of the base.
    pub base: Stats,
    /// The cases, the base itself among them.
    pub cases: Vec<Case>,
}

/// A variation and its true outcome.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The variation.
    pub variation: Variation,
    changed: Stats,
    gone: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    case: String,
    variation: Variation,
    stats: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    changed: BTreeMap<String, Value>,
    #[serde(default)]
    gone: Vec<String>,
}

/// A value that is not what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The stat; empty: the outcome as a whole.
    pub stat: String,
    /// What the golden file says; `None`: no such stat.
    pub expected: Option<StatValue>,
    /// What came; `None`: no such stat.
    pub got: Option<StatValue>,
}

impl Golden {
    /// Reads a golden file.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn parse(name: &str, text: &str) -> Result<Self, InputError> {
        let mut base = None;
        let mut cases = Vec::new();
        for (line, text) in input::lines(text) {
            let failed = |problem: String| InputError::Line { name: name.to_owned(), line, problem };
            let parsed: Line = serde_json::from_str(text).map_err(|error| failed(format!("not a case: {error}")))?;
            let changed = stats(parsed.changed).map_err(failed)?;
            match (parsed.stats, &base) {
                (Some(stats_of_base), None) => base = Some(stats(stats_of_base).map_err(failed)?),
                (Some(_), Some(_)) => return Err(failed("the base occurs twice".to_owned())),
                (None, None) => return Err(failed("the first line must hold the base's `stats`".to_owned())),
                (None, Some(_)) => {}
            }
            cases.push(Case { name: parsed.case, variation: parsed.variation, changed, gone: parsed.gone });
        }
        let base = base.ok_or_else(|| InputError::Empty(name.to_owned()))?;
        Ok(Self { base, cases })
    }

    /// What the outcome of that case must be.
    pub fn expected(&self, case: &Case) -> Stats {
        let mut expected = self.base.clone();
        expected.extend(case.changed.clone());
        expected.retain(|name, _| !case.gone.contains(name));
        expected
    }
}

/// Compares values with those that they should be, and gives how many were compared.
pub fn compare(expected: &Stats, got: &[(String, StatValue)], mut mismatch: impl FnMut(Mismatch)) -> usize {
    let got: BTreeMap<&str, &StatValue> = got.iter().map(|(name, value)| (name.as_str(), value)).collect();
    for (name, truth) in expected {
        let value = got.get(name.as_str()).copied();
        if !value.is_some_and(|value| identical(truth, value)) {
            mismatch(Mismatch { stat: name.clone(), expected: Some(truth.clone()), got: value.cloned() });
        }
    }
    let more = got.iter().filter(|(name, _)| !expected.contains_key(**name) && !name.starts_with(MINION_PREFIX));
    for (name, value) in more {
        mismatch(Mismatch { stat: (*name).to_owned(), expected: None, got: Some((*value).clone()) });
    }
    expected.len()
}

/// The same to the last bit; every NaN is like any other.
fn identical(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::Number(a), StatValue::Number(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (a, b) => a == b,
    }
}

fn stats(values: BTreeMap<String, Value>) -> Result<Stats, String> {
    let value = |name: &str, value| match value {
        Value::Bool(boolean) => Ok(StatValue::Boolean(boolean)),
        Value::Number(number) => {
            number.as_f64().map(StatValue::Number).ok_or_else(|| format!("`{name}` is no double: {number}"))
        }
        Value::String(text) => Ok(match text.as_str() {
            "inf" => StatValue::Number(f64::INFINITY),
            "-inf" => StatValue::Number(f64::NEG_INFINITY),
            "nan" => StatValue::Number(f64::NAN),
            _ => StatValue::Text(text),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!("`{name}` is no scalar")),
    };
    values.into_iter().map(|(name, json)| Ok((name.clone(), value(&name, json)?))).collect()
}

/// A value as golden files have it: 17 significant digits tell every double from every other.
pub struct Shown<'a>(pub Option<&'a StatValue>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("absent"),
            // Rust writes the shortest digits that read back as the same double, 17 at most.
            Some(StatValue::Number(number)) => write!(f, "{number:?}"),
            Some(StatValue::Boolean(boolean)) => write!(f, "{boolean}"),
            Some(StatValue::Text(text)) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"case":"base","stats":{"A":1,"B":0.10000000000000001,"I":"inf","N":"nan","T":"1 / 2","Y":true},"variation":{}}
{"case":"one","changed":{"A":2,"New":-0.0},"gone":["B"],"variation":{"level":3}}"#;

    fn number(name: &str, value: f64) -> (String, StatValue) {
        (name.to_owned(), StatValue::Number(value))
    }

    fn base() -> Vec<(String, StatValue)> {
        vec![
            number("A", 1.0),
            number("B", 0.1),
            number("I", f64::INFINITY),
            number("N", -f64::NAN),
            ("T".into(), StatValue::Text("1 / 2".into())),
            ("Y".into(), StatValue::Boolean(true)),
        ]
    }

    fn mismatches(case: usize, got: &[(String, StatValue)]) -> Vec<String> {
        let golden = Golden::parse("f", FILE).unwrap();
        let mut names = Vec::new();
        compare(&golden.expected(&golden.cases[case]), got, |mismatch| names.push(mismatch.stat));
        names
    }

    #[test]
    fn equal_means_equal_bits() {
        assert_eq!(mismatches(0, &base()), [""; 0]);
        let mut got = base();
        got[1] = number("B", f64::from_bits(0.1f64.to_bits() + 1));
        assert_eq!(mismatches(0, &got), ["B"]);
        got[1] = ("B".into(), StatValue::Boolean(false));
        assert_eq!(mismatches(0, &got), ["B"]);
    }

    #[test]
    fn zero_and_minus_zero_are_two_values() {
        let mut got = base();
        got[0] = number("A", 2.0);
        got.remove(1);
        got.push(number("New", -0.0));
        assert_eq!(mismatches(1, &got), [""; 0]);
        got.last_mut().unwrap().1 = StatValue::Number(0.0);
        assert_eq!(mismatches(1, &got), ["New"]);
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_are_mismatches() {
        let mut got = base();
        got.remove(0);
        got.push(number("More", 1.0));
        got.push(number("Minion.Life", 1.0));
        assert_eq!(mismatches(0, &got), ["A", "More"]);
        // `B` is gone in this case, and everything else as in the base.
        let mut got = base();
        got.push(number("New", -0.0));
        assert_eq!(mismatches(1, &got), ["A", "B"]);
    }

    #[test]
    fn a_file_without_a_base_is_no_golden_file() {
        assert!(Golden::parse("f", "").is_err());
        assert!(Golden::parse("f", r#"{"case":"one","changed":{},"gone":[],"variation":{}}"#).is_err());
    }

    #[test]
    fn every_double_is_shown_apart_from_its_neighbours() {
        let near = f64::from_bits(0.1f64.to_bits() + 1);
        let shown = |value| Shown(Some(&StatValue::Number(value))).to_string();
        assert_eq!(shown(0.1), "0.1");
        assert_eq!(shown(near).parse::<f64>().unwrap().to_bits(), near.to_bits());
        assert_ne!(shown(near), shown(0.1));
    }
}
