//! Weights against what really is in memory.

use super::*;
use crate::proto::{DESCRIPTORS, v1};

const BATCH: &str = "/pobatch.v1.EvaluationService/EvaluateBatch";

/// The least weight with which the request is taken, without its own length.
fn weight(request: &impl prost::Message) -> usize {
    let weights = Weights::of(DESCRIPTORS).unwrap();
    let (index, message) = (weights.request(BATCH).unwrap(), request.encode_to_vec());
    let (mut fits, mut not) = (1 << 30, 0);
    while fits - not > 1 {
        let middle = usize::midpoint(fits, not);
        if weights.check(index, &message, middle).is_ok() { fits = middle } else { not = middle }
    }
    fits - message.len()
}

fn batch(variation: v1::Variation, count: usize) -> v1::EvaluateBatchRequest {
    v1::EvaluateBatchRequest { variations: vec![variation; count], ..Default::default() }
}

#[track_caller]
fn weighs<T>(with: v1::Variation, entries: usize) {
    let (with, without) = (weight(&batch(with, 1)), weight(&batch(v1::Variation::default(), 1)));
    let each = (with - without) / entries;
    let real = size_of::<T>();
    assert!((real..=3 * real).contains(&each), "{each} and not {real}");
}

#[test]
fn an_entry_of_a_list_weighs_what_it_takes_in_memory_or_a_little_more() {
    let of = v1::Variation::default;
    weighs::<u32>(v1::Variation { allocate: vec![1; 10], ..of() }, 10);
    weighs::<v1::MasteryChoice>(v1::Variation { masteries: vec![<_>::default(); 10], ..of() }, 10);
    weighs::<v1::TattooChange>(v1::Variation { tattoos: vec![<_>::default(); 10], ..of() }, 10);
    weighs::<v1::ItemChange>(v1::Variation { items: vec![<_>::default(); 10], ..of() }, 10);
    weighs::<v1::FlaskChange>(v1::Variation { flasks: vec![<_>::default(); 10], ..of() }, 10);
    weighs::<v1::GemChange>(v1::Variation { gems: vec![<_>::default(); 10], ..of() }, 10);
    weighs::<v1::GroupChange>(v1::Variation { groups: vec![<_>::default(); 10], ..of() }, 10);
    let config = (0..10).map(|key| (key.to_string(), v1::ConfigValue::default())).collect();
    weighs::<(String, v1::ConfigValue)>(v1::Variation { config, ..of() }, 10);
    let each = weight(&batch(of(), 11)) - weight(&batch(of(), 1));
    assert!((size_of::<v1::Variation>()..=2 * size_of::<v1::Variation>()).contains(&(each / 10)), "{each}");
}

#[test]
fn names_of_stats_are_counted_and_the_field_of_the_request_is_named() {
    let names = vec![String::new(); 1000];
    let stats = Some(v1::StatSelection { names, preset: 0 });
    let request = v1::EvaluateBatchRequest { stats, ..Default::default() };
    assert!(weight(&request) >= 1000 * size_of::<String>());
    let weights = Weights::of(DESCRIPTORS).unwrap();
    let message = request.encode_to_vec();
    let index = weights.request(BATCH).unwrap();
    assert_eq!(weights.check(index, &message, message.len() + 10_000), Err(TooHeavy("stats")));
}

#[test]
fn a_group_hides_nothing() {
    // An unknown group, opened and closed, before the same variations.
    let entries = batch(v1::Variation::default(), 1000).encode_to_vec();
    let message = [&[0x83, 0x01, 0x84, 0x01][..], &entries].concat();
    let weights = Weights::of(DESCRIPTORS).unwrap();
    assert_eq!(v1::EvaluateBatchRequest::decode(&message[..]).unwrap().variations.len(), 1000);
    let index = weights.request(BATCH).unwrap();
    assert_eq!(weights.check(index, &message, 100_000), Err(TooHeavy("variations")));
}

#[test]
fn every_call_has_a_request() {
    let weights = Weights::of(DESCRIPTORS).unwrap();
    assert!(weights.requests.len() >= 6, "{:?}", weights.requests);
    assert_eq!(weights.request("/pobatch.v1.EvaluationService/Nonsense"), None);
}

proptest::proptest! {
    #[test]
    fn what_is_let_through_takes_no_more_than_was_said(
        pieces in proptest::collection::vec((0..6_usize, 0..40_usize), 0..20),
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
        bytes_max in 0..100_000_usize,
    ) {
        let mut message = Vec::new();
        for (kind, count) in pieces {
            let of = v1::Variation::default;
            let variation = match kind {
                0 => v1::Variation { gems: vec![v1::GemChange::default(); count], ..of() },
                1 => v1::Variation { allocate: vec![1; count], ..of() },
                2 => v1::Variation { items: vec![v1::ItemChange::default(); count], ..of() },
                3 => v1::Variation { custom_mods: Some("x".repeat(count)), ..of() },
                // Groups, and what else is not in the API.
                4 => {
                    message.extend([0x83, 0x01, 0xf8, 0x01, 0x00, 0x84, 0x01]);
                    continue;
                }
                _ => {
                    message.extend(&noise);
                    continue;
                }
            };
            batch(variation, 1).encode(&mut message).unwrap();
        }
        let weights = Weights::of(DESCRIPTORS).unwrap();
        let passes = weights.check(weights.request(BATCH).unwrap(), &message, bytes_max).is_ok();
        if let (true, Ok(decoded)) = (passes, v1::EvaluateBatchRequest::decode(&message[..])) {
            let within = |variation: &v1::Variation| {
                variation.gems.len() * size_of::<v1::GemChange>()
                    + variation.items.len() * size_of::<v1::ItemChange>()
                    + variation.allocate.len() * size_of::<u32>()
                    + variation.custom_mods.as_ref().map_or(0, String::len)
                    + size_of::<v1::Variation>()
            };
            proptest::prop_assert!(decoded.variations.iter().map(within).sum::<usize>() <= bytes_max);
        }
    }
}
