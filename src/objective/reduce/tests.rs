use proptest::prelude::*;

use super::{super::Bounds, *};

fn goal(text: &str, minimize: bool) -> Goal {
    let bounds = Bounds { bytes: 1000, depth: 10, name_bytes: 10 };
    Goal { expression: Expression::parse(text, bounds).unwrap(), minimize }
}

/// Goals `a` (more), `b` (less); the constraint is `c`.
fn reduction(keep: Keep) -> Reduction {
    Reduction {
        constraints: vec![goal("c >= 1", false).expression],
        goals: vec![goal("a", false), goal("b", true)],
        keep,
        stop: Stop::default(),
    }
}

/// An outcome: values of `a`, `b` and `c`.
type Values = (f64, f64, f64);

fn judge(reduction: &Reduction, values: Values) -> Judged {
    let names: Vec<Vec<String>> = reduction.expressions().map(|one| one.names().to_vec()).collect();
    reduction.judge(|expression, stat| match names[expression][stat.name].as_str() {
        "a" => values.0,
        "b" => values.1,
        _ => values.2,
    })
}

fn run(reduction: &Reduction, list: &[(u64, Values)]) -> (Vec<u64>, Reducer<u64>) {
    let mut reducer = Reducer::new(reduction);
    let mut sent = Vec::new();
    for &(index, values) in list {
        if let Offer::Send(index) = reducer.offer(index, &judge(reduction, values), index) {
            sent.push(index);
        }
        if reducer.is_enough() {
            break;
        }
    }
    (sent, reducer)
}

/// Few values, so that there are ties, and those that are special.
fn values() -> impl Strategy<Value = Values> {
    let value = prop_oneof![
        8 => (-3..4_i32).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(-0.0),
    ];
    (value.clone(), value, prop_oneof![4 => Just(1.0), 1 => Just(0.0), 1 => Just(f64::NAN)])
}

fn lists() -> impl Strategy<Value = Vec<(u64, Values)>> {
    prop::collection::vec(values(), 0..60).prop_map(|list| (0..).zip(list).collect::<Vec<_>>()).prop_shuffle()
}

/// What a client would do with every outcome in hand.
fn feasible(list: &[(u64, Values)]) -> Vec<(u64, Values)> {
    let mut all: Vec<_> =
        list.iter().copied().filter(|(_, (a, b, c))| *c >= 1.0 && !a.is_nan() && !b.is_nan()).collect();
    all.sort_by_key(|(index, _)| *index);
    all
}

proptest! {
    #[test]
    fn the_top_is_what_sorting_everything_gives(list in lists(), most in 1..10_usize) {
        let mut expected = feasible(&list);
        expected.sort_by(|(_, (a, _, _)), (_, (b, _, _))| b.partial_cmp(a).unwrap());
        expected.truncate(most);
        let (sent, reducer) = run(&reduction(Keep::Top(most)), &list);
        prop_assert!(sent.is_empty());
        prop_assert_eq!(reducer.infeasible(), (list.len() - feasible(&list).len()) as u64);
        prop_assert_eq!(reducer.finish(), expected.into_iter().map(|(index, _)| index).collect::<Vec<_>>());
    }

    #[test]
    fn the_front_is_who_nobody_outdoes(list in lists()) {
        let all = feasible(&list);
        let outdone = |(index, (a, b, _)): &(u64, Values)| all.iter().any(|(other, (x, y, _))| {
            let as_good = x >= a && y <= b;
            as_good && (x > a || y < b || other < index)
        });
        let mut expected: Vec<_> = all.iter().copied().filter(|one| !outdone(one)).collect();
        expected.sort_by(|(_, (a, _, _)), (_, (b, _, _))| b.partial_cmp(a).unwrap());
        let (_, reducer) = run(&reduction(Keep::ParetoFront(1000)), &list);
        prop_assert!(!reducer.is_truncated());
        prop_assert_eq!(reducer.finish(), expected.into_iter().map(|(index, _)| index).collect::<Vec<_>>());
    }

    #[test]
    fn a_bounded_front_holds_no_more_than_its_bound_and_nobody_who_is_outdone_by_another_in_it(
        list in lists(), most in 1..4_usize,
    ) {
        let (_, reducer) = run(&reduction(Keep::ParetoFront(most)), &list);
        let kept = reducer.finish();
        prop_assert!(kept.len() <= most);
        let values = |index: u64| list.iter().find(|(other, _)| *other == index).unwrap().1;
        for (place, &one) in kept.iter().enumerate() {
            for &other in &kept[place + 1..] {
                let ((a, b, _), (x, y, _)) = (values(one), values(other));
                let (outdone, outdoes) = (x >= a && y <= b, a >= x && b <= y);
                prop_assert!(!outdone && !outdoes);
            }
        }
    }

    #[test]
    fn everything_feasible_is_sent_where_all_is_kept(list in lists()) {
        let (sent, reducer) = run(&reduction(Keep::All), &list);
        let expected: Vec<_> =
            list.iter().filter(|one| feasible(&list).iter().any(|(index, _)| *index == one.0)).map(|(index, _)| *index).collect();
        prop_assert_eq!(sent, expected);
        prop_assert!(reducer.finish().is_empty());
    }
}

#[test]
fn it_is_enough_when_the_score_is_reached() {
    let mut less = reduction(Keep::Top(1));
    less.goals.reverse();
    less.stop.score = Some(2.0);
    let list: Vec<_> = (0..).zip([5.0, 3.0, 2.0, 1.0]).map(|(index, b)| (index, (0.0, b, 1.0))).collect();
    let (_, reducer) = run(&less, &list);
    assert!(reducer.is_enough());
    assert_eq!(reducer.finish(), [2], "less is better, and the last was not looked at");
}

#[test]
fn it_is_enough_when_nothing_better_came_for_long() {
    let mut stale = reduction(Keep::Top(1));
    stale.stop.stale = 2;
    let list: Vec<_> = (0..).zip([1.0, 1.0, 2.0, 2.0, 0.0, 9.0]).map(|(index, a)| (index, (a, 0.0, 1.0))).collect();
    let (_, reducer) = run(&stale, &list);
    assert_eq!(reducer.finish(), [2]);
    let mut reducer = Reducer::<u64>::new(&stale);
    reducer.failed();
    reducer.failed();
    assert!(reducer.is_enough(), "failures are no improvement either");
}
