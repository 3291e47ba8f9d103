//! Tests of the decisions: a bench drives [`Dispatch`] by hand, with a clock of its own.

use super::{
    cost::ASSIGNMENT,
    shard::{CANARY_INTERVAL, CRASHES_MAX, CRASHES_WINDOW, QUARANTINE},
    *,
};
use crate::build::base::BaseId;

struct Bench {
    dispatch: Dispatch,
    now: Instant,
}

const EDITION: EditionId = EditionId(1);

fn base(name: &str) -> BaseKey {
    BaseKey { edition: EDITION, id: BaseId::of("test", name) }
}

impl Bench {
    fn new(shards: usize) -> Self {
        let now = Instant::now();
        Self { dispatch: Dispatch::new(shards, now), now }
    }

    fn session(&mut self, id: SessionId, on: &str, items: std::ops::Range<ItemId>) {
        self.dispatch.open_session(id, base(on), Priority::Batch);
        assert!(self.dispatch.submit(id, items));
    }

    fn plan(&mut self) -> Vec<Action> {
        self.dispatch.plan(self.now)
    }

    /// Plans, and lets every fork arrive, until nothing but assignments comes; returns them by shard.
    #[track_caller]
    fn settle(&mut self) -> Vec<(usize, SessionId, Vec<ItemId>, bool)> {
        let mut assigned = Vec::new();
        for _ in 0..16 {
            let actions = self.plan();
            if actions.is_empty() {
                return assigned;
            }
            for action in actions {
                match action {
                    Action::Fork { shard, generation, .. } => self.dispatch.shard_ready(shard, generation, self.now),
                    Action::Assign { shard, session, items, plain, .. } => {
                        assigned.push((shard, session, items, plain));
                    }
                    other => panic!("nothing else is planned here: {other:?}"),
                }
            }
        }
        panic!("the plan does not settle");
    }

    /// The same, and of what it assigns the sessions, in order.
    fn settled_sessions(&mut self) -> Vec<SessionId> {
        let mut sessions: Vec<_> = self.settle().iter().map(|(_, session, _, _)| *session).collect();
        sessions.sort_unstable();
        sessions
    }

    fn generation(&self, shard: usize) -> u64 {
        self.dispatch.shard(shard).unwrap().1
    }

    /// The shard answers all that it has in hand, each at that cost.
    fn finish(&mut self, shard: usize, cost: f64) -> Vec<ItemId> {
        let generation = self.generation(shard);
        let took = Took { seconds: cost, computed: true };
        let mut done = Vec::new();
        while let Some(item) = self.dispatch.item_done(shard, generation, Some(took)) {
            done.push(item);
        }
        assert_eq!(self.dispatch.assignment_done(shard, generation, Verdict::Keep, self.now), []);
        done
    }

    fn die(&mut self, shard: usize, reason: FailureReason) -> Vec<Action> {
        let generation = self.generation(shard);
        self.dispatch.shard_died(shard, generation, reason, self.now)
    }
}

#[test]
fn every_variation_is_assigned_exactly_once() {
    let mut bench = Bench::new(3);
    bench.session(1, "a", 0..100);
    bench.session(2, "b", 100..150);
    let mut seen = Vec::new();
    for _ in 0..200 {
        let assigned = bench.settle();
        if assigned.is_empty() {
            break;
        }
        for (shard, _, items, _) in assigned {
            assert_eq!(bench.finish(shard, 0.01), items);
            seen.extend(items);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..150).collect::<Vec<_>>());
    assert_eq!(bench.dispatch.queued(), 0);
}

#[test]
fn an_assignment_is_sized_by_the_measured_cost() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_cost(base("a"), ASSIGNMENT.as_secs_f64() / 8.0);
    bench.session(1, "a", 0..100);
    assert_eq!(bench.settle()[0].2.len(), 8);
}

#[test]
fn the_last_variations_are_spread_over_the_shards() {
    let mut bench = Bench::new(2);
    bench.dispatch.set_cost(base("a"), 0.001);
    bench.session(1, "a", 0..10);
    let sizes: Vec<_> = bench.settle().iter().map(|(_, _, items, _)| items.len()).collect();
    assert_eq!(sizes, [5, 3]);
}

#[test]
fn one_variation_needs_one_fork() {
    let mut bench = Bench::new(4);
    bench.session(1, "a", 0..1);
    assert_eq!(bench.plan().len(), 1);
    assert!(bench.plan().is_empty());
}

#[test]
fn a_runtime_that_waits_goes_before_a_shard_without_one() {
    let mut bench = Bench::new(2);
    bench.session(1, "a", 0..2);
    assert_eq!(bench.settle().len(), 2);
    bench.finish(1, 0.01);
    bench.die(0, FailureReason::TimeLimit);
    bench.dispatch.submit(1, [7]);
    let assigned = bench.settle();
    assert_eq!(assigned.len(), 1);
    assert_eq!(assigned[0].0, 1, "shard 1 has a runtime, shard 0 has none");
}

#[test]
fn sessions_of_one_base_take_turns() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_cost(base("a"), ASSIGNMENT.as_secs_f64());
    bench.session(1, "a", 0..3);
    bench.session(2, "a", 10..13);
    let mut turns = Vec::new();
    for _ in 0..6 {
        let (shard, session, _, _) = bench.settle().remove(0);
        bench.finish(shard, ASSIGNMENT.as_secs_f64());
        turns.push(session);
    }
    assert_eq!(turns, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn interactive_variations_go_first() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..100);
    let (shard, _, _, _) = bench.settle().remove(0);
    bench.dispatch.open_session(2, base("a"), Priority::Interactive);
    bench.dispatch.submit(2, [500]);
    bench.finish(shard, 0.01);
    assert_eq!(bench.settle()[0].2, [500]);
}

#[test]
fn two_bases_share_two_shards() {
    let mut bench = Bench::new(2);
    bench.session(1, "a", 0..100);
    bench.session(2, "b", 100..200);
    assert_eq!(bench.settled_sessions(), [1, 2]);
}

#[test]
fn a_base_that_warms_up_leaves_a_processor_to_that() {
    let mut bench = Bench::new(2);
    bench.dispatch.set_warming_up(base("a"), true);
    bench.session(1, "a", 0..100);
    assert_eq!(bench.settle().len(), 1);
    bench.dispatch.set_warming_up(base("a"), false);
    assert_eq!(bench.settle().len(), 1, "the other one");
}

#[test]
fn a_base_that_warms_up_keeps_nobody_else_from_the_other_shards() {
    let mut bench = Bench::new(2);
    bench.dispatch.set_warming_up(base("a"), true);
    bench.session(1, "b", 100..200);
    bench.dispatch.open_session(2, base("a"), Priority::Interactive);
    bench.dispatch.submit(2, 0..100);
    assert_eq!(bench.settled_sessions(), [1, 2]);
}

#[test]
fn a_single_shard_serves_a_base_that_warms_up() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_warming_up(base("a"), true);
    bench.session(1, "a", 0..2);
    assert_eq!(bench.settle().len(), 1);
}

#[test]
fn what_waits_goes_the_plain_path_too_when_the_fast_one_is_not_to_be_trusted() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.dispatch.set_plain_only(base("a"));
    assert_eq!(bench.dispatch.queued(), 2);
    let (_, _, items, plain) = bench.settle().remove(0);
    assert!(plain && items == [0]);
}

#[test]
fn a_single_shard_changes_base_only_now_and_then_but_it_does() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_cost(base("a"), 0.05);
    bench.dispatch.set_cost(base("b"), 0.05);
    bench.session(1, "a", 0..1000);
    bench.session(2, "b", 1000..2000);
    let mut turns = Vec::new();
    for _ in 0..40 {
        let (shard, session, _, _) = bench.settle().remove(0);
        bench.now += ASSIGNMENT;
        bench.finish(shard, 0.05);
        turns.push(session);
    }
    let changes = turns.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(turns.contains(&1) && turns.contains(&2));
    assert!((4..20).contains(&changes), "{changes} changes in {turns:?}");
}

#[test]
fn a_crash_costs_the_one_behind_it_nothing_and_the_culprit_one_more_try() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..4);
    let assigned = bench.settle();
    assert_eq!(assigned[0].2, [0, 1, 2, 3]);
    let generation = bench.generation(0);
    bench.dispatch.item_done(0, generation, None);
    assert_eq!(bench.die(0, FailureReason::RuntimeCrashed), []);
    assert_eq!(bench.settle()[0].2, [1, 2, 3], "in the old order");
    let failed = bench.die(0, FailureReason::RuntimeCrashed);
    assert_eq!(failed, [Action::Fail { item: 1, reason: FailureReason::RuntimeCrashed }]);
    assert_eq!(bench.settle()[0].2, [2, 3]);
}

#[test]
fn a_crash_of_another_variation_is_not_held_against_those_that_waited_behind() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.settle();
    bench.die(0, FailureReason::RuntimeCrashed);
    bench.settle();
    bench.die(0, FailureReason::RuntimeCrashed);
    bench.settle();
    assert_eq!(bench.die(0, FailureReason::RuntimeCrashed), [], "variation 1 was at work for the first time");
}

#[test]
fn a_timeout_is_not_tried_again() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.settle();
    let failed = bench.die(0, FailureReason::TimeLimit);
    assert_eq!(failed, [Action::Fail { item: 0, reason: FailureReason::TimeLimit }]);
    assert_eq!(bench.settle()[0].2, [1]);
}

#[test]
fn what_a_dead_generation_says_is_ignored() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.settle();
    let old = bench.generation(0);
    bench.die(0, FailureReason::TimeLimit);
    bench.settle();
    assert_eq!(bench.dispatch.item_done(0, old, None), None);
    assert_eq!(bench.dispatch.shard_died(0, old, FailureReason::RuntimeCrashed, bench.now), []);
    assert!(bench.dispatch.shard(0).unwrap().0.is_busy());
}

#[test]
fn a_variation_that_needs_the_plain_path_goes_alone_to_a_fork_of_the_zygote() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.settle();
    let generation = bench.generation(0);
    assert_eq!(bench.dispatch.needs_plain(0, generation), None);
    bench.finish(0, 0.01);
    let actions = bench.plan();
    assert!(matches!(actions[..], [Action::Fork { source: Source::Zygote(EDITION), .. }]), "{actions:?}");
    bench.dispatch.shard_ready(0, bench.generation(0), bench.now);
    assert_eq!(bench.settle(), [(0, 1, vec![0], true)]);
}

#[test]
fn a_spent_runtime_is_forked_again_before_it_does_more() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..1);
    bench.settle();
    let generation = bench.generation(0);
    bench.dispatch.item_done(0, generation, None);
    bench.dispatch.assignment_done(0, generation, Verdict::Reset, bench.now);
    bench.dispatch.submit(1, [1]);
    let actions = bench.plan();
    assert!(matches!(actions[..], [Action::Fork { generation: 2, .. }]), "{actions:?}");
}

#[test]
fn a_fork_that_fails_is_tried_again_after_longer_and_longer_pauses() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..1);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        assert_eq!(bench.plan().len(), 1);
        bench.dispatch.fork_failed(0, bench.generation(0), bench.now);
        assert!(bench.plan().is_empty());
        let wake = bench.dispatch.wake_at().unwrap();
        pauses.push(wake - bench.now);
        bench.now = wake;
    }
    assert_eq!(pauses[0], PAUSE);
    assert_eq!(pauses[1], PAUSE * 2);
    assert_eq!(pauses[9], PAUSE_MAX);
}

#[test]
fn a_closed_session_gives_back_what_it_had_queued_and_gets_no_more_time() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_cost(base("a"), ASSIGNMENT.as_secs_f64());
    bench.session(1, "a", 0..3);
    bench.settle();
    let (queued, actions) = bench.dispatch.close_session(1);
    assert_eq!(queued, [1, 2]);
    assert_eq!(actions, [Action::Cancel { shard: 0 }]);
    assert_eq!(bench.dispatch.queued(), 0);
    assert!(!bench.dispatch.submit(1, [9]));
    bench.finish(0, 0.01);
    assert!(bench.plan().is_empty());
}

#[test]
fn a_runtime_that_dies_for_a_closed_session_leaves_nothing_behind() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.settle();
    bench.dispatch.close_session(1);
    let failed = bench.die(0, FailureReason::RuntimeCrashed);
    let cancelled = |item| Action::Fail { item, reason: FailureReason::Cancelled };
    assert_eq!(failed, [cancelled(1), cancelled(0)]);
    assert_eq!(bench.dispatch.queued(), 0);
}

#[test]
fn the_queue_of_a_lost_base_is_given_back_and_other_bases_go_on() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..2);
    bench.session(2, "b", 2..4);
    assert_eq!(bench.dispatch.drop_base(base("a")), [0, 1]);
    assert_eq!(bench.settle()[0].1, 2);
}

#[test]
fn what_an_assignment_left_untouched_goes_back_to_the_head_of_the_queue() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..4);
    bench.settle();
    let generation = bench.generation(0);
    bench.dispatch.item_done(0, generation, None);
    assert_eq!(bench.dispatch.assignment_done(0, generation, Verdict::Reset, bench.now), []);
    assert_eq!(bench.settle()[0].2, [1, 2, 3]);
}

#[test]
fn a_shard_whose_runtimes_keep_crashing_rests_for_longer_and_longer_times() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..100);
    let mut rests = Vec::new();
    for _ in 0..4 {
        for _ in 0..CRASHES_MAX {
            assert!(!bench.settle().is_empty());
            bench.die(0, FailureReason::RuntimeCrashed);
        }
        assert!(bench.plan().is_empty(), "nothing is forked for a shard in quarantine");
        assert_eq!(bench.dispatch.quarantined(bench.now), 1);
        let wake = bench.dispatch.wake_at().unwrap();
        rests.push(wake - bench.now);
        bench.now = wake;
        assert_eq!(bench.dispatch.quarantined(bench.now), 0);
    }
    assert_eq!(rests, [QUARANTINE, QUARANTINE * 2, QUARANTINE * 4, QUARANTINE * 8]);
}

#[test]
fn crashes_far_apart_and_timeouts_do_not_add_up_to_a_quarantine() {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..100);
    for _ in 0..20 {
        assert!(!bench.settle().is_empty());
        bench.die(0, FailureReason::TimeLimit);
    }
    for _ in 0..20 {
        assert!(!bench.settle().is_empty());
        bench.die(0, FailureReason::RuntimeCrashed);
        bench.now += CRASHES_WINDOW / 4;
    }
    assert_eq!(bench.dispatch.quarantined(bench.now), 0);
}

fn care(actions: &[Action]) -> Vec<Care> {
    let care = |action: &Action| if let Action::Care { care, .. } = action { Some(*care) } else { None };
    actions.iter().filter_map(care).collect()
}

/// A shard that has finished one assignment with that verdict.
fn finished(verdict: Verdict) -> Bench {
    let mut bench = Bench::new(1);
    bench.session(1, "a", 0..1);
    bench.settle();
    let generation = bench.generation(0);
    bench.dispatch.item_done(0, generation, None);
    bench.dispatch.assignment_done(0, generation, verdict, bench.now);
    bench
}

#[test]
fn a_runtime_that_grew_is_collected_when_it_has_been_idle_for_a_while() {
    let mut bench = finished(Verdict::Grown);
    assert_eq!(bench.plan(), []);
    bench.now = bench.dispatch.wake_at().unwrap();
    assert_eq!(care(&bench.plan()), [Care::Collect]);
    assert_eq!(bench.plan(), [], "once");
    bench.dispatch.submit(1, [5]);
    assert_eq!(bench.plan(), [], "a runtime that collects takes no work");
    bench.dispatch.care_done(0, bench.generation(0), Verdict::Keep, bench.now);
    assert_eq!(bench.settle()[0].2, [5]);
}

#[test]
fn a_runtime_that_must_be_collected_is_so_before_it_gets_more_work() {
    let mut bench = finished(Verdict::Collect);
    bench.dispatch.submit(1, [5]);
    let actions = bench.plan();
    assert_eq!(care(&actions), [Care::Collect]);
    assert_eq!(actions.len(), 1);
}

#[test]
fn an_idle_runtime_proves_itself_now_and_then() {
    let mut bench = finished(Verdict::Keep);
    for _ in 0..3 {
        assert_eq!(bench.plan(), []);
        assert_eq!(bench.dispatch.wake_at(), Some(bench.now + CANARY_INTERVAL));
        bench.now += CANARY_INTERVAL;
        assert_eq!(care(&bench.plan()), [Care::Canary]);
        bench.dispatch.care_done(0, bench.generation(0), Verdict::Keep, bench.now);
    }
}

#[test]
fn a_base_that_the_fast_path_cannot_be_trusted_with_goes_the_plain_path() {
    let mut bench = Bench::new(1);
    bench.dispatch.set_plain_only(base("a"));
    bench.session(1, "a", 0..1);
    assert_eq!(bench.settle(), [(0, 1, vec![0], true)]);
}

#[test]
fn a_source_with_nothing_to_fork_from_holds_up_no_other_and_is_tried_again() {
    let mut bench = Bench::new(1);
    bench.session(1, "broken", 0..10);
    bench.session(2, "sound", 10..14);
    // Whatever is planned for the broken one finds nothing; the sound one gets its runtime meanwhile.
    let mut seen = Vec::new();
    for _ in 0..32 {
        for action in bench.plan() {
            match action {
                Action::Fork { shard, source, generation } if source == Source::Template(base("broken")) => {
                    bench.dispatch.source_missing(shard, generation, bench.now);
                }
                Action::Fork { shard, generation, .. } => bench.dispatch.shard_ready(shard, generation, bench.now),
                Action::Assign { shard, .. } => seen.extend(bench.finish(shard, 0.001)),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(seen, [10, 11, 12, 13]);
    assert_eq!(bench.dispatch.queued(), 10, "nothing of the broken one is lost");

    let again = bench.dispatch.wake_at().expect("it is tried again");
    assert!(again > bench.now);
    bench.now = again;
    let actions = bench.plan();
    assert!(
        matches!(actions[..], [Action::Fork { source: Source::Template(found), .. }] if found == base("broken")),
        "{actions:?}"
    );
    let Action::Fork { shard, generation, .. } = actions[0] else { panic!() };
    bench.dispatch.shard_ready(shard, generation, bench.now);
    assert_eq!(bench.settle().len(), 1, "it is back");
}

#[test]
fn a_source_that_stays_away_is_tried_more_and_more_rarely_and_never_in_a_loop() {
    let mut bench = Bench::new(1);
    bench.session(1, "broken", 0..1);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let actions = bench.plan();
        let [Action::Fork { shard, generation, .. }] = actions[..] else { panic!("{actions:?}") };
        bench.dispatch.source_missing(shard, generation, bench.now);
        assert_eq!(bench.plan(), [], "not before its time");
        let again = bench.dispatch.wake_at().unwrap();
        pauses.push(again - bench.now);
        bench.now = again;
    }
    assert!(pauses.is_sorted());
    assert_eq!((pauses[0], pauses[9]), (PAUSE, PAUSE_MAX));
}
