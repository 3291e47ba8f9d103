//! Golden files: outcomes that stock Path of Building computed, and the comparison with them. Pure.
//!
//! A case says what its variation changes; everything else must be as in the base, to the last bit. Names with the
//! prefix `Minion.` that a golden file lacks are ours (it was made from the player's output alone) and are left out.
//!
//! One thing golden files cannot say: whoever made them wrote every zero as `0`, also where stock Path of Building
//! computes -0 (`-x / 100` of a modifier sum that is 0). A zero without a sign therefore stands for either; how many
//! were compared in this way is counted, and `-0` in a file would mean just that.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::Value;

use crate::build::{
    outcome::{NamedStat, StatValue},
    variation::Variation,
};

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

/// The text is no golden file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGolden {
    /// A line that is no case.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong, in words.
        problem: String,
    },
    /// It holds nothing.
    #[error("it holds nothing")]
    Empty,
}

impl Golden {
    /// Reads the text of a golden file.
    ///
    /// # Errors
    /// [`NotGolden`].
    pub fn parse(text: &str) -> Result<Self, NotGolden> {
        let mut base = None;
        let mut cases = Vec::new();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let failed = |problem: String| NotGolden::Line { line, problem };
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
        let base = base.ok_or(NotGolden::Empty)?;
        Ok(Self { base, cases })
    }

    /// What the outcome of that case must be.
    #[must_use]
    pub fn expected(&self, case: &Case) -> Stats {
        let mut expected = self.base.clone();
        expected.extend(case.changed.clone());
        expected.retain(|name, _| !case.gone.contains(name));
        expected
    }
}

/// How many values were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// All of them.
    pub values: usize,
    /// Those that are -0 where the golden file has a zero without a sign.
    pub unsigned_zeros: usize,
}

/// Compares values with those that they should be.
pub fn compare(expected: &Stats, got: &[NamedStat], mut mismatch: impl FnMut(Mismatch)) -> Compared {
    let mut compared = Compared { values: expected.len(), unsigned_zeros: 0 };
    let got: BTreeMap<&str, &StatValue> = got.iter().map(|(name, value)| (&**name, value)).collect();
    for (name, truth) in expected {
        let value = got.get(name.as_str()).copied();
        match value.map(|value| agreement(truth, value)) {
            Some(Agreement::Same) => {}
            Some(Agreement::SameButForSign) => compared.unsigned_zeros += 1,
            Some(Agreement::No) | None => {
                mismatch(Mismatch { stat: name.clone(), expected: Some(truth.clone()), got: value.cloned() });
            }
        }
    }
    let more = got.iter().filter(|(name, _)| !expected.contains_key(**name) && !name.starts_with(MINION_PREFIX));
    for (name, value) in more {
        mismatch(Mismatch { stat: (*name).to_owned(), expected: None, got: Some((*value).clone()) });
    }
    compared
}

/// How a value agrees with the truth.
enum Agreement {
    /// To the last bit; every NaN is like any other.
    Same,
    /// It is -0 where the file has a zero without a sign.
    SameButForSign,
    /// It does not.
    No,
}

fn agreement(truth: &StatValue, value: &StatValue) -> Agreement {
    const MINUS_ZERO: u64 = (-0.0f64).to_bits();
    match (truth, value) {
        (StatValue::Number(truth), StatValue::Number(value)) => match (truth.to_bits(), value.to_bits()) {
            (truth, value) if truth == value => Agreement::Same,
            (0, MINUS_ZERO) => Agreement::SameButForSign,
            _ if truth.is_nan() && value.is_nan() => Agreement::Same,
            _ => Agreement::No,
        },
        (truth, value) if truth == value => Agreement::Same,
        _ => Agreement::No,
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
            Some(StatValue::Number(number)) => write!(f, "{number}"),
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

    fn number(name: &str, value: f64) -> NamedStat {
        (name.into(), StatValue::Number(value))
    }

    fn base() -> Vec<NamedStat> {
        vec![
            number("A", 1.0),
            number("B", 0.1),
            number("I", f64::INFINITY),
            number("N", -f64::NAN),
            ("T".into(), StatValue::Text("1 / 2".into())),
            ("Y".into(), StatValue::Boolean(true)),
        ]
    }

    fn mismatches(case: usize, got: &[NamedStat]) -> Vec<String> {
        let golden = Golden::parse(FILE).unwrap();
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
    fn a_zero_without_a_sign_stands_for_either_and_minus_zero_for_itself() {
        let mut got = base();
        got[0] = number("A", 2.0);
        got.remove(1);
        got.push(number("New", -0.0));
        assert_eq!(mismatches(1, &got), [""; 0]);
        got.last_mut().unwrap().1 = StatValue::Number(0.0);
        assert_eq!(mismatches(1, &got), ["New"]);

        let expected = [("Z".to_owned(), StatValue::Number(0.0))].into();
        let compared = compare(&expected, &[number("Z", -0.0)], |mismatch| panic!("{mismatch:?}"));
        assert_eq!(compared, Compared { values: 1, unsigned_zeros: 1 });
        let compared = compare(&expected, &[number("Z", 0.0)], |mismatch| panic!("{mismatch:?}"));
        assert_eq!(compared, Compared { values: 1, unsigned_zeros: 0 });
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
        assert!(Golden::parse("").is_err());
        assert!(Golden::parse(r#"{"case":"one","changed":{},"gone":[],"variation":{}}"#).is_err());
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
