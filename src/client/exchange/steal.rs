//! Taking over what another endpoint is slow with: who may, from whom, and how much.

use std::collections::VecDeque;

use super::{Call, Exchange, Number, Order, Patience, STEAL_PATIENCE, State};

impl<V, O> Exchange<V, O> {
    pub(super) fn next_patience(&mut self) -> Option<Order> {
        if self.plan.is_sweep {
            return None;
        }
        let whole = self.counts_whole_calls();
        let is_something_left = self.can_take() || !self.waiting.is_empty();
        let may_help = |index: &usize| match &self.endpoints[*index].state {
            State::Idle => is_something_left || self.victim(*index).is_some(),
            State::Calling(call) => {
                let is_open = call.is_ready && !call.is_half_closed && !call.is_leaving;
                !whole && is_open && call.numbers.is_empty() && self.victim(*index).is_some()
            }
            State::Pausing | State::Out => false,
        };
        let is_new = |index: &usize| matches!(self.endpoints[*index].patience, Patience::None);
        let index = (0..self.endpoints.len()).find(|index| is_new(index) && may_help(index))?;
        let marks = self.endpoints.iter().map(|endpoint| endpoint.answered).collect();
        self.endpoints[index].patience = Patience::Waiting(marks);
        Some(Order::Wake(index, STEAL_PATIENCE))
    }

    /// The endpoint that has most of what nobody else has, and how much that is.
    fn victim(&self, thief: usize) -> Option<(usize, usize)> {
        let whole = self.counts_whole_calls();
        let alone = |call: &Call<O>| call.held().filter(|number| self.is_held_once(*number)).count();
        let loads = self.endpoints.iter().enumerate().filter_map(|(index, endpoint)| match &endpoint.state {
            // A call that counts as a whole can be taken over when it is known what is in it.
            State::Calling(call) if index != thief && (!whole || call.is_half_closed || call.is_copy) => {
                Some((index, alone(call)))
            }
            _ => None,
        });
        loads.filter(|(_, load)| *load > 0).max_by_key(|(_, load)| *load)
    }

    fn is_held_once(&self, number: Number) -> bool {
        self.items.get(&number).is_some_and(|item| item.holders == 1)
    }

    /// Takes over what another endpoint has not answered. Nothing, if that has changed meanwhile.
    pub(super) fn steal(&mut self, thief: usize) -> VecDeque<Number> {
        let patience = std::mem::replace(&mut self.endpoints[thief].patience, Patience::None);
        let (Patience::Over(marks), Some((victim, load))) = (patience, self.victim(thief)) else {
            return VecDeque::new();
        };
        let endpoint = &self.endpoints[victim];
        let State::Calling(call) = &endpoint.state else { return VecDeque::new() };
        let numbers: VecDeque<Number> = if self.counts_whole_calls() {
            call.held().collect()
        } else {
            let is_stuck = marks.get(victim) == Some(&endpoint.answered);
            let most = if is_stuck { load } else { load.div_ceil(2) }.min(self.plan.in_flight_max);
            // From the end: the other one works from the start.
            let mut held: Vec<Number> = call.held().filter(|number| self.is_held_once(*number)).collect();
            held.reverse();
            held.into_iter().take(most).collect()
        };
        for number in &numbers {
            if let Some(item) = self.items.get_mut(number) {
                item.holders += 1;
            }
        }
        self.summary.stolen += numbers.len() as u64;
        numbers
    }
}
