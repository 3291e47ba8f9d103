//! Which bases are held: found, loaded, loaded again when their template died, forgotten. Room for them is made in
//! `room`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        BaseError, Held, Refusal,
        dispatch::Source,
        memory::Costs,
        template::ForkPoint,
        zygote::{self, Template},
    },
    Driver, Entry, Event, Reply,
};
use crate::{
    build::{
        base::{BaseId, BaseKey},
        outcome::FailureReason,
    },
    metrics::Loaded,
    proto::runtime::Trial,
    task,
};

/// Times that the template of a base is loaded anew after its death before its variations fail. The first death may
/// be an operator's or the kernel's doing; a base that kills its template again and again is not worth more.
const TEMPLATE_DEATHS_MAX: u32 = 3;

/// Deaths of a template that are further apart have nothing to do with each other.
const TEMPLATE_DEATHS_WINDOW: Duration = Duration::from_secs(60);

/// How long it is remembered that a base did not load.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(30);

/// Bases that did not load and are remembered; each takes about a hundred bytes.
const FAILURES_REMEMBERED_MAX: usize = 1024;

impl Driver {
    /// The base, if it is held.
    pub(super) fn held(&mut self, key: BaseKey) -> Option<Held> {
        let entry = self.bases.get_mut(&key)?;
        entry.used = Instant::now();
        let lease = self.installed.get(&key.edition)?.lease.clone();
        let warming_up = self.dispatch.is_warming_up(Source::Template(key));
        Some(Held::new(Arc::clone(&entry.base), lease).warming_up(warming_up))
    }

    /// Finds a base by what new calls get of its engine. If the edition before held it, it is loaded from that content.
    pub(super) fn find_base(&mut self, engine: &str, id: BaseId, reply: Reply<Held>) {
        let editions = self.editions.all().filter(|(name, _)| engine.is_empty() || &***name == engine);
        let keys: Vec<_> = editions.map(|(_, edition)| BaseKey { edition, id }).collect();
        if let Some(held) = keys.iter().find_map(|key| self.held(*key)) {
            let _ = reply.send(Ok(held));
            return;
        }
        let inherited = keys.iter().find_map(|key| Some((*key, Arc::clone(self.inherited.get(key)?))));
        match inherited {
            Some((key, xml)) => self.load(key, xml, reply),
            None => drop(reply.send(Err(BaseError::Unknown(id)))),
        }
    }

    pub(super) fn load_base(&mut self, engine: &str, xml: Arc<str>, reply: Reply<Held>) {
        let current = self.editions.current(engine).and_then(|edition| self.editions.engine_of(edition));
        match current {
            Some((name, edition)) => {
                let key = BaseKey { edition, id: BaseId::of(name, &xml) };
                self.load(key, xml, reply);
            }
            None => drop(reply.send(Err(Refusal::NotReady.into()))),
        }
    }

    fn load(&mut self, key: BaseKey, xml: Arc<str>, reply: Reply<Held>) {
        if let Some(held) = self.held(key) {
            let _ = reply.send(Ok(held));
            return;
        }
        if let Some(waiting) = self.loading.get_mut(&key) {
            waiting.push(reply);
            return;
        }
        if let Some(error) = self.remembered_failure(key) {
            let _ = reply.send(Err(error));
            return;
        }
        if let Err(refusal) = self.make_room() {
            let _ = reply.send(Err(refusal.into()));
            return;
        }
        if self.start_loading(key, xml) {
            self.loading.insert(key, vec![reply]);
        } else {
            let _ = reply.send(Err(Refusal::NotReady.into()));
        }
    }

    /// Why a base did not load lately: it would not now either, and trying costs seconds.
    pub(super) fn remembered_failure(&mut self, key: BaseKey) -> Option<BaseError> {
        self.failed.retain(|_, (_, until)| *until > Instant::now());
        self.failed.get(&key).map(|(error, _)| error.clone())
    }

    pub(super) fn remember_failure(&mut self, key: BaseKey, error: &BaseError) {
        if matches!(error, BaseError::Build(_)) && self.failed.len() < FAILURES_REMEMBERED_MAX {
            self.failed.insert(key, (error.clone(), Instant::now() + FAILURE_REMEMBERED));
        }
    }

    /// False if there is no zygote to fork, or nobody is left who could hear of it.
    pub(super) fn start_loading(&mut self, key: BaseKey, xml: Arc<str>) -> bool {
        let Some(events) = self.events.upgrade() else { return false };
        let Some(zygote) = self.living_zygote(key.edition) else { return false };
        let Some(engine) = self.installed.get(&key.edition).map(|installed| Arc::clone(&installed.facts)) else {
            return false;
        };
        let metrics = Arc::clone(&self.settings.metrics);
        task::spawn("load base", async move {
            let started = Instant::now();
            let result = zygote::load(zygote, engine, key.id, xml).await;
            let loaded = if result.is_ok() { Loaded::Yes } else { Loaded::No };
            metrics.work.base_loaded(loaded, started.elapsed());
            let _ = events.send(Event::BaseLoaded(key, result)).await;
        });
        true
    }

    pub(super) fn base_loaded(&mut self, key: BaseKey, result: Result<Template, BaseError>) {
        let waiting = self.loading.remove(&key).unwrap_or_default();
        let answer = match result {
            // Its edition may have ended meanwhile, and what is loaded now would never be let go.
            Ok(_) if !self.installed.contains_key(&key.edition) => Err(Refusal::NotReady.into()),
            Ok(template) => {
                self.hold(key, template);
                self.held(key).ok_or(Refusal::NotReady.into())
            }
            Err(error) => {
                self.note("base_not_loaded", error.to_string(), None, Some(key.id), "");
                self.remember_failure(key, &error);
                if self.bases.contains_key(&key) {
                    self.forget(key, FailureReason::Unavailable);
                }
                Err(error)
            }
        };
        for reply in waiting {
            let _ = reply.send(answer.clone());
        }
    }

    fn hold(&mut self, key: BaseKey, template: Template) {
        self.tried(key, &template.trial);
        let deaths = self.bases.get(&key).map_or((0, Instant::now()), |entry| entry.deaths);
        let entry = Entry {
            base: template.base,
            fork_point: Some(template.fork_point.clone()),
            heap_bytes: template.trial.lua_heap_bytes,
            hints: template.hints,
            used: Instant::now(),
            deaths,
            costs: Costs::default(),
        };
        let engine = &entry.base.engine;
        tracing::info!(base = %key.id, engine = engine.name, heap_bytes = entry.heap_bytes, "base loaded");
        self.inherited.remove(&key);
        self.bases.insert(key, entry);
        if template.cold {
            self.start_warming_up(key, template.fork_point);
        }
    }

    /// Takes note of what came of evaluating the base.
    pub(super) fn tried(&mut self, key: BaseKey, trial: &Trial) {
        self.dispatch.set_cost(key, trial.variation_seconds);
        if trial.plain_only {
            tracing::error!(base = %key.id, "the base does not evaluate to itself: the plain path serves it");
            self.dispatch.set_plain_only(key);
            self.results.forget_base(key);
        }
    }

    /// The base's template, if it lives; else it is loaded again, as long as that makes sense.
    pub(super) fn living_template(&mut self, key: BaseKey) -> Option<ForkPoint> {
        let entry = self.bases.get_mut(&key)?;
        if entry.fork_point.as_ref().is_some_and(ForkPoint::is_dead) {
            entry.fork_point = None;
            let (deaths, last) = entry.deaths;
            let deaths = if last.elapsed() < TEMPLATE_DEATHS_WINDOW { deaths + 1 } else { 1 };
            entry.deaths = (deaths, Instant::now());
            if deaths > TEMPLATE_DEATHS_MAX {
                self.forget(key, FailureReason::RuntimeCrashed);
                return None;
            }
        }
        if entry.fork_point.is_none() && !self.loading.contains_key(&key) {
            let xml = Arc::clone(&entry.base.xml);
            if self.start_loading(key, xml) {
                self.loading.insert(key, Vec::new());
            }
        }
        self.bases.get(&key)?.fork_point.clone()
    }

    pub(super) fn sessions_of(&self, base: BaseKey) -> usize {
        self.sessions.values().filter(|session| session.base.key() == base).count()
    }

    /// Lets go of a base; what is queued for it fails.
    pub(super) fn forget(&mut self, key: BaseKey, reason: FailureReason) {
        self.bases.remove(&key);
        self.results.forget_base(key);
        for item in self.dispatch.drop_base(key) {
            self.fail(item, reason);
        }
    }
}
