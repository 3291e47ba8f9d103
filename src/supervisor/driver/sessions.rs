//! Sessions and the variations in hand: taken in, known already or passed on to `dispatch`, given up.

use std::sync::Arc;

use super::{
    super::{
        BaseError, Refusal, SessionSpec,
        dispatch::{ItemId, SessionId},
        results::Admitted,
        session::Item,
    },
    Driver,
};
use crate::{
    build::outcome::{Evaluated, FailureReason},
    metrics::CacheAnswer,
};

/// What is said to those whose variations are not evaluated because the server stops.
const STOPPING: &str = "the server stops before it came to this; send it to another";

impl Driver {
    pub(super) fn open_session(&mut self, spec: SessionSpec) -> Result<SessionId, BaseError> {
        if self.given_up {
            return Err(Refusal::Draining.into());
        }
        if self.sessions.len() >= self.settings.sessions_max {
            return Err(Refusal::SessionsFull.into());
        }
        if self.dispatch.queued() >= self.settings.queue_max {
            return Err(Refusal::QueueFull.into());
        }
        let base = spec.base.key();
        self.held(base).ok_or(BaseError::Unknown(base.id))?;
        let id = self.fresh_id();
        self.dispatch.open_session(id, base, spec.priority);
        self.sessions.insert(id, spec);
        Ok(id)
    }

    pub(super) fn close_session(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        for item in self.results.close_session(session) {
            item.fail(FailureReason::Cancelled, "the client left");
        }
        let (queued, actions) = self.dispatch.close_session(session);
        for item in queued {
            self.fail(item, FailureReason::Cancelled);
        }
        self.carry_out_all(actions);
    }

    pub(super) fn submitted(&mut self, session: SessionId, items: Vec<Item>) {
        let Some(spec) = self.sessions.get(&session) else { return };
        if self.given_up {
            for item in items {
                item.fail(FailureReason::Unavailable, STOPPING);
            }
            return;
        }
        if !self.bases.contains_key(&spec.base.key()) {
            for item in items {
                item.fail(FailureReason::Unavailable, "the base could not be kept; send the build again");
            }
            return;
        }
        let asker = self.results.asker(session, spec);
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let id = self.fresh_id();
            let item = match asker {
                Some(asker) => {
                    let (answer, item) = match self.results.admit(asker, id, item) {
                        Admitted::Answered => (CacheAnswer::Hit, None),
                        Admitted::Waits => (CacheAnswer::Joined, None),
                        Admitted::New(item) => (CacheAnswer::Miss, Some(item)),
                    };
                    self.counters.cached += u64::from(answer == CacheAnswer::Hit);
                    self.settings.metrics.work.looked_up(answer);
                    item
                }
                None => Some(item),
            };
            if let Some(item) = item {
                self.items.insert(id, item);
                ids.push(id);
            }
        }
        self.dispatch.submit(session, ids);
    }

    /// A variation has its outcome; so have those that waited for it, or they are computed after all.
    pub(super) fn settled(&mut self, id: ItemId, evaluated: &Evaluated) {
        let (answered, again) = self.results.settle(id, evaluated);
        self.counters.cached += answered;
        self.submit_again(again);
    }

    /// A variation will not be computed; those that waited for it are.
    pub(super) fn abandoned(&mut self, id: ItemId) {
        let again = self.results.abandon(id);
        self.submit_again(again);
    }

    pub(super) fn submit_again(&mut self, items: Vec<(SessionId, Item)>) {
        for (session, item) in items {
            self.submitted(session, vec![item]);
        }
    }

    /// Answers everything that waits or is at work. What runtimes still say about it finds nobody.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        let bases: Vec<_> = self.bases.keys().copied().collect();
        for base in bases {
            self.dispatch.drop_base(base);
        }
        let waiting = self.results.take_followers();
        for item in self.items.drain().map(|(_, item)| item).chain(waiting) {
            item.fail(FailureReason::Unavailable, STOPPING);
        }
    }

    pub(super) fn fail(&mut self, id: ItemId, reason: FailureReason) {
        let Some(item) = self.items.remove(&id) else { return };
        self.abandoned(id);
        let message = match reason {
            FailureReason::TimeLimit => "the time budget ran out",
            FailureReason::MemoryLimit => "the memory limit was reached",
            FailureReason::RuntimeCrashed => "the runtime died of it, twice",
            FailureReason::Cancelled => "the client left",
            _ => "the base could not be kept; send the build again",
        };
        // A client that leaves is its own business.
        if reason != FailureReason::Cancelled {
            let origin = Arc::clone(&item.origin);
            self.note(reason.as_str(), message, None, Some(origin.base), &origin.request_id);
        }
        item.fail(reason, message);
    }
}
