//! Which bases are held: found, loaded, loaded again when their template died, forgotten. Room for them is made in
//! `room`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        BaseError, Refusal,
        memory::Costs,
        template::ForkPoint,
        zygote::{self, Template},
    },
    Driver, Entry, Event, Reply,
};
use crate::{
    build::{
        base::{Base, BaseId},
        outcome::FailureReason,
    },
    metrics::Loaded,
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
    pub(super) fn find_base(&mut self, id: BaseId) -> Result<Arc<Base>, BaseError> {
        let entry = self.bases.get_mut(&id).ok_or(BaseError::Unknown(id))?;
        entry.used = Instant::now();
        Ok(Arc::clone(&entry.base))
    }

    pub(super) fn load_base(&mut self, xml: Arc<str>, reply: Reply<Arc<Base>>) {
        let id = BaseId::of(&self.engine, &xml);
        if let Ok(base) = self.find_base(id) {
            let _ = reply.send(Ok(base));
            return;
        }
        if let Some(waiting) = self.loading.get_mut(&id) {
            waiting.push(reply);
            return;
        }
        if let Some(error) = self.remembered_failure(id) {
            let _ = reply.send(Err(error));
            return;
        }
        if let Err(refusal) = self.make_room() {
            let _ = reply.send(Err(refusal.into()));
            return;
        }
        if self.start_loading(id, xml) {
            self.loading.insert(id, vec![reply]);
        } else {
            let _ = reply.send(Err(Refusal::NotReady.into()));
        }
    }

    /// Why a base did not load lately: it would not now either, and trying costs seconds.
    pub(super) fn remembered_failure(&mut self, id: BaseId) -> Option<BaseError> {
        self.failed.retain(|_, (_, until)| *until > Instant::now());
        self.failed.get(&id).map(|(error, _)| error.clone())
    }

    pub(super) fn remember_failure(&mut self, id: BaseId, error: &BaseError) {
        if matches!(error, BaseError::Build(_)) && self.failed.len() < FAILURES_REMEMBERED_MAX {
            self.failed.insert(id, (error.clone(), Instant::now() + FAILURE_REMEMBERED));
        }
    }

    /// False if there is no zygote to fork, or nobody is left who could hear of it.
    pub(super) fn start_loading(&mut self, id: BaseId, xml: Arc<str>) -> bool {
        let Some(events) = self.events.upgrade() else { return false };
        let Some(zygote) = self.living_zygote() else { return false };
        let metrics = Arc::clone(&self.settings.metrics);
        task::spawn("load base", async move {
            let started = Instant::now();
            let result = zygote::load(zygote, id, xml).await;
            let loaded = if result.is_ok() { Loaded::Yes } else { Loaded::No };
            metrics.work.base_loaded(loaded, started.elapsed());
            let _ = events.send(Event::BaseLoaded(id, result)).await;
        });
        true
    }

    pub(super) fn base_loaded(&mut self, id: BaseId, result: Result<Template, BaseError>) {
        let waiting = self.loading.remove(&id).unwrap_or_default();
        let answer = match result {
            Ok(template) => {
                self.dispatch.set_cost(id, template.variation_seconds);
                let deaths = self.bases.get(&id).map_or((0, Instant::now()), |entry| entry.deaths);
                let entry = Entry {
                    base: Arc::clone(&template.base),
                    fork_point: Some(template.fork_point),
                    heap_bytes: template.heap_bytes,
                    hints: template.hints,
                    used: Instant::now(),
                    deaths,
                    costs: Costs::default(),
                };
                if template.plain_only {
                    tracing::error!(base = %id, "the base does not evaluate to itself: the plain path serves it");
                    self.dispatch.set_plain_only(id);
                }
                tracing::info!(base = %id, heap_bytes = entry.heap_bytes, "base loaded");
                self.bases.insert(id, entry);
                Ok(template.base)
            }
            Err(error) => {
                self.note("base_not_loaded", error.to_string(), None, Some(id), "");
                self.remember_failure(id, &error);
                if self.bases.contains_key(&id) {
                    self.forget(id, FailureReason::Unavailable);
                }
                Err(error)
            }
        };
        for reply in waiting {
            let _ = reply.send(answer.clone());
        }
    }

    /// The base's template, if it lives; else it is loaded again, as long as that makes sense.
    pub(super) fn living_template(&mut self, id: BaseId) -> Option<ForkPoint> {
        let entry = self.bases.get_mut(&id)?;
        if entry.fork_point.as_ref().is_some_and(ForkPoint::is_dead) {
            entry.fork_point = None;
            let (deaths, last) = entry.deaths;
            let deaths = if last.elapsed() < TEMPLATE_DEATHS_WINDOW { deaths + 1 } else { 1 };
            entry.deaths = (deaths, Instant::now());
            if deaths > TEMPLATE_DEATHS_MAX {
                self.forget(id, FailureReason::RuntimeCrashed);
                return None;
            }
        }
        if entry.fork_point.is_none() && !self.loading.contains_key(&id) {
            let xml = Arc::clone(&entry.base.xml);
            if self.start_loading(id, xml) {
                self.loading.insert(id, Vec::new());
            }
        }
        self.bases.get(&id)?.fork_point.clone()
    }

    pub(super) fn sessions_of(&self, base: BaseId) -> usize {
        self.sessions.values().filter(|session| session.base == base).count()
    }

    /// Lets go of a base; what is queued for it fails.
    pub(super) fn forget(&mut self, id: BaseId, reason: FailureReason) {
        self.bases.remove(&id);
        self.results.forget_base(id);
        for item in self.dispatch.drop_base(id) {
            self.fail(item, reason);
        }
    }
}
