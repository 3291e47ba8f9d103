//! What happens: what an outcome means, what the end of a call, and what goes back when one breaks.

use std::{collections::BTreeSet, time::Duration};

use super::{Answer, Call, Endpoint, Exchange, GiveUp, Number, Order, Patience, State, Verdict};
use crate::client::{Summary, retry::Again};

impl<V, O> Exchange<V, O> {
    /// A pause is over, or a time of patience.
    pub(in crate::client) fn wake(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        if matches!(endpoint.state, State::Pausing) {
            endpoint.state = State::Idle;
        }
        if let Patience::Waiting(marks) = &mut endpoint.patience {
            endpoint.patience = Patience::Over(std::mem::take(marks));
        }
    }

    /// A call began.
    pub(in crate::client) fn header(&mut self, index: usize) {
        if let State::Calling(call) = &mut self.endpoints[index].state {
            call.is_ready = true;
        }
    }

    /// An outcome came. `Err`: of nothing that was sent.
    pub(in crate::client) fn outcome(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        self.count_reset(index, answer.shard);
        if self.counts_whole_calls() {
            self.outcome_of_whole(index, answer)
        } else {
            self.outcome_of_one(index, answer)
        }
    }

    fn outcome_of_one(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        let endpoint = &mut self.endpoints[index];
        let State::Calling(call) = &mut endpoint.state else { return Ok(()) };
        let number = call.numbers.remove(&answer.index).ok_or(())?;
        if answer.verdict == Verdict::Unavailable {
            // It drains, or has no runtimes: what it has comes back, and it is sent no more.
            call.is_leaving = true;
            if self.is_refused_for_good(number) {
                self.settle(number, answer);
            } else {
                self.release(number);
            }
            return Ok(());
        }
        endpoint.misses = 0;
        endpoint.answered += 1;
        // Another endpoint may have been first.
        if self.items.contains_key(&number) {
            self.settle(number, answer);
        }
        Ok(())
    }

    /// Hands the one outcome of a variation out.
    fn settle(&mut self, number: Number, answer: Answer<O>) {
        self.items.remove(&number);
        self.waiting.remove(&number);
        let is_good = matches!(answer.verdict, Verdict::Values(_));
        self.summary.succeeded += u64::from(is_good);
        self.summary.failed += u64::from(!is_good);
        self.summary.warned += u64::from(answer.is_warned);
        self.out.push(number, answer.outcome);
        self.out.settle(number);
    }

    fn outcome_of_whole(&mut self, index: usize, answer: Answer<O>) -> Result<(), ()> {
        let endpoint = &mut self.endpoints[index];
        let State::Calling(call) = &mut endpoint.state else { return Ok(()) };
        let number = match call.numbers.get(&answer.index) {
            Some(number) => *number,
            None if self.plan.is_sweep => answer.index,
            None => return Err(()),
        };
        endpoint.answered += 1;
        match answer.verdict {
            Verdict::Unavailable => {
                call.is_leaving = true;
                call.postponed.insert(number, answer.outcome);
            }
            Verdict::Values(scores) if self.out.is_reduced() => call.kept.push((number, scores, answer.outcome)),
            Verdict::Values(_) | Verdict::Failed => {
                if self.handed.insert(number) {
                    endpoint.misses = 0;
                    self.out.push(number, answer.outcome);
                }
                // What lies before it was left out, if the server keeps to the order.
                if self.plan.ordered {
                    let passed = call.passed..=answer.index;
                    if self.plan.is_sweep {
                        let all = passed.filter(|number| !call.postponed.contains_key(number));
                        all.for_each(|number| self.out.settle(number));
                    } else {
                        let all = call.numbers.range(passed).map(|(_, number)| *number);
                        let all = all.filter(|number| !call.postponed.contains_key(number));
                        all.for_each(|number| self.out.settle(number));
                    }
                    call.passed = answer.index + 1;
                }
            }
        }
        Ok(())
    }

    /// A call ended well, and that is what its server says of it.
    pub(in crate::client) fn ended(&mut self, index: usize, said: &Summary, chance: f64) -> Result<(), GiveUp> {
        if self.is_done() {
            self.endpoints[index].state = State::Idle;
            return Ok(());
        }
        let State::Calling(call) = &self.endpoints[index].state else { return Ok(()) };
        let is_short = !self.counts_whole_calls() && !call.numbers.is_empty();
        let is_refused = call.is_leaving;
        let again = self.plan.is_sweep && is_refused && self.endpoints[index].misses + 1 < self.policy.attempts;
        if is_short || again {
            return self.broken(index, Again::Later(None), chance);
        }
        let State::Calling(mut call) = std::mem::replace(&mut self.endpoints[index].state, State::Idle) else {
            return Ok(());
        };
        // What it had taken over and was not sent any more.
        for number in std::mem::take(&mut call.stolen) {
            self.release(number);
        }
        if self.counts_whole_calls() {
            self.take_in(call, said);
        }
        if is_refused && !self.is_done() {
            return self.miss(index, None, chance);
        }
        self.endpoints[index].misses = 0;
        Ok(())
    }

    /// Takes a call in that counts as a whole.
    fn take_in(&mut self, call: Call<O>, said: &Summary) {
        let Summary { succeeded, failed, warned, infeasible, .. } = said;
        self.summary.succeeded += succeeded;
        self.summary.failed += failed;
        self.summary.warned += warned;
        self.summary.infeasible += infeasible;
        self.summary.stopped_early |= said.stopped_early;
        self.summary.front_truncated |= said.front_truncated;
        let numbers: BTreeSet<Number> = call.numbers.into_values().collect();
        self.cancel_copies(&numbers);
        for (number, outcome) in call.postponed {
            if self.plan.is_sweep || self.is_refused_for_good(number) {
                if self.handed.insert(number) {
                    self.out.push(number, outcome);
                }
            } else {
                // It is counted when its turn comes.
                self.summary.failed = self.summary.failed.saturating_sub(1);
                self.release(number);
            }
        }
        for number in numbers.iter().filter(|number| !self.waiting.contains(number)) {
            self.items.remove(number);
            self.handed.remove(number);
            self.out.settle(*number);
        }
        for (number, scores, outcome) in call.kept {
            self.out.keep(number, scores, outcome);
        }
        if said.stopped_early || self.plan.is_sweep {
            self.ended = true;
        }
    }

    /// Gives up the calls that are about the same variations.
    fn cancel_copies(&mut self, numbers: &BTreeSet<Number>) {
        for index in 0..self.endpoints.len() {
            let State::Calling(call) = &self.endpoints[index].state else { continue };
            if call.held().next().is_some_and(|first| numbers.contains(&first)) {
                self.lose(index);
                self.orders.push_back(Order::Cancel(index));
            }
        }
    }

    /// A call broke, or could not be opened.
    pub(in crate::client) fn broken(&mut self, index: usize, again: Again, chance: f64) -> Result<(), GiveUp> {
        if self.is_done() {
            self.endpoints[index].state = State::Idle;
            return Ok(());
        }
        let State::Calling(call) = &self.endpoints[index].state else { return Ok(()) };
        self.summary.resumed += u64::from(call.is_ready);
        self.lose(index);
        match again {
            Again::Never => Err(GiveUp::Refused),
            Again::WithTheBuild => Ok(()),
            Again::Later(pushback) => self.miss(index, pushback, chance),
            Again::Elsewhere => {
                self.endpoints[index].misses += 1;
                self.endpoints[index].state = State::Out;
                self.check_exhausted()
            }
        }
    }

    /// What that endpoint's call has goes back.
    fn lose(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        endpoint.patience = Patience::None;
        if let State::Calling(call) = std::mem::replace(&mut endpoint.state, State::Idle) {
            call.numbers.into_values().chain(call.stolen).for_each(|number| self.release(number));
        }
    }

    /// One call less has that variation.
    fn release(&mut self, number: Number) {
        if let Some(item) = self.items.get_mut(&number) {
            item.holders = item.holders.saturating_sub(1);
            if item.holders == 0 {
                self.waiting.insert(number);
            }
        }
    }

    /// Leaves an endpoint alone for a while.
    fn miss(&mut self, index: usize, pushback: Option<Duration>, chance: f64) -> Result<(), GiveUp> {
        let endpoint = &mut self.endpoints[index];
        endpoint.misses += 1;
        endpoint.state = State::Pausing;
        endpoint.patience = Patience::None;
        self.orders.push_back(Order::Wake(index, self.policy.pause(endpoint.misses, pushback, chance)));
        self.check_exhausted()
    }

    /// As long as one endpoint has not been tried that often, there is hope.
    fn check_exhausted(&self) -> Result<(), GiveUp> {
        let is_hopeless =
            |endpoint: &Endpoint<O>| matches!(endpoint.state, State::Out) || endpoint.misses >= self.policy.attempts;
        if !self.endpoints.iter().all(is_hopeless) {
            return Ok(());
        }
        Err(GiveUp::Exhausted(self.endpoints.iter().map(|endpoint| endpoint.misses).max().unwrap_or(0)))
    }

    /// A server did not come to that variation. Whether it has been tried often enough.
    fn is_refused_for_good(&mut self, number: Number) -> bool {
        self.items.get_mut(&number).is_some_and(|item| {
            item.refusals += 1;
            item.refusals >= self.policy.attempts
        })
    }

    /// A reset is a step to a newer generation of a shard.
    fn count_reset(&mut self, index: usize, shard: Option<(u32, u64)>) {
        let Some((shard, generation)) = shard else { return };
        let newest = self.generations.entry((index, shard)).or_insert(generation);
        self.summary.resets += u64::from(generation > *newest);
        *newest = generation.max(*newest);
    }
}
