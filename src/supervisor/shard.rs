//! A shard: a slot with a stable index, served by at most one runtime at a time. One task owns the runtime; it does
//! what the driver says and reports what happens. It decides nothing but one thing: a runtime that misses its time,
//! breaks the protocol or dies is killed and reaped, and the driver hears of it.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

use super::{
    pace::Pace,
    process::{Exit, ExitStatus, Process},
    scratch::{Scratch, Spares},
    template::ForkPoint,
};
use crate::{
    build::outcome::FailureReason,
    proto::runtime::{AssignmentDone, Cancel, Collect, Collected, Evaluate, Outcome, Report, command, report},
    task,
    wire::{Connection, WireError},
};

/// Orders that may wait for one shard: the driver gives the next one when the last is done, but for a replacement.
const ORDERS_MAX: usize = 4;

/// How long a full collection may take: a hundred times what it takes.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(60);

/// What the driver tells a shard.
#[derive(Debug)]
pub enum Order {
    /// Replace the runtime, if there is one, by a fork.
    Fork {
        /// What to fork.
        from: ForkPoint,
        /// Names the new runtime.
        generation: u64,
    },
    /// Let go of the runtime.
    Stop,
    /// Collect garbage.
    Collect,
    /// End the assignment in hand early; nothing if there is none.
    Cancel,
    /// Evaluate.
    Assign {
        /// The assignment, as it goes to the runtime.
        evaluate: Evaluate,
        /// Time budget of each variation.
        variation_timeout: Duration,
    },
}

/// What a shard tells the driver. The shard and the generation come beside it.
#[derive(Debug)]
pub enum Event {
    /// The runtime is there.
    Ready {
        /// Its process id.
        pid: u32,
    },
    /// It could not be had.
    ForkFailed,
    /// It answered the variation that it was at, and maybe some behind it.
    Outcomes(Vec<Outcome>),
    /// The assignment is over, if not all of it answered.
    Done(AssignmentDone),
    /// Garbage is collected.
    Collected(Collected),
    /// It is gone.
    Died {
        /// What that means for the variation that it was at.
        reason: FailureReason,
    },
}

/// An event with its sender.
#[derive(Debug)]
pub struct Message {
    /// Index of the shard.
    pub shard: usize,
    /// Generation of its runtime when it happened.
    pub generation: u64,
    /// What happened.
    pub event: Event,
}

/// Handle to a shard.
#[derive(Debug)]
pub struct Shard {
    orders: mpsc::Sender<Order>,
}

impl Shard {
    /// Starts a shard without a runtime.
    pub fn start(index: usize, spares: Spares, events: mpsc::Sender<Message>) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS_MAX);
        let slot = Slot { index, generation: 0, process: None, scratch: None, spares, events };
        task::spawn("shard", slot.run(receiver));
        Self { orders }
    }

    /// Gives an order. An order that does not fit in would mean that the driver broke its own rules; it is logged.
    pub fn order(&self, order: Order) {
        if let Err(error) = self.orders.try_send(order) {
            tracing::error!(%error, "a shard takes no orders");
        }
    }
}

struct Slot {
    index: usize,
    generation: u64,
    process: Option<Process>,
    scratch: Option<Scratch>,
    spares: Spares,
    events: mpsc::Sender<Message>,
}

impl Slot {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            // Both arms are cancel safe: the channel and the connection by their documentation.
            let order = tokio::select! {
                order = orders.recv() => order,
                error = Self::silence(self.process.as_mut()) => {
                    self.bury(&error, FailureReason::RuntimeCrashed).await;
                    continue;
                }
            };
            match order {
                Some(Order::Fork { from, generation }) => self.fork(&from, generation).await,
                Some(Order::Assign { evaluate, variation_timeout }) => {
                    if !self.evaluate(evaluate, variation_timeout, &mut orders).await {
                        break;
                    }
                }
                Some(Order::Collect) => self.collect().await,
                Some(Order::Stop) => {
                    if let Some(process) = self.process.take() {
                        process.stop().await;
                    }
                    self.scratch = None;
                }
                Some(Order::Cancel) => {}
                None => break,
            }
        }
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Ends when an idle runtime does anything, which can only be to die.
    async fn silence(process: Option<&mut Process>) -> WireError {
        match process {
            Some(process) => process.connection.unasked().await,
            None => std::future::pending().await,
        }
    }

    async fn fork(&mut self, from: &ForkPoint, generation: u64) {
        if let Some(old) = self.process.take() {
            self.dismiss(old);
        }
        self.generation = generation;
        match from.fork("shard", self.scratch()).await {
            Ok(process) => {
                let pid = process.pid();
                self.process = Some(process);
                self.tell(Event::Ready { pid }).await;
            }
            Err(error) => {
                // Nobody knows whether there is a child that has it.
                self.scratch = None;
                tracing::warn!(shard = self.index, generation, %error, "fork failed");
                self.tell(Event::ForkFailed).await;
            }
        }
    }

    /// Ends a runtime that is no longer needed. The next one need not wait for that, as it gets other scratch memory; this
    /// one's is free when it is gone.
    fn dismiss(&mut self, old: Process) {
        let (spares, scratch) = (self.spares.clone(), self.scratch.take());
        task::spawn("old runtime", async move {
            old.stop().await;
            if let Some(scratch) = scratch {
                spares.give_back(scratch);
            }
        });
    }

    /// Scratch memory for the next runtime; `None` if the kernel gives none.
    fn scratch(&mut self) -> Option<Scratch> {
        if self.scratch.is_none() {
            self.scratch = self.spares.take();
        }
        self.scratch.as_mut().map(Scratch::lend)
    }

    /// False if the driver has gone in the meantime.
    async fn evaluate(
        &mut self,
        evaluate: Evaluate,
        variation_timeout: Duration,
        orders: &mut mpsc::Receiver<Order>,
    ) -> bool {
        let Some(process) = self.process.as_mut() else {
            // The runtime died before the order came; the driver hears of both, and the generation tells them apart.
            self.tell(Event::Died { reason: FailureReason::RuntimeCrashed }).await;
            return true;
        };
        let count = evaluate.variations.len();
        let command = command::Command::Evaluate(evaluate).within(variation_timeout);
        // A runtime that does not even read must not hold its assignment for ever.
        let sent = tokio::time::timeout(variation_timeout, process.connection.send(&command)).await;
        if let Err(error) = sent.unwrap_or(Err(WireError::OutOfTurn("an assignment is not read"))) {
            self.bury(&error, FailureReason::RuntimeCrashed).await;
            return true;
        }
        let mut pace = Pace::new(count, Instant::now().into_std());
        let mut look = Instant::now();
        let mut deadline = look + variation_timeout;
        loop {
            let Some(process) = self.process.as_mut() else { return true };
            // All arms are cancel safe: the connection keeps what it read, the channel and the clock by their
            // documentation. The runtime comes first: an outcome that is there must not lose to the clock.
            let first = tokio::select! {
                biased;
                report = receive_from(look, &mut process.connection) => report,
                () = tokio::time::sleep_until(deadline) => {
                    let error = WireError::OutOfTurn("nothing within the time budget");
                    self.bury(&error, FailureReason::TimeLimit).await;
                    return true;
                }
                order = orders.recv() => match order {
                    Some(Order::Cancel) => {
                        let cancel = command::Command::Cancel(Cancel {}).within(Duration::ZERO);
                        if let Err(error) = process.connection.send(&cancel).await {
                            self.bury(&error, FailureReason::RuntimeCrashed).await;
                            return true;
                        }
                        continue;
                    }
                    Some(order) => {
                        tracing::error!(?order, "an order to a shard that is at work");
                        continue;
                    }
                    None => return false,
                },
            };
            let (outcomes, end) = gather(first, &mut process.connection, &mut pace);
            let now = Instant::now();
            deadline = now + variation_timeout;
            look = now + pace.patience(now.into_std()).min(variation_timeout / 2);
            if !outcomes.is_empty() {
                self.tell(Event::Outcomes(outcomes)).await;
            }
            match end {
                None => {}
                Some(Ok(report::Report::AssignmentDone(done))) => {
                    self.tell(Event::Done(done)).await;
                    return true;
                }
                Some(end) => {
                    let unasked = WireError::OutOfTurn("neither an outcome nor the end of the assignment");
                    self.bury(&end.err().unwrap_or(unasked), FailureReason::RuntimeCrashed).await;
                    return true;
                }
            }
        }
    }

    async fn collect(&mut self) {
        let Some(process) = self.process.as_mut() else { return };
        let command = command::Command::Collect(Collect {}).within(COLLECT_TIMEOUT);
        let collected = async {
            process.connection.send(&command).await?;
            match process.connection.receive::<Report>().await?.report {
                Some(report::Report::Collected(collected)) => Ok(collected),
                _ => Err(WireError::OutOfTurn("not the answer to collect")),
            }
        };
        let silent = WireError::OutOfTurn("no end of the collection");
        let result = tokio::time::timeout(COLLECT_TIMEOUT, collected).await.unwrap_or(Err(silent));
        match result {
            Ok(collected) => self.tell(Event::Collected(collected)).await,
            Err(error) => self.bury(&error, FailureReason::RuntimeCrashed).await,
        }
    }

    /// The one path out for a runtime that is no good: kill, reap, report.
    async fn bury(&mut self, error: &WireError, reason: FailureReason) {
        let Some(process) = self.process.take() else { return };
        let pid = process.pid();
        let Exit { status, cpu, rss_peak_bytes } = process.stop().await;
        // Its own backstop may have been faster than a server that is very busy.
        let reason = if status == ExitStatus::OUT_OF_TIME { FailureReason::TimeLimit } else { reason };
        tracing::warn!(
            shard = self.index, generation = self.generation, pid, ?status, ?cpu, rss_peak_bytes,
            reason = reason.as_str(), %error, "runtime lost"
        );
        self.tell(Event::Died { reason }).await;
    }

    async fn tell(&self, event: Event) {
        let message = Message { shard: self.index, generation: self.generation, event };
        // The driver is gone only when the server stops, and then nobody needs to know.
        let _ = self.events.send(message).await;
    }
}

/// The next report, but not from the socket before that moment. Cancel safe, as the connection keeps what it read.
async fn receive_from(look: Instant, connection: &mut Connection) -> Result<Report, WireError> {
    if let Some(report) = connection.received()? {
        return Ok(report);
    }
    if Instant::now() < look {
        connection.let_gather()?;
        tokio::time::sleep_until(look).await;
    }
    connection.receive().await
}

/// The outcomes that were read together, and what came behind them, if anything did.
fn gather(
    first: Result<Report, WireError>,
    connection: &mut Connection,
    pace: &mut Pace,
) -> (Vec<Outcome>, Option<Result<report::Report, WireError>>) {
    let mut outcomes = Vec::new();
    let mut next = first.map(Some);
    loop {
        match next {
            Ok(Some(Report { report: Some(report::Report::Outcome(outcome)) })) if !pace.is_over() => {
                pace.answered();
                outcomes.push(outcome);
            }
            Ok(Some(Report { report })) => {
                return (outcomes, Some(report.ok_or(WireError::OutOfTurn("an empty report"))));
            }
            Ok(None) => return (outcomes, None),
            Err(error) => return (outcomes, Some(Err(error))),
        }
        next = connection.received();
    }
}

#[cfg(test)]
mod tests;
