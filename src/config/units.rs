//! Values as people write them on a command line: sizes and times with their units.

use std::time::Duration;

/// Units of sizes; the binary ones are meant to be used, the decimal ones are understood.
const SIZES: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Units of times, in milliseconds. `ms` comes before `s`, which it ends with.
const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A size: a whole number and a unit (`384MiB`), or `0`.
///
/// # Errors
/// What is wrong, in words.
pub fn size(text: &str) -> Result<u64, String> {
    scaled(text, SIZES).ok_or_else(|| "not a size such as `384MiB`, `2GiB` or `0`".to_owned())
}

/// A time: a whole number and a unit (`500ms`, `20s`, `2m`).
///
/// # Errors
/// What is wrong, in words.
pub fn time(text: &str) -> Result<Duration, String> {
    let milliseconds = scaled(text, TIMES).ok_or_else(|| "not a time such as `500ms`, `20s` or `2m`".to_owned())?;
    if milliseconds == 0 {
        Err("must be greater than zero".to_owned())
    } else {
        Ok(Duration::from_millis(milliseconds))
    }
}

/// A whole number within these bounds.
///
/// # Errors
/// What is wrong, in words.
pub fn count(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("not a whole number from {least} to {most}"))
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    if text == "0" {
        return Some(0);
    }
    let (digits, factor) =
        units.iter().find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, factor)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("384MiB"), Ok(384 << 20));
        assert_eq!(size("2 GiB"), Ok(2 << 30));
        assert_eq!(size("5kB"), Ok(5_000));
        assert_eq!(size("7B"), Ok(7));
        assert_eq!(size("0"), Ok(0));
        for text in ["", "384", "MiB", "-1MiB", "1.5GiB", "99999999999999GiB", "1mib"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units_and_are_not_zero() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "20", "0s", "0", "s", "1d"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!(count("3", 1, 8), Ok(3));
        for text in ["0", "9", "", "x", "-1"] {
            assert!(count(text, 1, 8).is_err(), "{text}");
        }
    }
}
