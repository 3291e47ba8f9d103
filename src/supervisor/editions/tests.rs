//! Tests of the decisions, with a clock of their own.

use super::*;

const GRACE: Duration = Duration::from_secs(60);

fn editions() -> Editions {
    Editions::new(["pob".into(), "next".into()], GRACE)
}

fn nobody(_: EditionId) -> usize {
    0
}

fn somebody(_: EditionId) -> usize {
    1
}

/// Reloads the engine, and says what was before.
#[track_caller]
fn reload(editions: &mut Editions, name: &str, now: Instant) -> EditionId {
    let candidate = editions.begin(name).unwrap();
    editions.switch(candidate, now).unwrap()
}

#[test]
fn a_call_gets_the_engine_that_it_names_and_the_first_if_it_names_none() {
    let editions = editions();
    assert_eq!(editions.current(""), Some(EditionId(1)));
    assert_eq!(editions.current("pob"), Some(EditionId(1)));
    assert_eq!(editions.current("next"), Some(EditionId(2)));
    assert_eq!(editions.current("other"), None);
}

#[test]
fn a_candidate_changes_nothing_until_the_switch_and_everything_new_from_then_on() {
    let (mut editions, now) = (editions(), Instant::now());
    let candidate = editions.begin("pob").unwrap();
    assert!(editions.is_reloading("pob") && !editions.is_reloading("next"));
    assert_eq!(editions.current("pob"), Some(EditionId(1)));
    assert!(!editions.is_current(candidate));

    assert_eq!(editions.switch(candidate, now), Some(EditionId(1)));
    assert_eq!(editions.current("pob"), Some(candidate));
    assert_eq!(editions.current(""), Some(candidate), "it is still the first engine");
    assert_eq!(editions.current("next"), Some(EditionId(2)), "its neighbour is left alone");
    assert!(editions.is_current(candidate) && !editions.is_current(EditionId(1)));
    let (name, current) = editions.engine_of(EditionId(1)).unwrap();
    assert_eq!((&**name, current), ("pob", candidate));
    assert!(!editions.is_reloading("pob"));
}

#[test]
fn a_candidate_that_is_given_up_leaves_the_current_edition_and_a_new_attempt_may_follow() {
    let mut editions = editions();
    let candidate = editions.begin("pob").unwrap();
    editions.give_up(candidate);
    assert_eq!(editions.current("pob"), Some(EditionId(1)));
    assert_eq!(editions.old_of("pob"), []);
    assert_eq!(editions.switch(candidate, Instant::now()), None, "it comes too late");
    assert!(editions.begin("pob").unwrap() > candidate, "no number is used again");
}

#[test]
fn one_reload_of_an_engine_runs_at_once_and_engines_do_not_wait_for_each_other() {
    let mut editions = editions();
    editions.begin("pob").unwrap();
    assert_eq!(editions.begin("pob"), Err(Denied::Running));
    assert_eq!(editions.begin(""), Err(Denied::Running), "no name means the first");
    assert!(editions.begin("next").is_ok());
    assert_eq!(editions.begin("other"), Err(Denied::Unknown));
}

#[test]
fn an_old_edition_ends_when_its_last_holder_has_left() {
    let (mut editions, now) = (editions(), Instant::now());
    let old = reload(&mut editions, "pob", now);
    assert_eq!(editions.end(now, somebody), []);
    assert_eq!(editions.old_of("pob"), [(old, now + GRACE)]);
    assert_eq!(editions.end(now, nobody), [(old, End::Unused)]);
    assert_eq!(editions.old_of("pob"), []);
    assert_eq!(editions.end(now, nobody), [], "it ends once");
    assert!(editions.engine_of(old).is_none());
}

#[test]
fn an_old_edition_ends_with_its_grace_whoever_uses_it_and_the_current_one_never() {
    let (mut editions, now) = (editions(), Instant::now());
    assert_eq!(editions.wake_at(), None);
    let old = reload(&mut editions, "pob", now);
    assert_eq!(editions.wake_at(), Some(now + GRACE));
    assert_eq!(editions.end(now + GRACE / 2, somebody), []);
    assert_eq!(editions.end(now + GRACE, somebody), [(old, End::Grace)]);
    assert_eq!(editions.wake_at(), None);
    assert_eq!(editions.end(now + GRACE * 100, nobody), []);
    assert!(editions.current("pob").is_some());
}

#[test]
fn as_many_old_editions_as_may_be_are_in_use_and_then_a_reload_waits_for_one_to_end() {
    let (mut editions, now) = (editions(), Instant::now());
    let first = reload(&mut editions, "pob", now);
    for _ in 1..OLD_EDITIONS_MAX {
        reload(&mut editions, "pob", now);
    }
    assert_eq!(editions.begin("pob"), Err(Denied::TooManyOld));
    assert_eq!(editions.end(now, |edition| usize::from(edition != first)), [(first, End::Unused)]);
    assert!(editions.begin("pob").is_ok());
}
