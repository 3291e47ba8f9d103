//! In what two engines differ about the same bases and variations. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::build::outcome::{NamedStat, StatValue};

/// What one engine says of something: values by name, or in words why there are none.
pub type Said = Result<Vec<NamedStat>, String>;

/// Name under which a base itself is compared.
pub const BASE: &str = "(base)";

/// What an engine says of a base and its variations, in order.
pub type Sheet = Vec<(String, Said)>;

/// Something that is not the same in both.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The base.
    pub base: String,
    /// The variation.
    pub variation: String,
    /// What of it.
    pub what: What,
}

/// What is not the same in both.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A stat; `None`: that engine's output has none of that name.
    Stat {
        /// Its name.
        stat: String,
        /// What the first engine says.
        a: Option<StatValue>,
        /// What the second says.
        b: Option<StatValue>,
    },
    /// One of them has no values, or both have none for different reasons; `None`: it has.
    Failure {
        /// Why the first has none.
        a: Option<String>,
        /// Why the second has none.
        b: Option<String>,
    },
    /// The variation is there in one of them only, for example because the other has no such node.
    Variation(Side),
}

/// One of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl What {
    /// The engine that alone has it, if only one does.
    pub fn only_in(&self) -> Option<Side> {
        match self {
            Self::Stat { a: Some(_), b: None, .. } => Some(Side::A),
            Self::Stat { a: None, b: Some(_), .. } => Some(Side::B),
            Self::Variation(side) => Some(*side),
            Self::Stat { .. } | Self::Failure { .. } => None,
        }
    }
}

/// Compares what two engines say of a base, in the order of the first; what only the second has comes last. Of the stats
/// those are compared that `is_asked_for`.
pub fn compare(base: &str, a: Sheet, b: Sheet, is_asked_for: impl Fn(&str) -> bool) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut note = |variation: &str, what| {
        differences.push(Difference { base: base.to_owned(), variation: variation.to_owned(), what });
    };
    let names_of_b = numbered(&b);
    let mut of_b: HashMap<_, _> = names_of_b.iter().cloned().zip(b.into_iter().map(|(_, said)| said)).collect();
    for (key, (name, said)) in numbered(&a).into_iter().zip(a) {
        match (said, of_b.remove(&key)) {
            (_, None) => note(&name, What::Variation(Side::A)),
            (Ok(a), Some(Ok(b))) => {
                for what in stats(a, b, &is_asked_for) {
                    note(&name, what);
                }
            }
            (Err(a), Some(Err(b))) if a == b => {}
            (a, Some(b)) => note(&name, What::Failure { a: a.err(), b: b.err() }),
        }
    }
    for key in names_of_b {
        if of_b.contains_key(&key) {
            note(&key.0, What::Variation(Side::B));
        }
    }
    differences
}

/// Names with a number each, for a sweep may use one twice.
fn numbered(sheet: &Sheet) -> Vec<(String, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let number = |(name, _): &(String, Said)| name.clone();
    sheet
        .iter()
        .map(|entry| {
            let count = seen.entry(entry.0.as_str()).or_default();
            *count += 1;
            (number(entry), *count)
        })
        .collect()
}

/// The stats that differ, by name.
fn stats(a: Vec<NamedStat>, b: Vec<NamedStat>, is_asked_for: impl Fn(&str) -> bool) -> Vec<What> {
    let mut both: BTreeMap<Arc<str>, (Option<StatValue>, Option<StatValue>)> = BTreeMap::new();
    for (name, value) in a {
        both.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in b {
        both.entry(name).or_default().1 = Some(value);
    }
    let differing = both.into_iter().filter(|(name, (a, b))| is_asked_for(name) && !is_same(a.as_ref(), b.as_ref()));
    differing.map(|(stat, (a, b))| What::Stat { stat: stat.to_string(), a, b }).collect()
}

/// To the last bit; every NaN is like any other.
fn is_same(a: Option<&StatValue>, b: Option<&StatValue>) -> bool {
    match (a, b) {
        (Some(StatValue::Number(a)), Some(StatValue::Number(b))) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        }
        (a, b) => a == b,
    }
}

/// How often each stat differs, most often first.
pub fn most_often(differences: &[Difference]) -> Vec<(&str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for difference in differences {
        if let What::Stat { stat, .. } = &difference.what {
            *counts.entry(stat).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, value: f64) -> NamedStat {
        (name.into(), StatValue::Number(value))
    }

    fn sheet(entries: &[(&str, &[(&str, f64)])]) -> Sheet {
        let said = |stats: &[(&str, f64)]| Ok(stats.iter().map(|(name, value)| number(name, *value)).collect());
        entries.iter().map(|(name, stats)| ((*name).to_owned(), said(stats))).collect()
    }

    fn differing(a: Sheet, b: Sheet) -> Vec<(String, What)> {
        compare("x", a, b, |_| true).into_iter().map(|difference| (difference.variation, difference.what)).collect()
    }

    #[test]
    fn the_same_differs_in_nothing_whatever_nan_it_is() {
        let one = || sheet(&[(BASE, &[("Life", 1.0), ("N", f64::NAN)]), ("v", &[])]);
        assert_eq!(differing(one(), one()), []);
        let other = sheet(&[(BASE, &[("N", -f64::NAN), ("Life", 1.0)]), ("v", &[])]);
        assert_eq!(differing(one(), other), [], "the order of stats says nothing");
    }

    #[test]
    fn a_single_bit_differs_and_so_does_the_sign_of_zero() {
        let near = f64::from_bits(1.0f64.to_bits() + 1);
        for (a, b) in [(1.0, near), (0.0, -0.0)] {
            let found = differing(sheet(&[("v", &[("S", a)])]), sheet(&[("v", &[("S", b)])]));
            assert_eq!(found.len(), 1, "{a} and {b}");
            assert_eq!(found[0].1.only_in(), None);
        }
    }

    #[test]
    fn what_only_one_has_is_listed_as_such() {
        let a = sheet(&[(BASE, &[("Old", 1.0), ("Both", 1.0)]), ("gone node", &[]), ("v", &[])]);
        let b = sheet(&[(BASE, &[("New", 2.0), ("Both", 1.0)]), ("v", &[]), ("new node", &[])]);
        let found = differing(a, b);
        let names: Vec<_> = found
            .iter()
            .map(|(variation, what)| match what {
                What::Stat { stat, .. } => (stat.as_str(), what.only_in()),
                _ => (variation.as_str(), what.only_in()),
            })
            .collect();
        let (a, b) = (Some(Side::A), Some(Side::B));
        assert_eq!(names, [("New", b), ("Old", a), ("gone node", a), ("new node", b)]);
    }

    #[test]
    fn a_failure_differs_from_values_and_from_another_failure() {
        let failed = |why: &str| vec![("v".to_owned(), Err(why.to_owned()))];
        assert_eq!(differing(failed("no node"), failed("no node")), []);
        let (no, other) = (Some("no".to_owned()), Some("other".to_owned()));
        let expected = What::Failure { a: no.clone(), b: other };
        assert_eq!(differing(failed("no"), failed("other")), [("v".to_owned(), expected)]);
        let expected = What::Failure { a: no, b: None };
        assert_eq!(differing(failed("no"), sheet(&[("v", &[])])), [("v".to_owned(), expected)]);
    }

    #[test]
    fn variations_of_one_name_are_compared_in_their_order() {
        let a = sheet(&[("v", &[("S", 1.0)]), ("v", &[("S", 2.0)])]);
        let b = sheet(&[("v", &[("S", 1.0)]), ("v", &[("S", 3.0)]), ("v", &[])]);
        let found = differing(a, b);
        let second = Some(StatValue::Number(2.0));
        assert!(matches!(&found[0].1, What::Stat { a, .. } if *a == second), "{found:?}");
        assert_eq!(found[1], ("v".to_owned(), What::Variation(Side::B)));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn only_what_is_asked_for_is_compared_and_counts_say_what_differs_most() {
        let a = sheet(&[(BASE, &[("A", 1.0), ("B", 1.0)]), ("v", &[("A", 1.0), ("B", 1.0)])]);
        let b = sheet(&[(BASE, &[("A", 2.0), ("B", 1.0)]), ("v", &[("A", 2.0), ("B", 2.0)])]);
        let all = compare("x", a.clone(), b.clone(), |_| true);
        assert_eq!(most_often(&all), [("A", 2), ("B", 1)]);
        assert_eq!(compare("x", a, b, |name| name == "B").len(), 1);
    }
}
