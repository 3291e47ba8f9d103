//! Texts to expressions.
//!
//! ```text
//! comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
//! sum        = product { ( "+" | "-" ) product }
//! product    = factor { ( "*" | "/" ) factor }
//! factor     = "-" factor | number | stat | "base" "(" stat ")" | ( "min" | "max" ) "(" comparison { "," comparison } ")"
//!            | "(" comparison ")"
//! stat       = a name: a letter or "_", then letters, digits, "_", ".", ":" and "@"; or any text in double quotes
//! number     = digits [ "." digits ] [ ( "e" | "E" ) [ "+" | "-" ] digits ]
//! ```
//!
//! Length and depth are bounded, so any text is parsed in a time in proportion to its length. Comparisons do not chain:
//! `1 < Life < 9` does not mean what it seems to, and is refused.

use super::expression::{Expression, Operator, Stat, Step};

/// How long and how deep an expression may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes.
    pub bytes: usize,
    /// Most parentheses, function calls and signs within each other.
    pub depth: usize,
    /// Most bytes of a stat's name.
    pub name_bytes: usize,
}

/// A text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct ParseError {
    /// Where, in bytes from 0.
    pub at: usize,
    /// What is wrong, in words.
    pub problem: String,
}

impl Expression {
    /// The expression that a text stands for.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(text: &str, bounds: Bounds) -> Result<Self, ParseError> {
        let mut parser =
            Parser { text, at: 0, depth: 0, bounds, expression: Self { names: Vec::new(), steps: Vec::new() } };
        if text.len() > bounds.bytes {
            return parser.error(format!("{} bytes, and at most {} are taken,", text.len(), bounds.bytes));
        }
        parser.comparison()?;
        match parser.rest().chars().next() {
            None => Ok(parser.expression),
            Some(character) => parser.error(format!("`{character}` has no place here,")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    bounds: Bounds,
    expression: Expression,
}

/// Longer ones first: `<` begins `<=`.
const COMPARISONS: [(&str, Operator); 6] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl<'a> Parser<'a> {
    fn error<T>(&self, problem: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { at: self.at, problem: problem.into() })
    }

    /// What is left, without white space in front.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), ParseError> {
        if self.take(token) { Ok(()) } else { self.error(format!("`{token}` is missing")) }
    }

    fn combine(&mut self, operator: Operator) {
        self.expression.steps.push(Step::Combine(operator));
    }

    fn comparison(&mut self) -> Result<(), ParseError> {
        self.sum()?;
        let Some(operator) = self.comparison_operator() else { return Ok(()) };
        self.sum()?;
        self.combine(operator);
        if self.comparison_operator().is_some() {
            return self.error("comparisons do not chain: split it into two,");
        }
        Ok(())
    }

    fn comparison_operator(&mut self) -> Option<Operator> {
        COMPARISONS.iter().find(|(token, _)| self.take(token)).map(|(_, operator)| *operator)
    }

    fn sum(&mut self) -> Result<(), ParseError> {
        self.product()?;
        loop {
            let operator = if self.take("+") {
                Operator::Add
            } else if self.take("-") {
                Operator::Subtract
            } else {
                return Ok(());
            };
            self.product()?;
            self.combine(operator);
        }
    }

    fn product(&mut self) -> Result<(), ParseError> {
        self.factor()?;
        loop {
            let operator = if self.take("*") {
                Operator::Multiply
            } else if self.take("/") {
                Operator::Divide
            } else {
                return Ok(());
            };
            self.factor()?;
            self.combine(operator);
        }
    }

    fn factor(&mut self) -> Result<(), ParseError> {
        if self.depth == self.bounds.depth {
            return self.error(format!("nested more than {} deep", self.bounds.depth));
        }
        self.depth += 1;
        let rest = self.rest();
        match rest.bytes().next() {
            Some(b'-') => {
                self.at += 1;
                self.factor()?;
                self.expression.steps.push(Step::Negate);
            }
            Some(b'(') => {
                self.at += 1;
                self.comparison()?;
                self.expect(")")?;
            }
            Some(b'0'..=b'9') => self.number(rest)?,
            Some(b'"') => {
                let name = self.quoted(rest)?;
                self.stat(name, false)?;
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => self.word(rest)?,
            Some(_) => return self.error("a number, a stat or `(` is missing"),
            None => return self.error("it ends early,"),
        }
        self.depth -= 1;
        Ok(())
    }

    fn number(&mut self, rest: &str) -> Result<(), ParseError> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = digits(rest);
        if rest[length..].starts_with('.') {
            let decimals = digits(&rest[length + 1..]);
            if decimals == 0 {
                return self.error("a number ends with its point");
            }
            length += 1 + decimals;
        }
        if rest[length..].starts_with(['e', 'E']) {
            let signed = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[length + 1 + signed..]);
            if exponent == 0 {
                return self.error("a number's exponent has no digits");
            }
            length += 1 + signed + exponent;
        }
        match rest[..length].parse() {
            Ok(number) if f64::is_finite(number) => {
                self.at += length;
                self.expression.steps.push(Step::Number(number));
                Ok(())
            }
            _ => self.error("a number is too large"),
        }
    }

    fn quoted(&mut self, rest: &'a str) -> Result<&'a str, ParseError> {
        match rest[1..].find('"') {
            Some(0) => self.error("a stat has no name"),
            Some(end) => {
                self.at += end + 2;
                Ok(&rest[1..=end])
            }
            None => self.error("a quotation mark is missing"),
        }
    }

    fn bare(rest: &str) -> &str {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:@".contains(byte);
        &rest[..rest.bytes().take_while(|byte| is_part(byte)).count()]
    }

    /// A stat, or the call of a function: the names of functions are stats' names where nothing is called.
    fn word(&mut self, rest: &'a str) -> Result<(), ParseError> {
        let word = Self::bare(rest);
        let begin = self.at;
        self.at += word.len();
        let function = match word {
            "base" if self.take("(") => return self.base(),
            "min" if self.take("(") => Operator::Min,
            "max" if self.take("(") => Operator::Max,
            _ if self.take("(") => {
                self.at = begin;
                return self.error(format!("there is no function `{}`", word.chars().take(32).collect::<String>()));
            }
            _ => {
                self.at = begin + word.len();
                return self.stat(word, false);
            }
        };
        self.comparison()?;
        while self.take(",") {
            self.comparison()?;
            self.combine(function);
        }
        self.expect(")")
    }

    fn base(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let name = match rest.bytes().next() {
            Some(b'"') => self.quoted(rest)?,
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                let name = Self::bare(rest);
                self.at += name.len();
                name
            }
            _ => return self.error("the name of a stat is missing"),
        };
        self.stat(name, true)?;
        self.expect(")")
    }

    fn stat(&mut self, name: &str, of_base: bool) -> Result<(), ParseError> {
        if name.len() > self.bounds.name_bytes {
            return self.error(format!("a name of more than {} bytes", self.bounds.name_bytes));
        }
        let name = self.expression.name(name);
        self.expression.steps.push(Step::Stat(Stat { name, of_base }));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
