//! Decisions, one at a time. Variations are numbers, and an outcome is the name of who gave it.

use super::*;

const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(1),
    longest_pushback: Duration::from_secs(60),
};

struct Bench {
    exchange: Exchange<u32, &'static str>,
    source: std::ops::Range<u32>,
}

fn bench(endpoints: usize, variations: u32) -> Bench {
    with(Plan { ordered: false, in_flight_max: 4, is_sweep: false, reduction: None }, endpoints, variations)
}

fn with(plan: Plan, endpoints: usize, variations: u32) -> Bench {
    Bench { exchange: Exchange::new(plan, POLICY, endpoints), source: 0..variations }
}

impl Bench {
    fn orders(&mut self) -> Vec<Order> {
        std::iter::from_fn(|| self.exchange.next_order(&mut self.source, |_| true)).collect()
    }

    /// The numbers that are sent now, with who gets them.
    fn sent(&mut self) -> Vec<(usize, Number)> {
        let sent = |order| match order {
            Order::Send(endpoint, number) => Some((endpoint, number)),
            _ => None,
        };
        self.orders().into_iter().filter_map(sent).collect()
    }

    /// Opens all calls, and lets them begin.
    fn begin(&mut self) {
        for order in self.orders() {
            if let Order::Open(endpoint) = order {
                self.exchange.header(endpoint);
            }
        }
    }

    fn answer(&mut self, endpoint: usize, index: u64) {
        self.comes(endpoint, index, Verdict::Values(Vec::new())).unwrap();
    }

    fn comes(&mut self, endpoint: usize, index: u64, verdict: Verdict) -> Result<(), ()> {
        let outcome = ["first", "second", "third"][endpoint];
        self.exchange.outcome(endpoint, Answer { index, verdict, is_warned: false, shard: None, outcome })
    }

    fn breaks(&mut self, endpoint: usize) -> Result<(), GiveUp> {
        self.exchange.broken(endpoint, Again::Later(None), 1.0)
    }

    fn ready(&mut self) -> Vec<(Number, &'static str)> {
        std::iter::from_fn(|| self.exchange.next_ready()).collect()
    }
}

fn pause(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn alone_it_sends_as_many_ahead_as_may_be_and_another_for_each_outcome() {
    let mut bench = bench(1, 6);
    assert_eq!(bench.orders(), [Order::Open(0)], "nothing is sent before the server has begun");
    bench.exchange.header(0);
    assert_eq!(bench.sent(), [(0, 0), (0, 1), (0, 2), (0, 3)]);
    bench.answer(0, 2);
    assert_eq!(bench.orders(), [Order::Send(0, 4)]);
    bench.answer(0, 0);
    bench.answer(0, 1);
    assert_eq!(bench.orders(), [Order::Send(0, 5), Order::HalfClose(0)], "there is no more");
    assert_eq!(bench.ready(), [(2, "first"), (0, "first"), (1, "first")]);
    (3..6).for_each(|index| bench.answer(0, index));
    assert!(bench.exchange.is_done());
    assert_eq!(bench.orders(), []);
}

#[test]
fn without_variations_it_is_over_when_it_has_begun() {
    let mut bench = bench(2, 0);
    assert_eq!(bench.orders(), [Order::Open(0)]);
    assert!(!bench.exchange.is_done());
    bench.exchange.header(0);
    assert_eq!(bench.orders(), [Order::HalfClose(0)]);
    assert!(bench.exchange.is_done());
}

#[test]
fn several_endpoints_get_equal_parts_and_one_variation_goes_to_one() {
    let mut several = bench(2, 6);
    several.begin();
    assert_eq!(several.sent(), [(0, 0), (1, 1), (0, 2), (1, 3), (0, 4), (1, 5)]);
    let mut one = bench(2, 1);
    assert_eq!(one.orders(), [Order::Open(0)]);
    // The first one to be ready does not get all.
    let mut early = bench(2, 6);
    early.orders();
    early.exchange.header(1);
    assert_eq!(early.sent(), [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn what_a_broken_call_had_is_sent_first_by_whoever_has_room() {
    let mut bench = bench(2, 20);
    bench.begin();
    assert_eq!(bench.sent().len(), 8);
    bench.breaks(0).unwrap();
    bench.answer(1, 0);
    assert_eq!(bench.orders(), [Order::Wake(0, pause(100)), Order::Send(1, 0)]);
    bench.exchange.wake(0);
    assert_eq!(bench.orders(), [Order::Open(0)], "it is used again when it is back");
    bench.exchange.header(0);
    assert_eq!(bench.sent(), [(0, 2), (0, 4), (0, 6), (0, 8)]);
    assert_eq!(bench.exchange.summary().resumed, 1);
}

#[test]
fn pauses_grow_until_there_is_progress() {
    let mut bench = bench(1, 20);
    for wait in [100, 200] {
        bench.begin();
        bench.breaks(0).unwrap();
        assert_eq!(bench.orders(), [Order::Wake(0, pause(wait))]);
        bench.exchange.wake(0);
    }
    bench.begin();
    bench.sent();
    bench.answer(0, 0);
    bench.breaks(0).unwrap();
    assert_eq!(bench.orders(), [Order::Wake(0, pause(100))]);
}

#[test]
fn it_is_given_up_when_every_endpoint_was_tried_often_enough() {
    let mut bench = bench(2, 20);
    for endpoint in [0, 0, 0, 1, 1] {
        bench.begin();
        bench.breaks(endpoint).unwrap();
        bench.exchange.wake(endpoint);
    }
    bench.begin();
    assert_eq!(bench.breaks(1), Err(GiveUp::Exhausted(3)));
}

#[test]
fn what_fails_everywhere_ends_it_and_what_fails_here_alone_does_not() {
    let mut bench = bench(2, 20);
    bench.begin();
    assert_eq!(bench.exchange.broken(0, Again::Elsewhere, 1.0), Ok(()));
    bench.exchange.wake(0);
    assert!(!bench.orders().contains(&Order::Open(0)), "it asked not to be tried again");
    assert_eq!(bench.exchange.broken(1, Again::Never, 1.0), Err(GiveUp::Refused));
}

#[test]
fn an_unknown_base_costs_no_pause() {
    let mut bench = bench(1, 20);
    bench.orders();
    bench.exchange.broken(0, Again::WithTheBuild, 1.0).unwrap();
    assert_eq!(bench.orders(), [Order::Open(0)]);
    assert_eq!(bench.exchange.summary().resumed, 0);
}

/// Two endpoints with two variations each; the second has answered both of its own, and waited.
fn idle_beside_slow(answers_meanwhile: bool) -> Bench {
    let mut bench = bench(2, 8);
    bench.begin();
    assert_eq!(bench.sent().len(), 8);
    (0..4).for_each(|index| bench.answer(1, index));
    assert_eq!(bench.orders(), [Order::Wake(1, STEAL_PATIENCE)], "nothing is taken over at once");
    if answers_meanwhile {
        bench.answer(0, 0);
    }
    bench.exchange.wake(1);
    bench
}

#[test]
fn an_idle_endpoint_takes_half_over_from_a_slow_one() {
    let mut bench = idle_beside_slow(true);
    assert_eq!(bench.orders(), [Order::Send(1, 6), Order::Send(1, 4)]);
    assert_eq!(bench.exchange.summary().stolen, 2);
    bench.ready();
    bench.answer(1, 4);
    bench.answer(0, 3);
    assert_eq!(bench.ready(), [(6, "second")], "the first outcome wins");
    bench.answer(0, 1);
    bench.answer(0, 2);
    assert!(bench.exchange.is_done());
    assert_eq!(bench.ready(), [(2, "first"), (4, "first")]);
    assert_eq!(bench.orders(), [Order::HalfClose(0), Order::Cancel(1)], "nobody waits for what is answered");
    assert_eq!(bench.exchange.summary().succeeded, 8);
}

#[test]
fn an_idle_endpoint_takes_all_over_from_one_that_is_stuck() {
    let mut bench = idle_beside_slow(false);
    assert_eq!(bench.sent(), [(1, 6), (1, 4), (1, 2), (1, 0)]);
    bench.ready();
    bench.breaks(1).unwrap();
    assert_eq!(bench.sent(), [], "the other one still has them");
    bench.breaks(0).unwrap();
    bench.exchange.wake(0);
    bench.begin();
    assert_eq!(bench.sent().len(), 4);
}

#[test]
fn a_server_that_does_not_come_to_something_is_sent_no_more_and_asked_again_later() {
    let mut bench = bench(1, 20);
    bench.begin();
    bench.sent();
    bench.comes(0, 1, Verdict::Unavailable).unwrap();
    assert_eq!(bench.orders(), [Order::HalfClose(0)]);
    for index in [0, 2, 3] {
        bench.answer(0, index);
    }
    bench.exchange.ended(0, &Summary::default(), 1.0).unwrap();
    assert_eq!(bench.orders(), [Order::Wake(0, pause(100))]);
    bench.exchange.wake(0);
    bench.begin();
    assert_eq!(bench.sent(), [(0, 1), (0, 4), (0, 5), (0, 6)]);
}

#[test]
fn an_outcome_of_what_was_not_sent_is_none() {
    let mut bench = bench(1, 20);
    bench.begin();
    bench.sent();
    assert_eq!(bench.comes(0, 4, Verdict::Failed), Err(()));
    bench.answer(0, 3);
    assert_eq!(bench.comes(0, 3, Verdict::Failed), Err(()), "nor is a second one");
}

#[test]
fn an_ordered_evaluation_does_not_run_away_from_what_is_slow() {
    let plan = Plan { ordered: true, in_flight_max: 2, is_sweep: false, reduction: None };
    let mut bench = with(plan, 1, 100);
    bench.begin();
    bench.sent();
    let mut sent = 2;
    while bench.exchange.taken == sent {
        bench.answer(0, sent - 1);
        sent += bench.sent().len() as u64;
        if sent == bench.exchange.taken && sent >= 8 {
            break;
        }
    }
    bench.answer(0, sent - 1);
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.ready(), []);
    bench.answer(0, 0);
    assert_eq!(bench.ready().len(), 8);
    assert_eq!(bench.sent().len(), 2);
}

#[test]
fn a_reset_is_counted_when_a_generation_follows_another() {
    let mut bench = bench(2, 20);
    bench.begin();
    bench.sent();
    for (index, (endpoint, generation)) in [(0, 1), (1, 7), (0, 2), (0, 1)].into_iter().enumerate() {
        let index = [0, 0, 1, 2][index];
        let shard = Some((0, generation));
        let answer = Answer { index, verdict: Verdict::Failed, is_warned: true, shard, outcome: "" };
        bench.exchange.outcome(endpoint, answer).unwrap();
    }
    let Summary { resets, failed, warned, .. } = bench.exchange.summary();
    assert_eq!((*resets, *failed, *warned), (1, 4, 4));
}

fn top(most: usize) -> Plan {
    Plan { ordered: false, in_flight_max: 4, is_sweep: false, reduction: Some((Keep::Top(most), vec![false])) }
}

#[test]
fn with_a_reduction_a_broken_call_counts_for_nothing_and_is_sent_as_a_whole_again() {
    let mut bench = with(top(1), 1, 5);
    bench.begin();
    assert_eq!(bench.sent().len(), 5);
    bench.comes(0, 3, Verdict::Values(vec![9.0])).unwrap();
    bench.breaks(0).unwrap();
    bench.exchange.wake(0);
    bench.begin();
    assert_eq!(bench.sent(), (0..5).map(|number| (0, number)).collect::<Vec<_>>());
    bench.comes(0, 4, Verdict::Values(vec![1.0])).unwrap();
    assert_eq!(bench.ready(), [], "its call has not ended");
    let said = Summary { succeeded: 5, infeasible: 2, ..Summary::default() };
    bench.exchange.ended(0, &said, 1.0).unwrap();
    assert_eq!(bench.ready(), [(4, "first")]);
    let Summary { succeeded, infeasible, resumed, .. } = bench.exchange.summary();
    assert_eq!((*succeeded, *infeasible, *resumed), (5, 2, 1));
}

#[test]
fn with_a_reduction_whole_calls_are_taken_over_and_one_of_them_counts() {
    let mut bench = with(top(1), 2, 100);
    bench.begin();
    assert_eq!(bench.sent().len(), 100);
    bench.comes(1, 0, Verdict::Values(vec![5.0])).unwrap();
    let said = |succeeded| Summary { succeeded, ..Summary::default() };
    bench.exchange.ended(1, &said(50), 1.0).unwrap();
    assert_eq!(bench.orders(), [Order::Wake(1, STEAL_PATIENCE)]);
    bench.exchange.wake(1);
    bench.begin();
    assert_eq!(bench.sent().len(), 50);
    bench.comes(1, 7, Verdict::Values(vec![6.0])).unwrap();
    bench.exchange.ended(1, &said(50), 1.0).unwrap();
    assert_eq!(bench.ready(), [(14, "second")]);
    assert_eq!(bench.orders(), [Order::Cancel(0)]);
    assert_eq!((bench.exchange.summary().succeeded, bench.exchange.summary().stolen), (100, 50));
}

#[test]
fn it_is_enough_for_all_when_one_server_says_so() {
    let mut bench = with(top(1), 2, 100);
    bench.begin();
    bench.sent();
    bench.comes(0, 1, Verdict::Values(vec![5.0])).unwrap();
    bench.exchange.ended(0, &Summary { stopped_early: true, ..Summary::default() }, 1.0).unwrap();
    assert!(bench.exchange.is_done());
    assert_eq!(bench.orders(), [Order::Cancel(1)]);
    assert_eq!(bench.ready().len(), 1);
}

#[test]
fn a_sweep_is_one_call_and_begins_anew_when_it_breaks() {
    let plan = Plan { ordered: false, in_flight_max: 4, is_sweep: true, reduction: None };
    let mut bench = with(plan, 2, 0);
    assert_eq!(bench.orders(), [Order::Open(0)]);
    bench.exchange.header(0);
    (0..3).for_each(|index| bench.answer(0, index));
    assert_eq!(bench.ready().len(), 3);
    bench.breaks(0).unwrap();
    assert_eq!(bench.orders(), [Order::Wake(0, pause(100)), Order::Open(1)]);
    bench.exchange.header(1);
    (0..5).for_each(|index| bench.answer(1, index));
    assert_eq!(bench.ready(), [(3, "second"), (4, "second")]);
    bench.exchange.ended(1, &Summary { succeeded: 5, ..Summary::default() }, 1.0).unwrap();
    assert!(bench.exchange.is_done());
    assert_eq!(bench.exchange.summary().succeeded, 5);
}
