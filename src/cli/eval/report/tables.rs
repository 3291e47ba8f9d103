//! The tables of a report: wide ones for few stats, long ones for many.

use super::{Report, Row, Values, by_name};
use crate::cli::{Output, table};

impl Report {
    /// A row for each variation, two columns for each stat.
    pub(super) fn wide(&self, output: &Output) -> comfy_table::Table {
        let stats = &self.header.stats;
        let headings = stats.iter().flat_map(|stat| [stat.clone(), "to base".to_owned()]);
        let scores = self.outcomes.iter().map(|outcome| outcome.scores.len()).max().unwrap_or(0);
        let scored = (0..scores).map(|_| "score".to_owned());
        let mut table = table::new(output, self.name_headings().chain(scored).chain(headings));
        let row = |names: Vec<String>, of: &[f64], values: Option<&Values>, base: &Values| {
            let (values, base) = (values.map(|values| by_name(values)), by_name(base));
            let values = values.as_ref();
            let mut row = names;
            row.extend((0..scores).map(|index| of.get(index).copied().map_or_else(String::new, table::number)));
            for stat in stats {
                let value = values.and_then(|values| values.get(stat.as_str()).copied());
                row.push(if values.is_some() { table::value(value) } else { "failed".to_owned() });
                let base = base.get(stat.as_str()).copied();
                row.push(values.map_or_else(String::new, |_| table::difference(value, base)));
            }
            row
        };
        for (scenario, base, _) in self.bases() {
            table.add_row(row(self.names("(base)", scenario), &[], Some(base), base));
        }
        for Row { name, scenario, scores, base, result, .. } in self.rows() {
            table.add_row(row(self.names(name, scenario), scores, result.as_ref().ok(), base));
        }
        table::right(&mut table, self.name_headings().count());
        table
    }

    /// A row for each stat that a variation changes.
    pub(super) fn long(&self, output: &Output) -> comfy_table::Table {
        let headings = ["stat", "base", "value", "to base"].map(str::to_owned);
        let mut table = table::new(output, self.name_headings().chain(headings));
        let row = |names: Vec<String>, cells: [&str; 4]| names.into_iter().chain(cells.map(str::to_owned));
        for Row { name, scenario, base, result, .. } in self.rows() {
            let mut names = self.names(name, scenario);
            let Ok(stats) = result else {
                table.add_row(row(names, ["", "", "failed", ""]));
                continue;
            };
            let (values, base) = (by_name(stats), by_name(base));
            let mut said = false;
            let selected = || self.header.stats.iter().map(String::as_str);
            let more = stats.iter().map(|(stat, _)| &**stat).filter(|stat| selected().all(|of| of != *stat));
            for stat in selected().chain(more) {
                let (value, base) = (values.get(stat).copied(), base.get(stat).copied());
                let difference = table::difference(value, base);
                if !difference.is_empty() {
                    let cells = [stat, &table::value(base), &table::value(value), &difference];
                    table.add_row(row(names.clone(), cells));
                    // Said once, above what else it changes.
                    names.fill(String::new());
                    said = true;
                }
            }
            if !said {
                table.add_row(row(names, ["nothing changes", "", "", ""]));
            }
        }
        table::right(&mut table, self.name_headings().count() + 1);
        table
    }
}
