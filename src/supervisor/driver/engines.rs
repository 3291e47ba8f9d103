//! The engines' editions: each has a zygote, which is booted again when it dies; a reload boots the next edition beside
//! the current one, switches to it, and lets the old one go when its last call has left. Decides by `editions`.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::oneshot;

use super::{
    super::{
        EngineChoice, EngineSpec, Engines, ReloadError, ReloadResult, Reloaded, ResetReason, StartError,
        dispatch::State,
        editions::End,
        template::ForkPoint,
        trial,
        zygote::{self, Zygote},
    },
    Driver, Event, Installed, Reload, facts_of,
};
use crate::{
    build::{
        base::{BaseKey, EditionId},
        outcome::FailureReason,
    },
    task,
};

/// Pause before a zygote is booted again after its death, so that an engine that cannot live does not eat a core.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);

impl Driver {
    /// The zygote of an edition, if it lives; else it is booted again.
    pub(super) fn living_zygote(&mut self, edition: EditionId) -> Option<ForkPoint> {
        let installed = self.installed.get_mut(&edition)?;
        if installed.zygote.as_ref().is_some_and(ForkPoint::is_dead) {
            installed.zygote = None;
            self.boot_zygote(edition);
        }
        self.installed.get(&edition)?.zygote.clone()
    }

    pub(super) fn boot_dead_zygotes(&mut self) {
        let editions: Vec<_> = self.installed.keys().copied().collect();
        for edition in editions {
            self.living_zygote(edition);
        }
    }

    fn boot_zygote(&self, edition: EditionId) {
        let Some(events) = self.events.upgrade() else { return };
        let Some(Installed { facts, choice, .. }) = self.installed.get(&edition) else { return };
        let engine = EngineSpec { name: facts.name.as_str().into(), choice: choice.clone() };
        let settings = self.settings.clone();
        task::spawn("boot zygote", async move {
            tokio::time::sleep(ZYGOTE_PAUSE).await;
            let result = zygote::boot(&settings, &engine, edition).await;
            let _ = events.send(Event::ZygoteBooted(edition, result)).await;
        });
    }

    /// A zygote that died is there again. If its installation was changed meanwhile it is another engine, and must not
    /// pass for the one that it was: it becomes the next edition, as a restarted server would have it.
    pub(super) fn zygote_booted(&mut self, edition: EditionId, result: Result<Zygote, StartError>) {
        let Some(installed) = self.installed.get_mut(&edition) else { return };
        let engine = installed.facts.name.clone();
        match result {
            Ok(zygote) if zygote.facts.fingerprint == installed.facts.fingerprint => {
                tracing::info!(engine, pid = zygote.fork_point.pid(), "the zygote is booted again");
                installed.zygote = Some(zygote.fork_point);
            }
            Ok(_) if !self.editions.is_current(edition) => {
                tracing::warn!(engine, %edition, "the installation of an old edition was changed: no zygote for it");
            }
            Ok(zygote) => {
                tracing::warn!(engine, "the installation was changed while it was in use");
                match self.editions.begin(&engine) {
                    Ok(next) => drop(self.switch(zygote, next)),
                    // A reload is on its way, and what it brings is as new.
                    Err(denied) => {
                        tracing::warn!(engine, ?denied, "no zygote until it is reloaded");
                        self.boot_zygote(edition);
                    }
                }
            }
            Err(error) => {
                tracing::error!(engine, %error, "the zygote does not boot");
                self.boot_zygote(edition);
            }
        }
    }

    /// Begins to reload an engine.
    pub(super) fn reload(
        &mut self,
        name: &str,
        directory: Option<PathBuf>,
        reply: oneshot::Sender<Result<Reloaded, ReloadError>>,
    ) {
        // No name means the first engine.
        let known = self.editions.current(name).and_then(|edition| self.editions.engine_of(edition));
        let name = known.map_or_else(|| Arc::from(name), |(name, _)| Arc::clone(name));
        if let Err(error) = self.begin_reload(&name, directory) {
            self.note_reload(&name, &Err(error.clone()));
            let _ = reply.send(Err(error));
        } else if let Some(reload) = self.runs.get_mut(&name).and_then(|run| run.reload.as_mut()) {
            reload.reply = Some(reply);
        }
    }

    fn begin_reload(&mut self, name: &Arc<str>, directory: Option<PathBuf>) -> Result<(), ReloadError> {
        let known = super::super::names(self.editions.all().map(|(name, _)| &**name));
        let Some(run) = self.runs.get(name) else {
            return Err(ReloadError::Unknown { asked: name.chars().take(64).collect(), known });
        };
        let (choice, root) = match (directory, &run.choice) {
            (None, choice) => (choice.clone(), None),
            (Some(_), EngineChoice::Sample) => {
                return Err(ReloadError::Directory("the engine is embedded and lies in no directory".to_owned()));
            }
            (Some(directory), EngineChoice::Pob(_)) => {
                let Some(root) = self.settings.reload.root.clone() else {
                    return Err(ReloadError::Directory("the server was started without --reload-from".to_owned()));
                };
                (EngineChoice::Pob(directory), Some(root))
            }
        };
        let candidate = self.editions.begin(name).map_err(|denied| ReloadError::denied(denied, name, known))?;
        let engine = EngineSpec { name: Arc::clone(name), choice };
        if let Some(run) = self.runs.get_mut(name) {
            run.reload = Some(Reload { moves: root.is_some(), reply: None });
        }
        let current = self.editions.current(name).and_then(|edition| self.installed.get(&edition));
        let lacked = current.map_or_else(|| Arc::from([]), |installed| Arc::clone(&installed.lacks));
        tracing::info!(engine = &**name, edition = %candidate, "reload: the next edition is booted");
        let (settings, events) = (self.settings.clone(), self.events.clone());
        task::spawn("reload", async move {
            let result = trial::boot(&settings, engine, root, &lacked, candidate).await;
            // Weak while it takes time: a server that stops need not wait for it.
            if let Some(events) = events.upgrade() {
                let _ = events.send(Event::Candidate(candidate, result)).await;
            }
        });
        Ok(())
    }

    /// The candidate of a reload is booted and checked, or is not to be had.
    pub(super) fn candidate_ready(&mut self, candidate: EditionId, result: Result<Zygote, ReloadError>) {
        let Some((name, _)) = self.editions.engine_of(candidate) else { return };
        let name = Arc::clone(name);
        let reload = self.runs.get_mut(&name).and_then(|run| run.reload.take());
        let mut place = None;
        let result = match result {
            Ok(zygote) => {
                place = Some(zygote.choice.clone());
                self.switch(zygote, candidate).ok_or(ReloadError::Running)
            }
            Err(error) => {
                self.editions.give_up(candidate);
                Err(error)
            }
        };
        self.note_reload(&name, &result);
        if let Some(Reload { moves, reply }) = reload {
            // A directory that was named holds for the reloads that follow; one that was not may be a link.
            if let (true, true, Some(place), Some(run)) = (moves, result.is_ok(), place, self.runs.get_mut(&name)) {
                run.choice = place;
            }
            if let Some(reply) = reply {
                let _ = reply.send(result);
            }
        }
    }

    /// New calls get this from now on.
    fn switch(&mut self, zygote: Zygote, candidate: EditionId) -> Option<Reloaded> {
        let old = self.editions.switch(candidate, Instant::now())?;
        let before = Arc::clone(&self.installed.get(&old)?.facts);
        let installed = Installed::new(zygote, candidate);
        let now = Arc::clone(&installed.facts);
        self.installed.insert(candidate, installed);
        self.inherit(old, candidate);
        // Fails if nobody listens, who then need not know.
        let _ = self.engines.send(Engines::new(facts_of(&self.editions, &self.installed)));
        tracing::info!(
            engine = now.name, edition = %candidate, version = now.version, fingerprint = now.fingerprint,
            version_before = before.version, changed = now.fingerprint != before.fingerprint,
            "new calls get the new edition"
        );
        Some(Reloaded { before, now })
    }

    /// What the old edition holds, or was known for, is known by the same ids in that one from now on. Of no edition more
    /// than may be held at once.
    fn inherit(&mut self, old: EditionId, edition: EditionId) {
        let held = self.bases.iter().map(|(key, entry)| (*key, Arc::clone(&entry.base.xml)));
        let known = held.chain(self.inherited.iter().map(|(key, xml)| (*key, Arc::clone(xml))));
        let known: Vec<_> = known.filter(|(key, _)| key.edition == old).collect();
        self.inherited.retain(|key, _| key.edition != old);
        let mut room = self.settings.bases_max;
        room = room.saturating_sub(self.inherited.keys().filter(|key| key.edition == edition).count());
        for (BaseKey { id, .. }, xml) in known {
            let key = BaseKey { edition, id };
            if room > 0 && !self.bases.contains_key(&key) && self.inherited.insert(key, xml).is_none() {
                room -= 1;
            }
        }
    }

    fn note_reload(&mut self, name: &Arc<str>, result: &Result<Reloaded, ReloadError>) {
        let (came, words) = match result {
            Ok(Reloaded { now, .. }) => {
                (ReloadResult::Switched, format!("version {}, fingerprint {:.12}", now.version, now.fingerprint))
            }
            Err(error) => (error.result(), error.to_string()),
        };
        if let Err(error) = result {
            tracing::error!(engine = &**name, %error, "not reloaded: calls get what they got before");
            self.note("reload_failed", format!("{name}: {error}"), None, None, "");
        }
        if let Some(run) = self.runs.get_mut(name) {
            run.reloads[came as usize] += 1;
            run.last_reload = Some((SystemTime::now(), came, words));
        }
    }

    /// Lets go of old editions that nobody uses any more, or for too long.
    pub(super) fn end_editions(&mut self) {
        let (installed, loading) = (&self.installed, &self.loading);
        let holders = |edition: EditionId| {
            // Who waits for a base has no hold on anything yet.
            let waiting = loading.keys().filter(|key| key.edition == edition).count();
            installed.get(&edition).map_or(0, |installed| installed.lease.holders()) + waiting
        };
        for (edition, end) in self.editions.end(Instant::now(), holders) {
            self.end_edition(edition, end);
        }
        if self.leftovers {
            self.leftovers = self.stop_leftovers();
        }
    }

    fn end_edition(&mut self, edition: EditionId, end: End) {
        // What was loaded for it behind the switch, by calls that came before.
        let engine = self.installed.get(&edition).map(|installed| installed.facts.name.clone());
        if let Some(heir) = engine.and_then(|name| self.editions.current(&name)).filter(|heir| *heir != edition) {
            self.inherit(edition, heir);
        }
        let of_edition = self.bases.keys().filter(|key| key.edition == edition).copied().collect::<Vec<_>>();
        for key in of_edition {
            self.forget(key, FailureReason::Unavailable);
        }
        self.failed.retain(|key, _| key.edition != edition);
        self.dispatch.drop_edition(edition);
        self.leftovers = true;
        if let Some(Installed { facts, .. }) = self.installed.remove(&edition) {
            tracing::info!(engine = facts.name, %edition, version = facts.version, ?end, "an old edition has ended");
        }
    }

    /// Lets go of runtimes that were forked from what is no more; says whether some are still at work.
    fn stop_leftovers(&mut self) -> bool {
        let mut some = false;
        for shard in 0..self.shards.len() {
            let Some((state, _)) = self.dispatch.shard(shard) else { continue };
            if state.source().is_none_or(|source| self.installed.contains_key(&source.edition())) {
                continue;
            }
            if matches!(state, State::Idle { .. }) {
                self.stop_idle(shard, ResetReason::EditionEnded);
            } else {
                some = true;
            }
        }
        some
    }
}
