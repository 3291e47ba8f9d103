//! Editions: which generation of an engine a call gets, and when an old one ends. Pure: it owns no process, channel or
//! clock; the driver says what happened, and boots and ends what it is told.
//!
//! ```text
//!            begin               switch                    last holder left, or the grace is over
//!   (none) ────────▶ candidate ─────────▶ current ──────▶ old ───────────────────────────────────▶ gone
//!                        │ give_up                switch
//!                        ▼
//!                     (none): the current one stays
//! ```
//!
//! An engine always has exactly one current edition, which is what every new call gets. A call that has begun keeps the
//! edition that it began with, as long as it lasts, but not longer than the grace.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::build::base::EditionId;

/// Old editions of one engine that may still be in use: each has a zygote, and templates of the bases that its calls
/// use. Whoever reloads a third time while streams of the first are open must wait for them.
pub const OLD_EDITIONS_MAX: usize = 2;

/// Why no edition can be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no such engine.
    Unknown,
    /// One is on its way.
    Running,
    /// Too many old ones are in use.
    TooManyOld,
}

/// Why an edition ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody used it any more.
    Unused,
    /// Its grace was over.
    Grace,
}

/// The editions of all engines.
#[derive(Debug)]
pub struct Editions {
    /// In the operator's order: the first is what calls get that name none.
    engines: Vec<Engine>,
    grace: Duration,
    next: u64,
}

#[derive(Debug)]
struct Engine {
    name: Arc<str>,
    current: EditionId,
    candidate: Option<EditionId>,
    old: Vec<(EditionId, Instant)>,
}

impl Editions {
    /// Engines by those names, each with a current edition: 1, 2 and so on. There must be at least one.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = Arc<str>>, grace: Duration) -> Self {
        let mut editions = Self { engines: Vec::new(), grace, next: 0 };
        for name in names {
            let current = editions.fresh();
            editions.engines.push(Engine { name, current, candidate: None, old: Vec::new() });
        }
        editions
    }

    fn fresh(&mut self) -> EditionId {
        self.next += 1;
        EditionId(self.next)
    }

    /// What a new call gets that asks for that engine; no name means the first.
    #[must_use]
    pub fn current(&self, name: &str) -> Option<EditionId> {
        self.named(name).map(|engine| engine.current)
    }

    /// Whether new calls get it.
    #[must_use]
    pub fn is_current(&self, edition: EditionId) -> bool {
        self.engines.iter().any(|engine| engine.current == edition)
    }

    /// The engine that it is an edition of, with what new calls get of it.
    #[must_use]
    pub fn engine_of(&self, edition: EditionId) -> Option<(&Arc<str>, EditionId)> {
        let is_of =
            |engine: &&Engine| engine.current == edition || engine.candidate == Some(edition) || engine.is_old(edition);
        self.engines.iter().find(is_of).map(|engine| (&engine.name, engine.current))
    }

    /// Names and current editions, in the operator's order.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, EditionId)> {
        self.engines.iter().map(|engine| (&engine.name, engine.current))
    }

    /// The old editions of an engine, and when each ends at the latest.
    #[must_use]
    pub fn old_of(&self, name: &str) -> &[(EditionId, Instant)] {
        self.named(name).map_or(&[], |engine| &engine.old)
    }

    /// Whether an edition of that engine is on its way.
    #[must_use]
    pub fn is_reloading(&self, name: &str) -> bool {
        self.named(name).is_some_and(|engine| engine.candidate.is_some())
    }

    /// An edition is to be booted beside the current one.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn begin(&mut self, name: &str) -> Result<EditionId, Denied> {
        let engine = self.named(name).ok_or(Denied::Unknown)?;
        if engine.candidate.is_some() {
            return Err(Denied::Running);
        }
        if engine.old.len() >= OLD_EDITIONS_MAX {
            return Err(Denied::TooManyOld);
        }
        let name = Arc::clone(&engine.name);
        let candidate = self.fresh();
        if let Some(engine) = self.engines.iter_mut().find(|engine| engine.name == name) {
            engine.candidate = Some(candidate);
        }
        Ok(candidate)
    }

    /// That edition does not come.
    pub fn give_up(&mut self, candidate: EditionId) {
        if let Some(engine) = self.engines.iter_mut().find(|engine| engine.candidate == Some(candidate)) {
            engine.candidate = None;
        }
    }

    /// New calls get that edition from now on. Gives the one that it takes the place of; `None` if nobody waits for it.
    pub fn switch(&mut self, candidate: EditionId, now: Instant) -> Option<EditionId> {
        let engine = self.engines.iter_mut().find(|engine| engine.candidate == Some(candidate))?;
        engine.candidate = None;
        let old = std::mem::replace(&mut engine.current, candidate);
        engine.old.push((old, now + self.grace));
        Some(old)
    }

    /// Takes out the old editions that end now: those without a holder, and those whose grace is over.
    pub fn end(&mut self, now: Instant, holders: impl Fn(EditionId) -> usize) -> Vec<(EditionId, End)> {
        let mut ended = Vec::new();
        for engine in &mut self.engines {
            engine.old.retain(|(edition, until)| {
                let end = if holders(*edition) == 0 {
                    End::Unused
                } else if *until <= now {
                    End::Grace
                } else {
                    return true;
                };
                ended.push((*edition, end));
                false
            });
        }
        ended
    }

    /// When [`Editions::end`] should be called again even if nothing happens.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.engines.iter().flat_map(|engine| &engine.old).map(|(_, until)| *until).min()
    }

    fn named(&self, name: &str) -> Option<&Engine> {
        if name.is_empty() { self.engines.first() } else { self.engines.iter().find(|engine| &*engine.name == name) }
    }
}

impl Engine {
    fn is_old(&self, edition: EditionId) -> bool {
        self.old.iter().any(|(old, _)| *old == edition)
    }
}

#[cfg(test)]
mod tests;
