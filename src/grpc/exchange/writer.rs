//! The writing half of an exchange: sends outcomes as they come, or in order, or as a reduction keeps them.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{
    mpsc::{self, error::SendTimeoutError},
    oneshot,
};
use tonic::Status;

use super::{
    End, Event, Plan,
    hand::{Answered, Shared},
};
use crate::{
    build::outcome::Evaluated,
    grpc::{
        convert::failure_of,
        status::CallError,
        tally::{Reduced, Tally},
    },
    objective::{Judged, Offer, Reducer},
    proto::v1,
    supervisor::Outcomes,
};

pub(super) struct Writer {
    plan: Plan,
    shared: Arc<Shared>,
    responses: mpsc::Sender<Result<Event, Status>>,
    tally: Tally,
    /// With `ordered`: outcomes that wait for one before them. The window bounds it.
    early: BTreeMap<u64, Option<v1::Outcome>>,
    /// With `ordered`: place of the outcome that is to be sent next.
    next: u64,
    /// With a reduction: what it keeps.
    reducer: Option<Reducer<v1::Outcome>>,
}

impl Writer {
    pub(super) fn new(plan: Plan, shared: Arc<Shared>, responses: mpsc::Sender<Result<Event, Status>>) -> Self {
        let reducer = plan.measure.as_ref().map(|measure| Reducer::new(&measure.reduction));
        Self { plan, shared, responses, tally: Tally::default(), early: BTreeMap::new(), next: 0, reducer }
    }

    pub(super) async fn run(
        mut self,
        mut outcomes: Outcomes,
        mut rejected: mpsc::Receiver<Evaluated>,
        mut reader_end: oneshot::Receiver<Result<(), CallError>>,
    ) -> Result<(), End> {
        let header = std::mem::take(&mut self.plan.header);
        self.send(Event::Header(header)).await?;

        let mut reading = true;
        let mut unfinished = None;
        let mut enough = false;
        loop {
            // All three are cancel safe by their documentation.
            let evaluated = tokio::select! {
                Some(evaluated) = outcomes.recv() => evaluated,
                Some(refused) = rejected.recv() => refused,
                end = &mut reader_end, if reading => {
                    reading = false;
                    match end.unwrap_or_else(|_| Err(CallError::Internal("the reader stopped".to_owned()))) {
                        Ok(()) => {}
                        Err(error @ (CallError::Refused(_) | CallError::SessionAged)) => unfinished = Some(error),
                        Err(error) => return Err(error.into()),
                    }
                    continue;
                }
                else => break,
            };
            let Some(Answered { index, id, echo, parts }) = self.shared.answer(evaluated) else { continue };
            let outcome = self.plan.terms.outcome(id, index, &parts);
            let sent = self.reduce(v1::Outcome { variation: echo, ..outcome }, self.judge(&parts));
            self.pass_on(index, sent).await?;
            if self.reducer.as_ref().is_some_and(Reducer::is_enough) {
                enough = true;
                break;
            }
        }
        if !enough && !self.shared.is_empty() {
            return Err(CallError::SessionLost.into());
        }
        let mut reduced = Reduced { stopped_early: enough, ..Reduced::default() };
        if let Some(reducer) = self.reducer.take() {
            reduced.infeasible = reducer.infeasible();
            reduced.front_truncated = reducer.is_truncated();
            for outcome in reducer.finish() {
                self.tally.sent();
                self.send(Event::Outcome(outcome)).await?;
            }
        }
        let summary = self.tally.summary(self.plan.call.arrived.elapsed(), reduced);
        self.send(Event::Summary(summary)).await?;
        // A call that has enough does not care for what was not read.
        unfinished.filter(|_| !enough).map_or(Ok(()), |error| Err(error.into()))
    }

    /// What the reduction says of a variation that has values under every scenario.
    fn judge(&self, parts: &[Evaluated]) -> Option<Judged> {
        let measure = self.plan.measure.as_ref()?;
        let stats: Option<Vec<_>> = parts.iter().map(|part| part.result.as_ref().ok()).collect();
        Some(measure.judge(&stats?, &self.plan.terms.base))
    }

    /// Counts the outcome, and gives it back if it is to be sent before the end.
    fn reduce(&mut self, mut outcome: v1::Outcome, judged: Option<Judged>) -> Option<v1::Outcome> {
        self.tally.count(&outcome);
        let (Some(reducer), Some(measure)) = (&mut self.reducer, &self.plan.measure) else { return Some(outcome) };
        // What came without being aligned has been made a failure meanwhile.
        let Some(judged) = judged.filter(|_| failure_of(&outcome).is_none()) else {
            reducer.failed();
            return measure.with_failures.then_some(outcome);
        };
        outcome.scores.clone_from(&judged.scores);
        match reducer.offer(outcome.index, &judged, outcome) {
            Offer::Send(outcome) => Some(outcome),
            Offer::Held => None,
        }
    }

    /// Sends the outcome of that index, if there is one to be sent, at once or when its turn comes.
    async fn pass_on(&mut self, index: u64, outcome: Option<v1::Outcome>) -> Result<(), End> {
        if !self.plan.ordered {
            return self.send_outcome(outcome).await;
        }
        self.early.insert(index, outcome);
        while let Some(outcome) = self.early.remove(&self.next) {
            self.next += 1;
            self.send_outcome(outcome).await?;
        }
        Ok(())
    }

    async fn send_outcome(&mut self, outcome: Option<v1::Outcome>) -> Result<(), End> {
        if let Some(outcome) = outcome {
            self.tally.sent();
            self.send(Event::Outcome(outcome)).await?;
        }
        self.shared.window.add_permits(1);
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        self.responses.send_timeout(Ok(event), self.plan.idle_max).await.map_err(|error| match error {
            SendTimeoutError::Closed(_) => End::Left,
            SendTimeoutError::Timeout(_) => CallError::Idle.into(),
        })
    }
}
