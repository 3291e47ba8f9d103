//! A table of figures, for people (Markdown) and for programs (JSON): both from one list of rows.

use serde_json::{Map, Value, json};

/// What is in a place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    /// A number, and how many decimals people see of it.
    Number(f64, usize),
    /// Nothing was measured.
    Absent,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn count(count: impl TryInto<u32>) -> Self {
        count.try_into().map_or(Self::Absent, |count: u32| Self::Number(f64::from(count), 0))
    }

    /// In a second.
    pub fn rate(rate: f64) -> Self {
        Self::Number(rate, usize::from(rate < 100.0))
    }

    /// Seconds, shown as milliseconds.
    pub fn milliseconds(seconds: f64) -> Self {
        Self::Number(seconds * 1e3, 2)
    }

    /// A share, shown in per cent.
    pub fn percent(share: f64) -> Self {
        Self::Number(share * 100.0, 1)
    }

    /// One number as a multiple of another.
    pub fn ratio(number: f64, of: f64) -> Self {
        if of > 0.0 { Self::Number(number / of, if number / of < 10.0 { 2 } else { 0 }) } else { Self::Absent }
    }

    fn markdown(&self) -> String {
        match self {
            Self::Text(text) => text.replace('|', "\\|"),
            Self::Number(number, decimals) => format!("{number:.decimals$}"),
            Self::Absent => "–".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number, _) => json!(number),
            Self::Absent => Value::Null,
        }
    }
}

/// A table with its title, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Section {
    pub title: &'static str,
    pub note: String,
    pub columns: &'static [&'static str],
    pub rows: Vec<Vec<Cell>>,
}

impl Section {
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        // Texts are to the left and numbers to the right, by what the first row has.
        let rule = |column: usize| match self.rows.first().and_then(|row| row.get(column)) {
            Some(Cell::Number(..) | Cell::Absent) => "---:".to_owned(),
            _ => "---".to_owned(),
        };
        let mut lines = vec![format!("### {}\n", self.title)];
        if !self.note.is_empty() {
            lines.push(format!("{}\n", self.note));
        }
        lines.push(line(self.columns.iter().map(|&name| name.to_owned()).collect()));
        lines.push(line((0..self.columns.len()).map(rule).collect()));
        lines.extend(self.rows.iter().map(|row| line(row.iter().map(Cell::markdown).collect())));
        lines.push(String::new());
        lines.join("\n")
    }

    pub fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| -> Map<String, Value> {
            self.columns.iter().zip(row).map(|(&name, cell)| (name.to_owned(), cell.json())).collect()
        };
        json!({ "title": self.title, "note": self.note, "rows": self.rows.iter().map(object).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_markdown_table_and_a_list_of_objects() {
        let rows = vec![
            vec![Cell::text("a|b"), Cell::rate(99.96), Cell::Absent],
            vec![Cell::text("c"), Cell::rate(1234.5), Cell::ratio(30.0, 2.0)],
        ];
        let section = Section { title: "T", note: "N.".into(), columns: &["build", "per second", "ratio"], rows };
        assert_eq!(
            section.markdown(),
            "### T\n\nN.\n\n| build | per second | ratio |\n| --- | ---: | ---: |\n| a\\|b | 100.0 | – |\n| c | 1234 | 15 |\n"
        );
        let rows = &section.json()["rows"];
        assert_eq!(rows[0], json!({ "build": "a|b", "per second": 99.96, "ratio": null }));
    }
}
