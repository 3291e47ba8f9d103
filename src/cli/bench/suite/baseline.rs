//! Another way to evaluate variations, to compare with: a command that says how many it does in a second.

use std::path::Path;

use super::child;
use crate::cli::CliError;

/// What its last line ends with.
const UNIT: &str = "variations/s";

/// How the other program evaluates a variation.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// By PoB's calculator, which knows passive nodes only.
    Calc,
    /// By loading the varied build, which does for everything.
    Reload,
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Calc => "calc",
            Self::Reload => "reload",
        }
    }

    /// Variations that take a few seconds that way.
    const fn count(self) -> usize {
        match self {
            Self::Calc => 200,
            Self::Reload => 10,
        }
    }
}

/// Runs it; variations in a second.
pub async fn measure(command: &[String], build: &Path, way: Way) -> Result<f64, CliError> {
    // It may go elsewhere before it opens the file.
    let build = std::path::absolute(build).unwrap_or_else(|_| build.to_owned());
    let words = command.iter().map(|word| fill(word, &build.to_string_lossy(), way).into()).collect();
    let ended = child::run(words).await?;
    if ended.code != Some(0) {
        return Err(ended.unexpected("failed"));
    }
    rate(&ended.stdout).ok_or_else(|| ended.unexpected("did not end with `N variations/s`"))
}

fn fill(word: &str, build: &str, way: Way) -> String {
    word.replace("{path}", way.as_str()).replace("{count}", &way.count().to_string()).replace("{build}", build)
}

fn rate(output: &str) -> Option<f64> {
    let number = output.lines().last()?.trim().strip_suffix(UNIT)?.trim();
    number.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_within_words() {
        assert_eq!(fill("--path={path}", "a b.xml", Way::Reload), "--path=reload");
        assert_eq!(fill("{build}", "a {path}.xml", Way::Calc), "a {path}.xml");
    }

    #[test]
    fn the_rate_is_what_the_last_line_says() {
        assert_eq!(rate("boot\n1.5 variations/s\n"), Some(1.5));
        assert_eq!(rate("1.5 variations/s\nbye\n"), None);
        assert_eq!(rate("0 variations/s"), None);
        assert_eq!(rate(""), None);
    }

    #[tokio::test]
    async fn a_baseline_that_fails_is_an_error_with_its_last_words() {
        let words = ["ls", "--no-such-flag"].map(str::to_owned);
        let error = measure(&words, Path::new("b.xml"), Way::Calc).await.unwrap_err();
        assert!(matches!(error, CliError::Other { .. }), "{error}");
        let words = ["echo", "12.5", "variations/s"].map(str::to_owned);
        assert!(measure(&words, Path::new("b.xml"), Way::Calc).await.is_ok_and(|rate| rate > 12.0));
    }
}
