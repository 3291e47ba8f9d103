//! The words of `--sweep`.

use super::SweepSource;
use crate::client::Sweep;

/// A range of levels or qualities has at most so many.
const RANGE_MAX: u32 = 100;

/// The family that a text stands for; the error says in words why it is none.
pub(super) fn parse(text: &str) -> Result<SweepSource, String> {
    let (family, what) = text.split_once(':').map_or((text, None), |(family, what)| (family, Some(what)));
    let needed = |name: &str| what.map(str::to_owned).ok_or_else(|| format!("`{family}` needs {name}: `{family}:...`"));
    let nothing = |sweep: Sweep| match what {
        None => Ok(sweep),
        Some(_) => Err(format!("`{family}` takes nothing behind it")),
    };
    Ok(SweepSource::Ready(match family {
        "passives" => Sweep::Passives(number(&needed("a distance")?)?),
        "pairs" => Sweep::Pairs(number(&needed("a distance")?)?),
        "removable" => nothing(Sweep::Removable)?,
        "masteries" => nothing(Sweep::Masteries)?,
        "anoints" => nothing(Sweep::Anoints)?,
        "levels" => Sweep::Gems { group: 0, levels: range(&needed("levels")?)?, qualities: Vec::new() },
        "qualities" => Sweep::Gems { group: 0, levels: Vec::new(), qualities: range(&needed("qualities")?)? },
        "supports" => {
            let place = needed("a socket group")?;
            let (group, gem) = place.split_once('/').unwrap_or((&place, "0"));
            Sweep::Supports { group: number(group)?, gem: number(gem)? }
        }
        "uniques" => Sweep::Uniques(needed("a slot")?),
        "config" => Sweep::Config(what.unwrap_or_default().to_owned()),
        "items" => return Ok(SweepSource::ItemsOf(needed("a file")?)),
        _ => return Err(format!("`{family}` is no family of variations")),
    }))
}

fn number(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no whole number"))
}

/// `3`, or `1-21`.
fn range(text: &str) -> Result<Vec<u32>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if last < first || last - first >= RANGE_MAX {
        return Err(format!("`{text}` is no range of at most {RANGE_MAX}"));
    }
    Ok((first..=last).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_a_word() {
        let ready = |text: &str| match parse(text).unwrap() {
            SweepSource::Ready(sweep) => sweep,
            other @ SweepSource::ItemsOf(_) => panic!("{other:?}"),
        };
        assert_eq!(ready("passives:5"), Sweep::Passives(5));
        assert_eq!(ready("supports:2/3"), Sweep::Supports { group: 2, gem: 3 });
        assert_eq!(ready("levels:1-3"), Sweep::Gems { group: 0, levels: vec![1, 2, 3], qualities: Vec::new() });
        assert_eq!(ready("uniques:Ring 1"), Sweep::Uniques("Ring 1".into()));
        assert_eq!(parse("items:a:b").unwrap(), SweepSource::ItemsOf("a:b".into()));
        for text in ["", "passives", "passives:x", "removable:1", "levels:3-1", "levels:0-1000", "nodes:1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
