//! Numbers and tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Output;
use crate::{build::outcome::StatValue, check::golden::Shown};

/// Decimals of numbers for people.
const DECIMALS: usize = 2;
/// Width of tables that nobody looks at on a terminal, in columns.
const WIDTH: u16 = 160;

/// An empty table with these headings.
pub fn new<T: Into<String>>(output: &Output, headings: impl IntoIterator<Item = T>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if !output.is_terminal {
        table.set_width(WIDTH);
    }
    table.set_header(headings.into_iter().map(Into::into).collect::<Vec<String>>());
    table
}

/// Sets the columns from that one on flush right, as numbers are.
pub fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A value, short.
pub fn value(value: Option<&StatValue>) -> String {
    match value {
        None => "-".to_owned(),
        Some(StatValue::Number(number)) => self::number(*number),
        Some(StatValue::Boolean(true)) => "yes".to_owned(),
        Some(StatValue::Boolean(false)) => "no".to_owned(),
        Some(StatValue::Text(text)) => text.clone(),
    }
}

/// A value as programs read it: every digit that it has, and nothing for one that is not there.
pub fn exact(value: Option<&StatValue>) -> String {
    match value {
        None => String::new(),
        Some(StatValue::Text(text)) => text.clone(),
        value => Shown(value).to_string(),
    }
}

/// A difference between two values, with its sign; empty if there is none.
pub fn difference(value: Option<&StatValue>, base: Option<&StatValue>) -> String {
    match (value, base) {
        (Some(StatValue::Number(value)), Some(StatValue::Number(base))) => {
            // Equal infinities have no difference, though subtracting them gives NaN.
            #[expect(clippy::float_cmp, reason = "equal is meant")]
            if value == base || (value.is_nan() && base.is_nan()) {
                return String::new();
            }
            let difference = value - base;
            let sign = if difference > 0.0 { "+" } else { "" };
            let share = if *base == 0.0 || !base.is_finite() || !value.is_finite() {
                String::new()
            } else {
                format!(" ({sign}{:.1} %)", difference / base.abs() * 100.0)
            };
            format!("{sign}{}{share}", number(difference))
        }
        (value, base) if value == base => String::new(),
        (None, Some(_)) => "gone".to_owned(),
        (Some(_), None) => "new".to_owned(),
        (Some(_), Some(base)) => format!("was {}", self::value(Some(base))),
        (None, None) => String::new(),
    }
}

/// A number with groups of three digits and at most [`DECIMALS`] decimals; tiny ones keep significant digits.
pub fn number(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let rounded = format!("{:.DECIMALS$}", number.abs());
    if number != 0.0 && rounded.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return format!("{number:.1e}");
    }
    let (whole, decimals) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let mut text = String::new();
    if number < 0.0 {
        text.push('-');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let decimals = decimals.trim_end_matches('0');
    if !decimals.is_empty() {
        text.push('.');
        text.push_str(decimals);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(number(1_234_567.891), "1,234,567.89");
        assert_eq!(number(-1000.0), "-1,000");
        assert_eq!(number(0.5), "0.5");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.00012), "1.2e-4");
        assert_eq!(number(f64::INFINITY), "inf");
    }

    #[test]
    fn programs_get_every_digit_and_nothing_for_what_is_not_there() {
        assert_eq!(exact(Some(&StatValue::Number(0.1 + 0.2))), "0.30000000000000004");
        assert_eq!(exact(Some(&StatValue::Number(f64::INFINITY))), "inf");
        assert_eq!(exact(Some(&StatValue::Boolean(true))), "true");
        assert_eq!(exact(Some(&StatValue::Text("1 / 2".into()))), "1 / 2");
        assert_eq!(exact(None), "");
    }

    #[test]
    fn differences_have_a_sign_and_a_share() {
        let number = |number| Some(StatValue::Number(number));
        let between = |value: Option<StatValue>, base: Option<StatValue>| difference(value.as_ref(), base.as_ref());
        assert_eq!(between(number(110.0), number(100.0)), "+10 (+10.0 %)");
        assert_eq!(between(number(90.0), number(-100.0)), "+190 (+190.0 %)");
        assert_eq!(between(number(50.0), number(100.0)), "-50 (-50.0 %)");
        assert_eq!(between(number(5.0), number(0.0)), "+5");
        assert_eq!(between(number(f64::INFINITY), number(f64::INFINITY)), "");
        assert_eq!(between(number(f64::NAN), number(f64::NAN)), "");
        assert_eq!(between(None, number(1.0)), "gone");
        assert_eq!(between(number(1.0), None), "new");
        assert_eq!(between(Some(StatValue::Boolean(true)), Some(StatValue::Boolean(false))), "was no");
    }
}
