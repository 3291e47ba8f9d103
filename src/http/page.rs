//! The status page: a file that is embedded in the program, with the newest overview put into it. What comes from clients
//! only ever becomes text: the overview is data to the page's script, which makes text nodes of it, and a policy keeps
//! the browser from running or loading anything but the page's own script and style.

use axum::http::HeaderValue;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The page.
const PAGE: &str = include_str!("page.html");
/// Where the overview goes.
const PLACE: &str = "{{overview}}";

/// The page, ready to be filled.
pub struct Page {
    policy: HeaderValue,
}

impl Page {
    /// Allows the script and the style that are in the page by their hashes.
    pub fn new() -> Self {
        let hash = |open: &str, close: &str| {
            let content = PAGE.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map_or("", |(all, _)| all);
            BASE64_STANDARD.encode(Sha256::digest(content))
        };
        let (script, style) = (hash("<script>", "</script>"), hash("<style>", "</style>"));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        // Hashes are plain characters, for which this cannot fail; if it does, nothing is allowed.
        Self { policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")) }
    }

    /// The policy that the page is sent with.
    pub fn policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// The page with that overview.
    #[expect(clippy::unused_self, reason = "the page and its policy belong together")]
    pub fn with(&self, overview: &Value) -> String {
        PAGE.replacen(PLACE, &for_html(overview), 1)
    }
}

/// JSON that can stand inside an HTML element: nothing in it can end the element.
fn for_html(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_overview_ends_its_element() {
        let hostile = serde_json::json!({ "label": "</script><script>alert(1)</script><!-- &amp;" });
        let text = for_html(&hostile);
        assert!(!text.contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }

    #[test]
    fn the_page_has_one_script_one_style_and_loads_nothing() {
        assert_eq!(PAGE.matches("<script>").count(), 1);
        assert_eq!(PAGE.matches("<style>").count(), 1);
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        for word in [
            "http:",
            "https:",
            "src=",
            "@import",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
            "style=",
            "onclick",
        ] {
            assert!(!PAGE.contains(word), "{word}");
        }
        let policy = Page::new().policy().to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"));
    }
}
