//! What a variation passes on its way in and its outcome on its way out: frames, share codes, build XML, checks, texts,
//! messages. All of it is the server's own share of the time.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pobatch::{
    build::{
        base::{Base, BaseId, EngineFacts},
        code,
        limits::Limits,
        outcome::{Cell, ComputePath, Evaluated, StatValue, Stats},
        validate,
        variation::Variation,
        xml,
    },
    grpc::convert::{Layout, Terms, resolve, variation_from_proto, variation_to_proto},
    proto::{
        runtime::{Outcome, Report, report},
        v1::{StatPreset, StatSelection},
    },
    wire,
};

const WITCH: &str = include_str!("../examples/witch.xml");
/// Stats of an outcome: about as many as PoB's sidebar has.
const STATS: usize = 80;

/// One of each sort that the example file shows.
fn variations() -> Vec<Variation> {
    include_str!("../examples/variations.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stat(number: usize) -> String {
    format!("Stat{number}")
}

fn frames(criterion: &mut Criterion) {
    let outcome = Outcome {
        kinds: vec![b'n'; STATS].into(),
        values: (0..STATS).flat_map(|number| (number as f64).to_le_bytes()).collect::<Vec<u8>>().into(),
        compute_seconds: 0.002,
        path: "fast".to_owned(),
        ..Outcome::default()
    };
    let report = Report { report: Some(report::Report::Outcome(outcome)) };
    let mut frame = Vec::new();
    wire::encode(&report, &mut frame).unwrap();

    let mut group = criterion.benchmark_group("frame of an outcome");
    group.throughput(Throughput::Bytes(frame.len() as u64));
    let mut buffer = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            wire::encode(black_box(&report), &mut buffer)
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| wire::read::<Report>(&mut black_box(frame.as_slice())).unwrap());
    });
    group.finish();
}

fn builds(criterion: &mut Criterion) {
    let limits = Limits::default();
    let share_code = code::encode(WITCH);
    let mut group = criterion.benchmark_group("build");
    group.throughput(Throughput::Bytes(WITCH.len() as u64));
    group.bench_function("share code to XML", |bencher| {
        bencher.iter(|| code::decode(black_box(&share_code), &limits).unwrap());
    });
    group.bench_function("XML to share code", |bencher| bencher.iter(|| code::encode(black_box(WITCH))));
    group.bench_function("check of the XML", |bencher| bencher.iter(|| xml::check(black_box(WITCH), &limits)));
    group.bench_function("name", |bencher| bencher.iter(|| BaseId::of("test", black_box(WITCH))));
    group.finish();
}

fn incoming(criterion: &mut Criterion) {
    let limits = Limits::default();
    let variations = variations();
    let messages: Vec<_> = variations.iter().map(|variation| variation_to_proto("id".to_owned(), variation)).collect();
    let mut group = criterion.benchmark_group("variations of the examples");
    group.throughput(Throughput::Elements(variations.len() as u64));
    group.bench_function("check", |bencher| {
        bencher.iter(|| variations.iter().all(|variation| validate::check(black_box(variation), &limits).is_ok()));
    });
    group.bench_function("canonical text", |bencher| {
        bencher.iter(|| variations.iter().map(|one| serde_json::to_vec(black_box(one)).unwrap().len()).sum::<usize>());
    });
    group.bench_function("from messages, checked", |bencher| {
        bencher.iter_batched(
            || messages.clone(),
            |messages| messages.into_iter().filter_map(|one| variation_from_proto(one, &limits).ok()).count(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// The layout of a call for all stats of a base.
fn layout() -> Layout {
    let base = Base {
        label: "".into(),
        id: BaseId::of("test", WITCH),
        engine: EngineFacts::default().into(),
        xml: WITCH.into(),
        stats: (0..STATS).map(|number| (stat(number).into(), StatValue::Number(1.0))).collect(),
        warnings: Vec::new(),
    };
    let engine = EngineFacts { name: "test".to_owned(), version: "1".to_owned(), ..EngineFacts::default() };
    let selection = StatSelection { names: Vec::new(), preset: StatPreset::All.into() };
    resolve(Some(selection), &base, &engine, &Limits::default()).unwrap()
}

fn outgoing(criterion: &mut Criterion) {
    let stats = Stats { cells: vec![Cell::Number; STATS], values: vec![2.5; STATS], extra: Vec::new() };
    let evaluated = [Evaluated {
        tag: 0,
        result: Ok(stats),
        warnings: Vec::new(),
        queue: Duration::from_millis(70),
        compute: Duration::from_millis(2),
        path: ComputePath::Fast,
        shard: 0,
        generation: 1,
        verification: None,
    }];
    let mut group = criterion.benchmark_group("outcome to its message");
    for (name, difference_to_base) in [("values", false), ("differences to the base", true)] {
        let layout = layout();
        let terms = Terms { base: vec![layout.base().clone()], layout, with_scenarios: false, difference_to_base };
        group.bench_function(name, |bencher| {
            bencher.iter(|| terms.outcome(String::new(), 7, black_box(&evaluated)));
        });
    }
    group.finish();
}

criterion_group!(benches, frames, builds, incoming, outgoing);
criterion_main!(benches);
