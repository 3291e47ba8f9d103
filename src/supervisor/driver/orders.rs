//! Carries out what `dispatch` decides: gives the orders to the shards.

use std::time::{Duration, Instant};

use super::{
    super::{
        dispatch::{Action, Care, ItemId, SessionId, Source},
        shard::Order,
    },
    Driver,
};
use crate::{build::outcome::Selection, proto::runtime::Evaluate};

/// Time budget of a variation that goes the plain path: a whole build is loaded.
const PLAIN_TIMEOUT_MIN: Duration = Duration::from_secs(30);

/// Variations that a runtime computes before it compares its base: often enough to notice, and half a per cent of the time.
const CHECK_EVERY: u32 = 200;

impl Driver {
    pub(super) fn carry_out_all(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.carry_out(action);
        }
    }

    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::Care { shard, care: Care::Collect, .. } => self.shards[shard].shard.order(Order::Collect),
            Action::Care { shard, generation, care: Care::Canary } => self.send_canary(shard, generation),
            Action::Cancel { shard } => self.shards[shard].shard.order(Order::Cancel),
            Action::Fork { shard, source, generation } => self.fork(shard, source, generation),
            Action::Assign { shard, generation, session, items, plain } => {
                self.assign(shard, generation, session, &items, plain);
            }
            Action::Fail { item, reason } => self.fail(item, reason),
        }
    }

    pub(super) fn fork(&mut self, shard: usize, source: Source, generation: u64) {
        let from = match source {
            Source::Zygote(edition) => self.living_zygote(edition),
            Source::Template(base) => self.living_template(base),
        };
        match from {
            Some(from) => {
                let slot = &mut self.shards[shard];
                slot.cold = self.dispatch.is_warming_up(source);
                slot.ordered = Some(Instant::now());
                // The runtime before is stopped first, whatever becomes of the fork: nobody is to be pointed to it.
                slot.pid = None;
                slot.shard.order(Order::Fork { from, generation });
            }
            None => self.dispatch.source_missing(shard, generation, Instant::now()),
        }
    }

    pub(super) fn assign(&mut self, shard: usize, generation: u64, session: SessionId, items: &[ItemId], plain: bool) {
        // Whatever is missing here, the runtime's time is not: it answers an empty assignment at once.
        let mut evaluate = Evaluate { plain, ..Evaluate::default() };
        let mut variation_timeout = self.settings.variation_timeout;
        if let Some(spec) = self.sessions.get(&session) {
            let text = |item: &ItemId| self.items.get(item).map_or_else(bytes::Bytes::new, |item| item.text.clone());
            evaluate.variations = items.iter().map(text).collect();
            evaluate.strict = spec.strict;
            evaluate.check_every = CHECK_EVERY;
            if let Some(entry) = self.bases.get(&spec.base.key()) {
                evaluate.heap_mark_bytes = self.settings.memory.hard_for(entry.heap_bytes);
            }
            evaluate.request_id = spec.request_id.to_string();
            if let Selection::Named(names) = &spec.selection {
                evaluate.stats = names.to_vec();
            }
            if let Some(asked) = spec.variation_timeout {
                variation_timeout = variation_timeout.min(asked);
            }
            if let Some(entry) = self.bases.get(&spec.base.key()).filter(|_| plain) {
                evaluate.base_xml = entry.base.xml.to_string();
                evaluate.hints = entry.hints.clone();
                // Without a selection the outcome is aligned with the base, which this runtime has never seen.
                if spec.selection == Selection::All {
                    evaluate.stats = entry.base.stats.iter().map(|(name, _)| name.to_string()).collect();
                    evaluate.with_others = true;
                }
                variation_timeout = variation_timeout.max(PLAIN_TIMEOUT_MIN);
            }
        }
        tracing::trace!(shard, generation, session, variations = items.len(), plain, "assign");
        let now = Some(Instant::now());
        (self.shards[shard].started, self.shards[shard].busy_since) = (now, now);
        self.shards[shard].shard.order(Order::Assign { evaluate, variation_timeout });
    }

    /// The empty variation: an idle runtime has to give the base.
    pub(super) fn send_canary(&mut self, shard: usize, generation: u64) {
        tracing::trace!(shard, generation, "canary");
        self.counters.canaries += 1;
        let variations = vec![bytes::Bytes::from_static(b"{}")];
        let evaluate = Evaluate { variations, check_every: 1, ..Evaluate::default() };
        let variation_timeout = self.settings.variation_timeout;
        self.shards[shard].shard.order(Order::Assign { evaluate, variation_timeout });
    }
}
