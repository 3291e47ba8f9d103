//! Whatever servers and connections do, every variation gets exactly one outcome, and a reduction over several servers
//! is that of one.

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::objective::{Judged, Reducer};

/// What a variation says of its own outcome.
fn verdict(value: u8) -> Verdict {
    if value.is_multiple_of(7) { Verdict::Failed } else { Verdict::Values(scores(value)) }
}

fn scores(value: u8) -> Vec<f64> {
    // Few different ones, so that many are equal.
    vec![f64::from(value % 16), f64::from(value / 32)]
}

fn is_feasible(value: u8) -> bool {
    !value.is_multiple_of(5)
}

fn answer(index: u64, verdict: Verdict, number: Number) -> Answer<Number> {
    Answer { index, verdict, is_warned: false, shard: None, outcome: number }
}

/// A call as its server sees it.
#[derive(Default)]
struct Server {
    has_begun: bool,
    is_half_closed: bool,
    sent: Vec<(Number, u8)>,
    answered: HashSet<u64>,
    /// Those of them that it did not come to.
    refused: HashSet<u64>,
}

/// Something that happens, at an endpoint.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Begins,
    Answers(usize),
    DoesNotComeTo(usize),
    Breaks,
    BreaksWhileItSumsUp,
    Ends,
    Wakes,
}

fn happening() -> impl Strategy<Value = (usize, Happens)> {
    let what = prop_oneof![
        3 => Just(Happens::Begins),
        12 => any::<usize>().prop_map(Happens::Answers),
        1 => any::<usize>().prop_map(Happens::DoesNotComeTo),
        1 => Just(Happens::Breaks),
        1 => Just(Happens::BreaksWhileItSumsUp),
        3 => Just(Happens::Ends),
        3 => Just(Happens::Wakes),
    ];
    (any::<usize>(), what)
}

struct World {
    plan: Plan,
    exchange: Exchange<u8, Number>,
    source: std::vec::IntoIter<u8>,
    servers: Vec<Option<Server>>,
    handed: Vec<Number>,
}

impl World {
    fn new(plan: Plan, endpoints: usize, variations: Vec<u8>) -> Self {
        let policy = RetryPolicy { attempts: u32::MAX, ..RetryPolicy::default() };
        Self {
            exchange: Exchange::new(plan.clone(), policy, endpoints),
            plan,
            source: variations.into_iter(),
            servers: (0..endpoints).map(|_| None).collect(),
            handed: Vec::new(),
        }
    }

    fn carry_out(&mut self) {
        while let Some(order) = self.exchange.next_order(&mut self.source, |_| true) {
            match order {
                Order::Open(endpoint) => assert!(self.servers[endpoint].replace(Server::default()).is_none()),
                Order::Send(endpoint, number) => {
                    let value = *self.exchange.variation(number).expect("it is kept until it has an outcome");
                    let server = self.servers[endpoint].as_mut().expect("a call");
                    assert!(server.has_begun && !server.is_half_closed);
                    server.sent.push((number, value));
                    let in_flight = server.sent.len() - server.answered.len();
                    assert!(self.plan.reduction.is_some() || in_flight <= self.plan.in_flight_max);
                }
                Order::HalfClose(endpoint) => self.servers[endpoint].as_mut().expect("a call").is_half_closed = true,
                Order::Cancel(endpoint) => assert!(self.servers[endpoint].take().is_some()),
                Order::Wake(..) => {}
            }
        }
        while let Some((number, outcome)) = self.exchange.next_ready() {
            assert_eq!(number, outcome, "an outcome keeps its number");
            self.handed.push(number);
        }
    }

    fn happens(&mut self, endpoint: usize, what: Happens) {
        if let Happens::Wakes = what {
            self.exchange.wake(endpoint);
        }
        let Some(server) = self.servers[endpoint].as_mut() else { return };
        let is_reduced = self.plan.reduction.is_some();
        match what {
            Happens::Begins if !server.has_begun => {
                server.has_begun = true;
                self.exchange.header(endpoint);
            }
            Happens::Answers(which) if server.has_begun => self.answer(endpoint, which, false),
            Happens::DoesNotComeTo(which) if server.has_begun => self.answer(endpoint, which, true),
            Happens::Breaks | Happens::BreaksWhileItSumsUp => {
                let sums_up = matches!(what, Happens::BreaksWhileItSumsUp) && server.has_begun;
                if is_reduced && sums_up && server.is_half_closed {
                    self.sum_up(endpoint);
                }
                self.servers[endpoint] = None;
                self.exchange.broken(endpoint, Again::Later(None), 0.5).expect("there is hope");
            }
            Happens::Ends if server.is_half_closed && server.has_begun => {
                let said = if is_reduced {
                    self.sum_up(endpoint)
                } else if server.answered.len() == server.sent.len() {
                    Summary::default()
                } else {
                    return;
                };
                self.servers[endpoint] = None;
                self.exchange.ended(endpoint, &said, 0.5).expect("there is hope");
            }
            _ => {}
        }
    }

    /// The server answers one of those that it has: any of them in a session, the next one where a reduction keeps all.
    fn answer(&mut self, endpoint: usize, which: usize, refuses: bool) {
        let server = self.servers[endpoint].as_mut().expect("a call");
        let mut open = (0..server.sent.len() as u64).filter(|index| !server.answered.contains(index));
        let index = if self.plan.reduction.is_some() {
            open.next()
        } else {
            let open: Vec<_> = open.collect();
            (!open.is_empty()).then(|| open[which % open.len()])
        };
        let Some(index) = index else { return };
        server.answered.insert(index);
        let (number, value) = server.sent[usize::try_from(index).unwrap()];
        if refuses {
            server.refused.insert(index);
        }
        let verdict = if refuses { Verdict::Unavailable } else { verdict(value) };
        let comes = match (&self.plan.reduction, &verdict) {
            (None, _) | (_, Verdict::Failed | Verdict::Unavailable) => true,
            (Some((keep, _)), Verdict::Values(_)) => *keep == Keep::All && is_feasible(value),
        };
        if comes {
            self.exchange.outcome(endpoint, answer(index, verdict, number)).expect("it was sent");
        }
    }

    /// The server answers what is left, sends what it kept, and says what became of it all.
    fn sum_up(&mut self, endpoint: usize) -> Summary {
        let unanswered =
            |server: &Option<Server>| server.as_ref().is_some_and(|server| server.answered.len() < server.sent.len());
        while unanswered(&self.servers[endpoint]) {
            self.answer(endpoint, 0, false);
        }
        let (keep, minimize) = self.plan.reduction.clone().expect("a reduction");
        let mut reducer = Reducer::merging(keep, minimize);
        let mut said = Summary::default();
        let Server { sent, refused, .. } = self.servers[endpoint].as_ref().expect("a call");
        let (sent, refused) = (sent.clone(), refused.clone());
        for (index, (number, value)) in (0..).zip(sent) {
            let scores = match verdict(value) {
                Verdict::Values(scores) if !refused.contains(&index) => scores,
                _ => {
                    said.failed += 1;
                    continue;
                }
            };
            said.succeeded += 1;
            said.infeasible += u64::from(!is_feasible(value));
            let judged = Judged { scores, feasible: is_feasible(value) };
            reducer.offer(index, &judged, (index, number, value));
        }
        for (index, number, value) in reducer.finish() {
            let kept = answer(index, Verdict::Values(scores(value)), number);
            self.exchange.outcome(endpoint, kept).expect("it was sent");
        }
        said
    }

    /// From now on every server does what it should.
    fn calm(&mut self) {
        self.carry_out();
        for _ in 0..100_000 {
            if self.exchange.is_done() {
                return;
            }
            for endpoint in 0..self.servers.len() {
                for what in [Happens::Wakes, Happens::Begins, Happens::Answers(0), Happens::Ends] {
                    self.happens(endpoint, what);
                    self.carry_out();
                }
            }
        }
        panic!("it does not come to an end");
    }
}

fn check_once(handed: &[Number], count: usize) {
    let mut sorted = handed.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..count as u64).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn in_a_session_every_variation_gets_one_outcome(
        variations in vec(any::<u8>(), 0..60),
        endpoints in 1_usize..4,
        in_flight_max in 1_usize..12,
        ordered in any::<bool>(),
        storm in vec(happening(), 0..300),
    ) {
        let plan = Plan { ordered, in_flight_max, is_sweep: false, reduction: None };
        let mut world = World::new(plan, endpoints, variations.clone());
        for (endpoint, what) in storm {
            world.carry_out();
            world.happens(endpoint % endpoints, what);
        }
        world.calm();
        check_once(&world.handed, variations.len());
        if ordered {
            prop_assert!(world.handed.is_sorted());
        }
        let summary = world.exchange.summary();
        prop_assert_eq!(summary.succeeded + summary.failed, variations.len() as u64);
        let failed = variations.iter().filter(|value| verdict(**value) == Verdict::Failed).count();
        prop_assert_eq!(summary.failed, failed as u64);
    }

    #[test]
    fn a_reduction_over_several_servers_is_that_of_one(
        variations in vec(any::<u8>(), 0..400),
        endpoints in 1_usize..4,
        keep in prop_oneof![
            Just(Keep::All),
            (1_usize..30).prop_map(Keep::Top),
            Just(Keep::ParetoFront(1000)),
        ],
        minimize in vec(any::<bool>(), 2),
        ordered in any::<bool>(),
        storm in vec(happening(), 0..300),
    ) {
        let reduction = Some((keep, minimize.clone()));
        let plan = Plan { ordered, in_flight_max: 8, is_sweep: false, reduction };
        let mut world = World::new(plan, endpoints, variations.clone());
        for (endpoint, what) in storm {
            world.carry_out();
            world.happens(endpoint % endpoints, what);
        }
        world.calm();

        let mut one = Reducer::merging(keep, minimize);
        let mut streamed = Vec::new();
        for (number, value) in (0..).zip(&variations) {
            let feasible = is_feasible(*value);
            match verdict(*value) {
                Verdict::Failed => streamed.push(number),
                _ if keep == Keep::All => streamed.extend(feasible.then_some(number)),
                _ => drop(one.offer(number, &Judged { scores: scores(*value), feasible }, number)),
            }
        }
        let kept = one.finish();
        let (first, last) = world.handed.split_at(world.handed.len() - kept.len());
        prop_assert_eq!(last, kept);
        let mut first = first.to_vec();
        if !ordered {
            first.sort_unstable();
        }
        prop_assert_eq!(first, streamed);

        let summary = world.exchange.summary();
        prop_assert_eq!(summary.succeeded + summary.failed, variations.len() as u64);
        let infeasible = |value: &&u8| verdict(**value) != Verdict::Failed && !is_feasible(**value);
        prop_assert_eq!(summary.infeasible, variations.iter().filter(infeasible).count() as u64);
    }
}
