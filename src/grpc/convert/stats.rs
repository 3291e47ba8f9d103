//! Selections and values of stats.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    build::{
        base::{Base, EngineFacts},
        limits::{Limit, Limits},
        outcome::{Cell, Failure, FailureReason, NamedStat, Selection, StatValue, Stats},
    },
    grpc::status::{CallError, Violation},
    proto::v1::{self, StatKind, StatPreset, named_value},
};

/// What the packed values of a call mean: the selection as resolved against the base, and the base's own values.
#[derive(Debug)]
pub struct Layout {
    selection: Selection,
    places: Vec<Place>,
    /// How many of the places the client sees; the others are for expressions.
    shown: usize,
    /// The base's values at all places, those that the client does not see too.
    base: Stats,
}

/// Where an expression finds a stat.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// At that place.
    Place(usize),
    /// Without a selection: a stat that the base lacks and a variation may bring.
    Extra(String),
}

#[derive(Debug)]
struct Place {
    name: String,
    kind: StatKind,
}

/// Resolves a selection.
///
/// # Errors
/// [`CallError::Invalid`] if it contradicts itself, [`CallError::UnknownStats`] for names that nobody knows.
pub fn resolve(
    message: Option<v1::StatSelection>,
    base: &Base,
    engine: &EngineFacts,
    limits: &Limits,
) -> Result<Layout, CallError> {
    let message = message.unwrap_or_default();
    let Ok(preset) = StatPreset::try_from(message.preset) else {
        return Err(CallError::invalid("stats.preset", format!("{} is no preset", message.preset)));
    };
    if !message.names.is_empty() && preset != StatPreset::Unspecified {
        return Err(CallError::invalid("stats", "give names or a preset, not both"));
    }

    let of_base: HashMap<&str, &StatValue> = base.stats.iter().map(|(name, value)| (&**name, value)).collect();
    let (names, all) = match preset {
        StatPreset::All => (base.stats.iter().map(|(name, _)| name.to_string()).collect(), true),
        StatPreset::Unspecified if !message.names.is_empty() => {
            check_names(&message.names, &of_base, engine, limits)?;
            (message.names, false)
        }
        StatPreset::Main | StatPreset::Unspecified => (main_stats(engine), false),
    };

    let mut values = Stats::default();
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let value = of_base.get(name.as_str()).copied();
        if let Some(text @ StatValue::Text(_)) = value {
            values.extra.push((name.as_str().into(), text.clone()));
        }
        let (kind, cell, number) = packed(value);
        values.cells.push(cell);
        values.values.push(number);
        places.push(Place { name, kind });
    }
    let selection =
        if all { Selection::All } else { Selection::Named(places.iter().map(|place| place.name.clone()).collect()) };
    let shown = places.len();
    Ok(Layout { selection, places, shown, base: values })
}

/// A value of the base, as it is packed.
fn packed(value: Option<&StatValue>) -> (StatKind, Cell, f64) {
    match value {
        Some(StatValue::Number(number)) => (StatKind::Number, Cell::Number, *number),
        Some(StatValue::Boolean(boolean)) => (StatKind::Boolean, Cell::Boolean, f64::from(*boolean)),
        Some(StatValue::Text(_)) => (StatKind::Text, Cell::Text, 0.0),
        None => (StatKind::Number, Cell::Absent, 0.0),
    }
}

/// The preset of the main stats. Engines may describe a stat more than once; the first place counts.
fn main_stats(engine: &EngineFacts) -> Vec<String> {
    let mut seen = HashSet::new();
    let main = engine.stats.iter().filter(|stat| stat.main).map(|stat| &stat.name);
    main.filter(|name| seen.insert(*name)).cloned().collect()
}

fn check_names(
    names: &[String],
    of_base: &HashMap<&str, &StatValue>,
    engine: &EngineFacts,
    limits: &Limits,
) -> Result<(), CallError> {
    let too_many = |exceeded| CallError::limit("stats.names", exceeded);
    limits.check(Limit::Stats, names.len()).map_err(too_many)?;
    let mut seen = HashSet::new();
    let mut unknown = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let field = format!("stats.names[{index}]");
        let too_long = |exceeded| CallError::limit(field.clone(), exceeded);
        limits.check(Limit::NameSize, name.len()).map_err(too_long)?;
        if !seen.insert(name) {
            return Err(CallError::invalid(field, format!("stat `{name}` occurs twice")));
        }
        if !of_base.contains_key(name.as_str()) && !engine.stats.iter().any(|stat| stat.name == *name) {
            unknown.push(Violation::new(field, format!("neither the base nor the engine has a stat `{name}`")));
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(CallError::UnknownStats(unknown)) }
}

impl Layout {
    /// The selection, for the supervisor.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection.clone()
    }

    /// Where a stat is found that an expression asks for; makes room for it if it was not selected.
    ///
    /// # Errors
    /// In words, if nobody knows it or it is a text.
    pub fn source(&mut self, name: &str, base: &Base, engine: &EngineFacts) -> Result<Source, String> {
        if let Some(index) = self.places.iter().position(|place| place.name == name) {
            return match self.places[index].kind {
                StatKind::Text => Err(format!("stat `{name}` is a text")),
                _ => Ok(Source::Place(index)),
            };
        }
        let value = base.stats.iter().find(|(stat, _)| **stat == *name).map(|(_, value)| value);
        if value.is_none() && !engine.stats.iter().any(|stat| stat.name == name) {
            return Err(format!("neither the base nor the engine has a stat `{name}`"));
        }
        let (kind, cell, number) = packed(value);
        if kind == StatKind::Text {
            return Err(format!("stat `{name}` is a text"));
        }
        let Selection::Named(names) = &mut self.selection else {
            return Ok(Source::Extra(name.to_owned()));
        };
        *names = names.iter().cloned().chain([name.to_owned()]).collect();
        self.places.push(Place { name: name.to_owned(), kind });
        self.base.cells.push(cell);
        self.base.values.push(number);
        Ok(Source::Place(self.places.len() - 1))
    }

    /// A stat's number in an outcome, for an expression: absent is 0, a boolean 1 or 0, a text NaN.
    #[must_use]
    pub fn number(stats: &Stats, source: &Source) -> f64 {
        match source {
            Source::Place(index) => match (stats.cells.get(*index), stats.values.get(*index)) {
                (Some(Cell::Number | Cell::Boolean), Some(value)) => *value,
                (Some(Cell::Text), _) => f64::NAN,
                _ => 0.0,
            },
            Source::Extra(name) => match stats.extra.iter().find(|(extra, _)| **extra == **name) {
                Some((_, StatValue::Number(number))) => *number,
                Some((_, StatValue::Boolean(boolean))) => f64::from(*boolean),
                Some((_, StatValue::Text(_))) => f64::NAN,
                None => 0.0,
            },
        }
    }

    /// The selected stats, for the header.
    #[must_use]
    pub fn resolved(&self) -> Vec<v1::ResolvedStat> {
        self.seen().iter().map(|place| v1::ResolvedStat { name: place.name.clone(), kind: place.kind.into() }).collect()
    }

    /// The base's values.
    #[must_use]
    pub fn base(&self) -> &Stats {
        &self.base
    }

    /// The base's values, for the header.
    #[must_use]
    pub fn base_values(&self) -> v1::Stats {
        self.pack(&self.base, |_, value| value)
    }

    /// The values of an outcome, as differences if it is said to what.
    ///
    /// # Errors
    /// [`FailureReason::EngineError`] if they are not aligned with the selection.
    pub fn values(&self, stats: &Stats, difference_to: Option<&Stats>) -> Result<v1::Stats, Failure> {
        if stats.cells.len() != self.places.len() || stats.values.len() != self.places.len() {
            let message = format!("{} values came for {} stats", stats.values.len(), self.places.len());
            return Err(Failure::new(FailureReason::EngineError, "", message));
        }
        Ok(match difference_to {
            Some(base) => {
                self.pack(stats, |place, value| difference(value, base.values.get(place).copied().unwrap_or_default()))
            }
            None => self.pack(stats, |_, value| value),
        })
    }

    fn seen(&self) -> &[Place] {
        &self.places[..self.shown]
    }

    fn pack(&self, stats: &Stats, number: impl Fn(usize, f64) -> f64) -> v1::Stats {
        let mut packed = v1::Stats { values: Vec::with_capacity(self.shown), absent: Vec::new(), extra: Vec::new() };
        packed.extra.extend(stats.extra.iter().map(|(name, value)| named(name, value.clone())));
        let seen = self.seen().iter().zip(&stats.cells).zip(&stats.values).enumerate();
        for (at, (index, ((place, cell), &value))) in (0..).zip(seen) {
            packed.values.push(match (cell, place.kind) {
                (Cell::Number, StatKind::Number) => number(index, value),
                (Cell::Boolean, StatKind::Boolean) => value,
                (Cell::Absent, _) => {
                    packed.absent.push(at);
                    0.0
                }
                // The variation made another kind of it.
                (Cell::Number, _) => {
                    packed.extra.push(named(&place.name, StatValue::Number(value)));
                    0.0
                }
                (Cell::Boolean, _) => {
                    packed.extra.push(named(&place.name, StatValue::Boolean(value != 0.0)));
                    0.0
                }
                // It is among the extra ones already.
                (Cell::Text, _) => 0.0,
            });
        }
        packed.extra.sort_by(|a, b| a.name.cmp(&b.name));
        packed
    }
}

/// Equal values differ by 0, even where subtraction would say NaN.
fn difference(value: f64, base: f64) -> f64 {
    #[expect(clippy::float_cmp, reason = "equal is meant")]
    let same = value == base || (value.is_nan() && base.is_nan());
    if same { 0.0 } else { value - base }
}

/// The message of a stat with its value.
#[must_use]
pub fn named(name: &str, value: StatValue) -> v1::NamedValue {
    let value = match value {
        StatValue::Number(number) => named_value::Value::Number(number),
        StatValue::Boolean(boolean) => named_value::Value::Boolean(boolean),
        StatValue::Text(text) => named_value::Value::Text(text),
    };
    v1::NamedValue { name: name.to_owned(), value: Some(value) }
}

/// The value of a message, for clients; `None`: it is of no kind that is known.
#[must_use]
pub fn value_from_proto(message: &v1::NamedValue) -> Option<StatValue> {
    Some(match message.value.as_ref()? {
        named_value::Value::Number(number) => StatValue::Number(*number),
        named_value::Value::Boolean(boolean) => StatValue::Boolean(*boolean),
        named_value::Value::Text(text) => StatValue::Text(text.clone()),
    })
}

/// What the packed values of an answer are, for clients: its header's stats, in their order.
#[derive(Debug, Default)]
pub struct Columns(Vec<(Arc<str>, StatKind)>);

impl Columns {
    /// Those that a header announces.
    #[must_use]
    pub fn of(header: &[v1::ResolvedStat]) -> Self {
        Self(header.iter().map(|stat| (stat.name.as_str().into(), stat.kind())).collect())
    }

    /// The values of a message: first those of the header, in its order and without the absent ones, then what else
    /// came. Total: places that a message lacks are absent.
    #[must_use]
    pub fn values(&self, message: &v1::Stats) -> Vec<NamedStat> {
        let mut extra: HashMap<&str, StatValue> =
            message.extra.iter().filter_map(|extra| Some((extra.name.as_str(), value_from_proto(extra)?))).collect();
        let mut absent = vec![false; self.0.len()];
        for &index in &message.absent {
            if let Some(place) = usize::try_from(index).ok().and_then(|index| absent.get_mut(index)) {
                *place = true;
            }
        }

        let mut values = Vec::with_capacity(message.values.len() + extra.len());
        for (((name, kind), absent), &packed) in self.0.iter().zip(absent).zip(&message.values) {
            // Most outcomes have nothing extra, and a map hashes what it is asked for all the same.
            let own = if extra.is_empty() { None } else { extra.remove(&**name) };
            let value = match (own, kind) {
                (Some(value), _) => value,
                (None, _) if absent => continue,
                (None, StatKind::Boolean) => StatValue::Boolean(packed != 0.0),
                (None, StatKind::Number) => StatValue::Number(packed),
                (None, StatKind::Text | StatKind::Unspecified) => continue,
            };
            values.push((Arc::clone(name), value));
        }
        let rest = message.extra.iter();
        values.extend(rest.filter_map(|e| extra.remove(e.name.as_str()).map(|value| (e.name.as_str().into(), value))));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(message: Option<v1::StatSelection>, base: &Base, engine: &EngineFacts) -> Result<Layout, CallError> {
        super::resolve(message, base, engine, &Limits::default())
    }
    use crate::build::base::{BaseId, StatInfo};

    fn base(stats: &[(&str, StatValue)]) -> Base {
        Base {
            id: BaseId::of("test", "<PathOfBuilding/>"),
            engine: EngineFacts::default().into(),
            label: "".into(),
            xml: "<PathOfBuilding/>".into(),
            stats: stats.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            warnings: Vec::new(),
        }
    }

    fn engine(stats: &[(&str, bool)]) -> EngineFacts {
        let stats = stats.iter().map(|&(name, main)| StatInfo {
            name: name.to_owned(),
            label: String::new(),
            unit: String::new(),
            more_is_better: None,
            main,
        });
        EngineFacts { name: "test".into(), stats: stats.collect(), ..EngineFacts::default() }
    }

    fn life_and_co() -> Base {
        base(&[
            ("Class", StatValue::Text("Witch".into())),
            ("Life", StatValue::Number(100.0)),
            ("Lucky", StatValue::Boolean(true)),
            ("MaxHit", StatValue::Number(f64::INFINITY)),
        ])
    }

    fn names(names: &[&str]) -> v1::StatSelection {
        v1::StatSelection { names: names.iter().map(|&name| name.to_owned()).collect(), preset: 0 }
    }

    fn preset(preset: StatPreset) -> v1::StatSelection {
        v1::StatSelection { names: Vec::new(), preset: preset.into() }
    }

    fn resolved_names(layout: &Layout) -> Vec<String> {
        layout.resolved().into_iter().map(|stat| stat.name).collect()
    }

    #[test]
    fn without_a_selection_the_main_stats_come_in_display_order_and_once() {
        let engine = engine(&[("Mana", true), ("Life", true), ("Str", false), ("Mana", true)]);
        for selection in [None, Some(names(&[])), Some(preset(StatPreset::Main))] {
            let layout = resolve(selection, &life_and_co(), &engine).unwrap();
            assert_eq!(resolved_names(&layout), ["Mana", "Life"]);
            assert_eq!(layout.base_values().absent, [0], "the base has no mana");
        }
    }

    #[test]
    fn names_keep_their_order_and_kinds_come_from_the_base() {
        let engine = engine(&[("Mana", false)]);
        let layout = resolve(Some(names(&["Lucky", "Mana", "Class", "Life"])), &life_and_co(), &engine).unwrap();
        let kinds: Vec<_> = layout.resolved().iter().map(v1::ResolvedStat::kind).collect();
        assert_eq!(kinds, [StatKind::Boolean, StatKind::Number, StatKind::Text, StatKind::Number]);
        assert_eq!(
            Columns::of(&layout.resolved()).values(&layout.base_values()),
            [
                ("Lucky".into(), StatValue::Boolean(true)),
                ("Class".into(), StatValue::Text("Witch".into())),
                ("Life".into(), StatValue::Number(100.0)),
            ]
        );
    }

    #[test]
    fn a_selection_that_makes_no_sense_is_refused_with_its_field() {
        let field = |selection| match resolve(Some(selection), &life_and_co(), &engine(&[])) {
            Err(CallError::Invalid(violations) | CallError::UnknownStats(violations)) => violations[0].field.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(field(names(&["Life", "Lief"])), "stats.names[1]");
        assert_eq!(field(names(&["Life", "Life"])), "stats.names[1]");
        assert_eq!(field(v1::StatSelection { names: vec!["Life".into()], preset: 1 }), "stats");
        assert_eq!(field(v1::StatSelection { names: Vec::new(), preset: 99 }), "stats.preset");
    }

    #[test]
    fn as_many_and_as_long_names_as_the_limits_say_are_taken_and_no_more() {
        let limits = Limits { stats: 2, name_size: 4, ..Limits::default() };
        let resolve = |names| super::resolve(Some(names), &life_and_co(), &engine(&[("Mana", false)]), &limits);
        assert!(resolve(names(&["Life", "Mana"])).is_ok());
        for (selection, limit, at) in [
            (names(&["Life", "Mana", "Luck"]), Limit::Stats, "stats.names"),
            (names(&["Life", "Lucky"]), Limit::NameSize, "stats.names[1]"),
        ] {
            match resolve(selection) {
                Err(CallError::Limit { violation, exceeded }) => {
                    assert_eq!((violation.field.as_str(), exceeded.limit), (at, limit));
                    assert_eq!(exceeded.came, exceeded.most + 1);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn varied() -> Stats {
        Stats {
            cells: vec![Cell::Number, Cell::Absent, Cell::Number, Cell::Number],
            values: vec![3.0, 0.0, 0.0, f64::INFINITY],
            extra: vec![("Added".into(), StatValue::Text("new".into()))],
        }
    }

    #[test]
    fn what_changes_its_kind_or_is_new_comes_beside_the_packed_values() {
        let layout = resolve(Some(preset(StatPreset::All)), &life_and_co(), &engine(&[])).unwrap();
        assert_eq!(layout.selection(), Selection::All);
        let message = layout.values(&varied(), None).unwrap();
        assert_eq!(
            (message.values.as_slice(), message.absent.as_slice()),
            (&[0.0, 0.0, 0.0, f64::INFINITY][..], &[1][..])
        );
        assert_eq!(
            Columns::of(&layout.resolved()).values(&message),
            [
                ("Class".into(), StatValue::Number(3.0)),
                ("Lucky".into(), StatValue::Number(0.0)),
                ("MaxHit".into(), StatValue::Number(f64::INFINITY)),
                ("Added".into(), StatValue::Text("new".into())),
            ]
        );
    }

    #[test]
    fn special_values_travel_bit_for_bit() {
        let layout = resolve(Some(names(&["Life", "MaxHit"])), &life_and_co(), &engine(&[])).unwrap();
        for value in [f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 0.1 + 0.2] {
            let stats = Stats { cells: vec![Cell::Number; 2], values: vec![value; 2], extra: Vec::new() };
            let message = layout.values(&stats, None).unwrap();
            assert_eq!(message.values[0].to_bits(), value.to_bits());
            assert_eq!(message.values[1].to_bits(), value.to_bits());
        }
    }

    #[test]
    fn differences_are_zero_where_nothing_changed() {
        let layout = resolve(Some(preset(StatPreset::All)), &life_and_co(), &engine(&[])).unwrap();
        let same = layout.values(&layout.base, Some(&layout.base)).unwrap();
        assert_eq!(same.values, [0.0, 0.0, 1.0, 0.0], "a boolean stays a value");
        assert_eq!(difference(f64::NAN, f64::NAN).to_bits(), 0.0_f64.to_bits());
        assert_eq!(difference(f64::INFINITY, 5.0).to_bits(), f64::INFINITY.to_bits());
        assert!(difference(f64::NAN, 5.0).is_nan());
        assert_eq!(difference(130.0, 100.0).to_bits(), 30.0_f64.to_bits());
    }

    #[test]
    fn values_that_are_not_aligned_are_a_failure() {
        let layout = resolve(Some(names(&["Life"])), &life_and_co(), &engine(&[])).unwrap();
        assert_eq!(layout.values(&varied(), None).unwrap_err().reason, FailureReason::EngineError);
    }
}
