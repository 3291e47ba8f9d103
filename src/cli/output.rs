//! Standard output, which belongs to results, and the last word on standard error. The only place that prints.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use super::CliError;

/// Where results go.
pub struct Output {
    writer: Box<dyn Write + Send>,
    /// Whether somebody looks at it, who may want colours and no more than fits.
    pub is_terminal: bool,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        let stdout: Stdout = io::stdout();
        Self { is_terminal: stdout.is_terminal(), writer: Box::new(BufWriter::new(stdout)) }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.writer, "{text}").map_err(CliError::Output)
    }

    /// Writes a value as JSON, over several lines.
    pub fn json(&mut self, value: &serde_json::Value) -> Result<(), CliError> {
        serde_json::to_writer_pretty(&mut self.writer, value).map_err(|error| CliError::Output(error.into()))?;
        self.line("")
    }

    /// Writes a row of comma-separated values (RFC 4180).
    pub fn csv(&mut self, cells: impl IntoIterator<Item = String>) -> Result<(), CliError> {
        let cells: Vec<_> = cells.into_iter().map(quoted).collect();
        self.line(&cells.join(","))
    }

    /// Sees to it that all is written.
    pub fn finish(&mut self) -> Result<(), CliError> {
        self.writer.flush().map_err(CliError::Output)
    }
}

fn quoted(cell: String) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// Says on standard error why the program ends. That nobody can hear it changes nothing.
pub fn complain(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain text".into()), "plain text");
        assert_eq!(quoted("a \"b\", c".into()), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("two\nlines".into()), "\"two\nlines\"");
    }
}
