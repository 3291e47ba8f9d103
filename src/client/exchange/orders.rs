//! What to do next: which calls are opened, what is sent in them, when nothing more comes.

use std::collections::{BTreeMap, VecDeque};

use super::{AHEAD_FACTOR, Call, Endpoint, Exchange, Item, Number, Order, Patience, SHARE_MAX, SHARE_MIN, State};

impl<V, O> Exchange<V, O> {
    /// The next thing to be done; variations are taken from the source when there is room for them. `has_room` says
    /// whether something can be sent in an endpoint's call.
    pub(in crate::client) fn next_order(
        &mut self,
        source: &mut impl Iterator<Item = V>,
        has_room: impl Fn(usize) -> bool,
    ) -> Option<Order> {
        if self.is_done() {
            return self.next_farewell();
        }
        let order = self.orders.pop_front();
        let order = order.or_else(|| self.next_open(source)).or_else(|| self.next_send(source, has_room));
        if order.is_none() && self.is_done() {
            // The caller had no more, and nothing at all if this is the first that is known of it.
            return self.next_farewell();
        }
        order.or_else(|| self.next_half_close()).or_else(|| self.next_patience())
    }

    /// All is answered: calls that are through are ended well, the others given up.
    fn next_farewell(&mut self) -> Option<Order> {
        // Nobody has to be woken any more.
        while let Some(order) = self.orders.pop_front() {
            if matches!(order, Order::Cancel(_)) {
                return Some(order);
            }
        }
        let whole = self.counts_whole_calls();
        self.endpoints.iter_mut().enumerate().find_map(|(index, endpoint)| {
            let State::Calling(call) = &mut endpoint.state else { return None };
            if whole || !call.is_ready || !call.numbers.is_empty() {
                endpoint.state = State::Idle;
                return Some(Order::Cancel(index));
            }
            let is_first = !std::mem::replace(&mut call.is_half_closed, true);
            is_first.then_some(Order::HalfClose(index))
        })
    }

    /// Most variations that are left to be sent, as far as anybody knows.
    fn left(&self, source: &impl Iterator<Item = V>) -> usize {
        let more = if self.can_take() { source.size_hint().1.unwrap_or(usize::MAX) } else { 0 };
        self.waiting.len().saturating_add(more)
    }

    /// Whether a variation may be taken from the caller.
    pub(super) fn can_take(&self) -> bool {
        let share = if self.plan.reduction.is_some() { self.share(usize::MAX) } else { self.plan.in_flight_max };
        let ahead_max = AHEAD_FACTOR.saturating_mul(share).saturating_mul(self.endpoints.len());
        let ahead = self.out.ahead(self.taken);
        !self.exhausted && usize::try_from(ahead).is_ok_and(|ahead| ahead < ahead_max)
    }

    /// How many of so many variations go into a call that counts as a whole: the fewer are left, the fewer, so that all
    /// endpoints end at about the same time. Alone there is nobody to share with.
    fn share(&self, left: usize) -> usize {
        match self.endpoints.len() {
            1 => usize::MAX,
            endpoints => {
                let least = SHARE_MIN.min(left.div_ceil(endpoints)).max(1);
                (left / (2 * endpoints)).max(least).min(SHARE_MAX)
            }
        }
    }

    fn calls(&self) -> impl Iterator<Item = &Call<O>> {
        self.endpoints.iter().filter_map(|endpoint| match &endpoint.state {
            State::Calling(call) => Some(call),
            _ => None,
        })
    }

    fn next_open(&mut self, source: &mut impl Iterator<Item = V>) -> Option<Order> {
        let idle = |endpoint: &Endpoint<O>| matches!(endpoint.state, State::Idle);
        // Whoever failed least goes first.
        let by_misses = |index: &usize| self.endpoints[*index].misses;
        let index = (0..self.endpoints.len()).filter(|index| idle(&self.endpoints[*index])).min_by_key(by_misses)?;
        self.look_ahead(source);
        let (left, calls) = (self.left(source), self.calls().count());
        // Each of these will take something.
        let fresh = self.calls().filter(|call| call.sent == 0).count();
        let is_needed = if calls == 0 { !self.is_done() } else { !self.plan.is_sweep && left > fresh };
        if is_needed {
            return Some(self.open(index, self.share(left), VecDeque::new()));
        }
        let patient = |endpoint: &Endpoint<O>| idle(endpoint) && matches!(endpoint.patience, Patience::Over(_));
        let index = self.endpoints.iter().position(patient)?;
        if (left > 0 || self.taken == 0) && !self.plan.is_sweep {
            // The calls that should have taken it do not begin.
            return Some(self.open(index, self.share(left), VecDeque::new()));
        }
        let stolen = self.steal(index);
        (!stolen.is_empty()).then(|| self.open(index, stolen.len(), stolen))
    }

    /// Finds out whether there is anything to open another call for. The first one begins in any case, for its header.
    fn look_ahead(&mut self, source: &mut impl Iterator<Item = V>) {
        if self.taken > 0
            && self.waiting.is_empty()
            && self.can_take()
            && let Some(number) = self.take(source)
        {
            self.waiting.insert(number);
        }
    }

    /// Takes a variation from the caller; no call has it yet.
    fn take(&mut self, source: &mut impl Iterator<Item = V>) -> Option<Number> {
        let Some(variation) = source.next() else {
            self.exhausted = true;
            return None;
        };
        let number = self.taken;
        self.taken += 1;
        self.items.insert(number, Item { variation, holders: 0, refusals: 0 });
        Some(number)
    }

    fn open(&mut self, index: usize, quota: usize, stolen: VecDeque<Number>) -> Order {
        self.endpoints[index].patience = Patience::None;
        self.endpoints[index].state = State::Calling(Call {
            is_ready: false,
            is_half_closed: false,
            is_leaving: false,
            is_copy: !stolen.is_empty() && self.counts_whole_calls(),
            stolen,
            quota,
            sent: 0,
            last: None,
            numbers: BTreeMap::new(),
            passed: 0,
            postponed: BTreeMap::new(),
            kept: Vec::new(),
        });
        Order::Open(index)
    }

    fn next_send(&mut self, source: &mut impl Iterator<Item = V>, has_room: impl Fn(usize) -> bool) -> Option<Order> {
        let patient = |endpoint: &Endpoint<O>| {
            matches!((&endpoint.state, &endpoint.patience), (State::Calling(_), Patience::Over(_)))
        };
        if let Some(index) = self.endpoints.iter().position(patient) {
            let stolen = self.steal(index);
            if let State::Calling(call) = &mut self.endpoints[index].state {
                call.stolen = stolen;
            }
        }
        // Whoever has least in hand goes first.
        let in_flight_max = self.in_flight_max(source);
        let whole = self.counts_whole_calls();
        let is_open = |index: &usize| match &self.endpoints[*index].state {
            State::Calling(call) if call.is_ready && !call.is_half_closed && !call.is_leaving => {
                // What is taken over is nobody else's part.
                let most = if call.stolen.is_empty() { in_flight_max } else { self.plan.in_flight_max };
                let room = if whole { call.sent < call.quota as u64 } else { call.numbers.len() < most };
                room && has_room(*index)
            }
            _ => false,
        };
        let in_hand = |index: &usize| match &self.endpoints[*index].state {
            State::Calling(call) => call.numbers.len(),
            _ => 0,
        };
        let mut open: Vec<usize> = (0..self.endpoints.len()).filter(is_open).collect();
        open.sort_by_key(in_hand);
        open.into_iter().find_map(|index| {
            let number = self.pick(index, source)?;
            let endpoint = &mut self.endpoints[index];
            endpoint.patience = Patience::None;
            let State::Calling(call) = &mut endpoint.state else { return None };
            call.numbers.insert(call.sent, number);
            call.sent += 1;
            call.last = call.last.max(Some(number));
            Some(Order::Send(index, number))
        })
    }

    /// How many variations an endpoint may have in hand: no more than its part of what is left, so that the first one
    /// to be ready does not get all of it.
    fn in_flight_max(&self, source: &impl Iterator<Item = V>) -> usize {
        if self.endpoints.len() == 1 {
            return self.plan.in_flight_max;
        }
        let more = if self.exhausted { 0 } else { source.size_hint().1.unwrap_or(usize::MAX) };
        let is_working = |endpoint: &&Endpoint<O>| matches!(endpoint.state, State::Idle | State::Calling(_));
        let working = self.endpoints.iter().filter(is_working).count();
        let share = self.items.len().saturating_add(more).div_ceil(working.max(1));
        self.plan.in_flight_max.min(share.max(1))
    }

    /// The next number for that endpoint's call.
    fn pick(&mut self, index: usize, source: &mut impl Iterator<Item = V>) -> Option<Number> {
        let whole = self.counts_whole_calls();
        let State::Calling(call) = &mut self.endpoints[index].state else { return None };
        while let Some(number) = call.stolen.pop_front() {
            // It may have been answered meanwhile.
            if self.items.contains_key(&number) {
                return Some(number);
            }
        }
        if call.is_copy {
            return None;
        }
        let from = if whole { call.last.map_or(0, |last| last + 1) } else { 0 };
        let number = match self.waiting.range(from..).next().copied() {
            Some(number) => number,
            None if self.can_take() => self.take(source)?,
            None => return None,
        };
        self.waiting.remove(&number);
        if let Some(item) = self.items.get_mut(&number) {
            item.holders += 1;
        }
        Some(number)
    }

    fn next_half_close(&mut self) -> Option<Order> {
        let (whole, alone) = (self.counts_whole_calls(), self.endpoints.len() == 1);
        let can_take = self.can_take();
        let (exhausted, waiting) = (self.exhausted, &self.waiting);
        self.endpoints.iter_mut().enumerate().find_map(|(index, endpoint)| {
            let State::Calling(call) = &mut endpoint.state else { return None };
            if !call.is_ready || call.is_half_closed || self.plan.is_sweep {
                return None;
            }
            let from = if whole { call.last.map_or(0, |last| last + 1) } else { 0 };
            let has_more = can_take || waiting.range(from..).next().is_some();
            let is_through = if whole {
                let is_full = call.sent >= call.quota as u64;
                // What waits has lower numbers, which must not come behind higher ones.
                is_full || (call.stolen.is_empty() && (call.is_copy || (!has_more && (exhausted || call.sent > 0))))
            } else {
                // With several endpoints there may be something to take over later.
                alone && exhausted && waiting.is_empty()
            };
            call.is_half_closed = is_through || call.is_leaving;
            call.is_half_closed.then_some(Order::HalfClose(index))
        })
    }
}
