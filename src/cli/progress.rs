//! The progress bar: on standard error, and only where that is a terminal.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// A bar over that many steps, or one without an end.
pub fn bar(what: &'static str, steps: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(steps, ProgressDrawTarget::hidden());
    }
    let (bar, template) = match steps {
        Some(steps) => (ProgressBar::new(steps), "{msg} {wide_bar} {pos}/{len} ({per_sec}, {eta} left)"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {pos} ({elapsed})"),
    };
    // A template that indicatif does not take leaves its own style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(TICK);
    bar
}
