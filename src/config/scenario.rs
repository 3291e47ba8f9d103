//! The words of `--scenario`.

use super::ScenarioSource;
use crate::build::{
    scenario::{self, Scenario},
    variation::{ConfigValue, Variation},
};

/// The scenario that a text stands for; the error says in words why it is none.
pub(super) fn parse(text: &str) -> Result<ScenarioSource, String> {
    let (name, what) = text.split_once('=').ok_or_else(|| format!("`{text}` needs a `=`: `NAME=...`"))?;
    if !scenario::is_name(name) {
        return Err(format!("`{name}` is no name: a letter or `_`, then letters, digits and `_`"));
    }
    let name = name.to_owned();
    if let Some(file) = what.strip_prefix('@') {
        return Ok(ScenarioSource::VariationOf { name, file: file.to_owned() });
    }
    let mut variation = Variation::default();
    for option in what.split(',').filter(|option| !option.is_empty()) {
        let Some((option, value)) = option.split_once(':') else {
            return Err(format!("`{option}` needs a value: `{option}:...`"));
        };
        if variation.config.insert(option.to_owned(), config_value(value)).is_some() {
            return Err(format!("`{option}` is set twice"));
        }
    }
    Ok(ScenarioSource::Ready(Box::new(Scenario { name, variation })))
}

/// `true` and `false` are check boxes, what reads as a number is one, all else is a text.
fn config_value(text: &str) -> ConfigValue {
    match (text, text.parse::<f64>()) {
        ("true", _) => ConfigValue::Bool(true),
        ("false", _) => ConfigValue::Bool(false),
        (_, Ok(number)) if number.is_finite() => ConfigValue::Number(number),
        _ => ConfigValue::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_a_name_and_options_or_a_file() {
        let config = [
            ("enemyIsBoss".to_owned(), ConfigValue::Text("Pinnacle".into())),
            ("conditionFullLife".to_owned(), ConfigValue::Bool(true)),
            ("multiplierRage".to_owned(), ConfigValue::Number(30.0)),
        ];
        let variation = Variation { config: config.into(), ..Variation::default() };
        assert_eq!(
            parse("boss=enemyIsBoss:Pinnacle,conditionFullLife:true,multiplierRage:30"),
            Ok(ScenarioSource::Ready(Box::new(Scenario { name: "boss".into(), variation })))
        );
        let nothing = Scenario { name: "map".into(), variation: Variation::default() };
        assert_eq!(parse("map="), Ok(ScenarioSource::Ready(Box::new(nothing))));
        let of_file = ScenarioSource::VariationOf { name: "calm".into(), file: "a=b.json".into() };
        assert_eq!(parse("calm=@a=b.json"), Ok(of_file));
        for text in ["boss", "a b=", "=x:1", "boss=x", "boss=x:1,x:2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
