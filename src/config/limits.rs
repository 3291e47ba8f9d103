//! The flags of [`Limits`], made from the table in `build::limits`: each with an environment variable, its default and
//! the limit's own words. What they say is made sense of in [`super::Config`].

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::build::limits::{Limit, Limits, Unit};

/// The limits as clap reads them: raw texts.
#[derive(Clone, Debug, Default)]
pub struct LimitTexts(pub Vec<(Limit, String)>);

impl Args for LimitTexts {
    fn augment_args(command: Command) -> Command {
        command.args(Limit::ALL.iter().map(|&limit| flag(limit)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitTexts {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let text = |&limit: &Limit| matches.get_one::<String>(name(limit)).map(|text| (limit, text.clone()));
        Ok(Self(Limit::ALL.iter().filter_map(text).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(limit: Limit) -> Arg {
    let value_name = if limit.unit() == Unit::Bytes { "SIZE" } else { "N" };
    Arg::new(name(limit))
        .long(name(limit))
        .env(variable(limit))
        .value_name(value_name)
        .default_value(default_text(limit))
        .help(limit.about().trim())
        .help_heading("Limits")
        .hide_short_help(true)
}

/// The flag without its dashes.
fn name(limit: Limit) -> &'static str {
    limit.flag().trim_start_matches('-')
}

fn variable(limit: Limit) -> String {
    format!("POBATCH_{}", name(limit).to_uppercase().replace('-', "_"))
}

/// The default as somebody would write it.
fn default_text(limit: Limit) -> String {
    let value = Limits::default().get(limit);
    let units = [(1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
    match limit.unit() {
        Unit::Count(_) => value.to_string(),
        Unit::Bytes => {
            let whole = units.iter().find(|(bytes, _)| value % bytes == 0);
            whole.map_or_else(|| value.to_string(), |(bytes, unit)| format!("{}{unit}", value / bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_written_with_the_largest_whole_unit() {
        assert_eq!(default_text(Limit::XmlSize), "8MiB");
        assert_eq!(default_text(Limit::ItemTextSize), "64KiB");
        assert_eq!(default_text(Limit::NameSize), "256B");
        assert_eq!(default_text(Limit::Bases), "8");
        assert_eq!(variable(Limit::ItemTextSize), "POBATCH_ITEM_TEXT_SIZE_MAX");
    }
}
