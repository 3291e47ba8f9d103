//! Several servers, and a client that spreads over them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use pobatch::{
    build::{
        outcome::{NamedStat, StatValue},
        variation::Variation,
    },
    client::{Build, Client, Named, Outcome, Request, Results, RetryPolicy, StatChoice},
};

use super::front::Front;

/// Tries again at once.
pub const QUICK: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_pause: std::time::Duration::from_millis(1),
    longest_pause: std::time::Duration::from_millis(10),
    longest_pushback: std::time::Duration::from_secs(5),
};

pub async fn fronts(count: usize) -> Vec<Front> {
    let mut fronts = Vec::new();
    for _ in 0..count {
        fronts.push(Front::start(super::settings()).await);
    }
    fronts
}

pub async fn client<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> Client {
    Client::connect_to(urls).await.expect("one of them listens").with_retry(QUICK)
}

/// All that an engine says of the witch, with few variations in flight.
pub fn request() -> Request {
    let build = Build::Xml(super::WITCH.to_owned());
    Request { stats: StatChoice::All, in_flight_max: 8, ..Request::new(build) }
}

/// Variations of which no two are the same and one in eleven fails. Named after their numbers.
pub fn variations(count: u32) -> Vec<Named> {
    (0..count).map(variation).collect()
}

/// As many as it takes until something has been seen, and some more: how long that takes is the machine's business.
pub fn until(seen: &AtomicBool, mut more: u32) -> impl Iterator<Item = Named> {
    (0..).map_while(move |number| {
        if seen.load(Ordering::Relaxed) {
            more = more.checked_sub(1)?;
        }
        Some(variation(number))
    })
}

/// The one of that number.
pub fn variation(number: u32) -> Named {
    let level = if number % 11 == 10 { 101 } else { 1 + number % 100 };
    let custom_mods = format!("+{} to maximum Life", 1 + number);
    let variation = Variation { level: Some(level), custom_mods: Some(custom_mods), ..Variation::default() };
    Named { id: number.to_string(), variation }
}

/// What an outcome says, bit for bit; the reason of a failure.
pub fn said(outcome: &Outcome) -> Result<Vec<(String, String)>, &'static str> {
    let exact = |value: &StatValue| match value {
        StatValue::Number(number) => format!("{:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    let values = |stats: &Vec<NamedStat>| stats.iter().map(|(name, value)| (name.to_string(), exact(value))).collect();
    outcome.result.as_ref().map(values).map_err(|failure| failure.reason.as_str())
}

/// Checks that every variation has one outcome, with its own name, and gives them by number.
pub fn each_once(results: &Results, count: u32) -> BTreeMap<u64, &Outcome> {
    let by_number: BTreeMap<u64, &Outcome> = results.outcomes.iter().map(|one| (one.index, one)).collect();
    assert_eq!(results.outcomes.len(), by_number.len(), "no outcome comes twice");
    assert_eq!(by_number.keys().copied().collect::<Vec<_>>(), (0..u64::from(count)).collect::<Vec<_>>());
    assert!(by_number.iter().all(|(number, outcome)| outcome.id == number.to_string()));
    let summary = &results.summary;
    assert_eq!(summary.succeeded + summary.failed, u64::from(count));
    by_number
}
