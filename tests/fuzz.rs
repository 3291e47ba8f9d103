//! What strangers send, and what broken processes say: share codes, builds, expressions, variations, frames. Whatever it
//! is, it gives a value or a typed error, never a panic, and never more than its bounds allow. Whole calls: `fuzz_calls.rs`.
//!
//! A short run in CI; `PROPTEST_CASES=100000 cargo test --release --test fuzz` searches for longer.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fuzz_support;

use std::{cell::RefCell, collections::VecDeque, io, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use fuzz_support::{any_variation, builds, json, mutated, mutation};
use pobatch::{
    build::{
        base::{Base, BaseId, EditionId, EngineFacts, StatInfo},
        code,
        limits::Limits,
        outcome::{Cell, FailureReason, Selection, StatValue, Stats},
        validate,
        variation::Variation,
        xml,
    },
    grpc::convert::{reduction_from_proto, resolve, variation_from_proto, variation_to_proto},
    objective::{Bounds, Expression},
    proto::{
        runtime::{self, Command, Report, command},
        v1,
    },
    runtime::{
        command_loop::{self, Runtime},
        fork::Forked,
        vm::{BootOptions, EngineKind, Vm},
    },
    wire::{self, Connection, WireError},
};
use proptest::prelude::*;
use prost::Message as _;

const WITCH: &str = include_str!("../examples/witch.xml");

proptest! {
    // Share codes.

    #[test]
    fn any_text_as_a_share_code_gives_text_or_an_error(text in any::<String>()) {
        let _ = code::decode(&text, &limits());
    }

    #[test]
    fn any_bytes_in_a_share_code_give_bounded_text_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(text) = code::decode(&URL_SAFE.encode(bytes), &limits()) {
            prop_assert!(text.len() <= limits().xml_size);
        }
    }

    #[test]
    fn a_damaged_share_code_gives_the_build_or_an_error_but_no_other_build(changes in mutation(8)) {
        let whole = code::encode(WITCH);
        let damaged = mutated(whole.as_bytes(), &changes);
        let Ok(damaged) = String::from_utf8(damaged) else { return Ok(()) };
        // Raw deflate has no check sum, and anything may happen to be that; zlib has one.
        let zlib = damaged.get(..4) == whole.get(..4);
        if let (true, Ok(text)) = (zlib, code::decode(&damaged, &limits())) {
            prop_assert_eq!(text, WITCH);
        }
    }

    // Builds.

    #[test]
    fn any_text_as_a_build_is_checked_without_harm(text in any::<String>()) {
        let _ = xml::check(&text, &limits());
    }

    #[test]
    fn what_passes_as_a_build_is_one(text in builds()) {
        if xml::check(&text, &limits()).is_ok() {
            let document = roxmltree::Document::parse(&text).unwrap();
            prop_assert_eq!(document.root_element().tag_name().name(), "PathOfBuilding");
            let deepest = document.descendants().map(|node| node.ancestors().count()).max().unwrap();
            prop_assert!(deepest <= limits().xml_depth + 2);
        }
    }

    #[test]
    fn a_damaged_build_is_loaded_or_refused_by_a_reason_that_is_the_builds(changes in mutation(6)) {
        let Ok(text) = String::from_utf8(mutated(WITCH.as_bytes(), &changes)) else { return Ok(()) };
        if xml::check(&text, &limits()).is_err() {
            return Ok(());
        }
        match with_engine(|vm| vm.load_base(&text)) {
            Ok(base) => prop_assert!(!base.stats.is_empty()),
            Err(error) => {
                let failure = error.into_failure();
                prop_assert_ne!(failure.kind.as_str(), "engine_error", "{}", failure.message);
                prop_assert!(FailureReason::from_name(&failure.kind).is_some(), "{:?}", failure);
            }
        }
    }

    // Expressions.

    #[test]
    fn any_text_as_an_expression_is_refused_or_a_number_over_names_that_it_holds(text in any::<String>()) {
        expression(&text)?;
    }

    #[test]
    fn a_damaged_expression_is_refused_or_a_number_over_names_that_it_holds(changes in mutation(6)) {
        let whole = "min(TotalDPS / base(TotalDPS), 2.5e-1) * (Life >= 4500) - max(\"odd name\", Minion.Life) != 0";
        expression(&String::from_utf8_lossy(&mutated(whole.as_bytes(), &changes)))?;
    }

    #[test]
    fn an_expression_over_scenarios_asks_the_engine_for_nothing_but_stats_that_there_are(
        text in over_scenarios(),
        named in any::<bool>(),
        values in prop::collection::vec(prop_oneof![Just(f64::NAN), Just(f64::INFINITY), any::<f64>()], 4),
    ) {
        let base = base();
        let names = if named { vec!["Life".to_owned()] } else { Vec::new() };
        let preset = if named { v1::StatPreset::Unspecified } else { v1::StatPreset::All };
        let stats = v1::StatSelection { names, preset: preset.into() };
        let mut layout = resolve(Some(stats), &base, &base.engine, &limits()).unwrap();
        let measure = v1::objective::Measure::Expression(text.clone());
        let objective = v1::Objective { measure: Some(measure), minimize: false };
        let message =
            v1::Reduction { constraints: vec![text], objectives: vec![objective], ..v1::Reduction::default() };
        let measure = reduction_from_proto(message, &mut layout, &["map", "boss"], &base, &base.engine, &limits());
        // This is all of a reduction that leaves the server's own process.
        if let Selection::Named(names) = layout.selection() {
            for name in names.iter() {
                prop_assert!(KNOWN.contains(&name.as_str()), "{:?}", name);
            }
        }
        if let Ok(measure) = measure {
            let stats = |values: &[f64]| Stats { cells: vec![Cell::Number; 2], values: values.to_vec(), extra: Vec::new() };
            let (map, boss) = (stats(&values[..2]), stats(&values[2..]));
            let _ = measure.judge(&[&map, &boss], &[boss.clone(), map.clone()]);
        }
    }

    // Variations.

    #[test]
    fn any_variation_is_checked_without_harm_and_its_text_is_its_own(variation in any_variation()) {
        let _ = validate::check(&variation, &limits());
        let text = serde_json::to_string(&variation).unwrap();
        let again: Variation = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
        prop_assert_eq!(again, variation);
    }

    #[test]
    fn a_variation_that_passes_survives_the_wire(variation in any_variation()) {
        let checked = validate::check(&variation, &limits());
        let message = variation_to_proto("id".to_owned(), &variation);
        let message = v1::Variation::decode(message.encode_to_vec().as_slice()).unwrap();
        match (checked, variation_from_proto(message, &limits())) {
            (Ok(()), Ok(again)) => prop_assert_eq!(again, variation),
            (Ok(()), Err(failure)) => prop_assert!(false, "{}", failure),
            (Err(_), _) => {}
        }
    }

    #[test]
    fn any_bytes_as_a_variation_are_refused_or_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = v1::Variation::decode(bytes.as_slice()) {
            let _ = variation_from_proto(message, &limits());
        }
    }

    #[test]
    fn any_json_as_a_variation_is_refused_or_taken(text in json()) {
        if let Ok(variation) = serde_json::from_str::<Variation>(&text) {
            let _ = validate::check(&variation, &limits());
        }
    }

    #[test]
    fn a_variation_that_passes_has_values_or_a_reason_that_is_its_own(variation in any_variation()) {
        // A replacement build is a build, and fuzzed as such.
        let variation = Variation { build: None, ..variation };
        if validate::check(&variation, &limits()).is_err() {
            return Ok(());
        }
        let text = serde_json::to_vec(&variation).unwrap();
        with_engine(|vm| {
            if vm.base_names().is_empty() {
                vm.load_base(WITCH).unwrap();
            }
            let fast = vm.evaluate(&text, &[], false);
            if let Some(failure) = &fast.failure {
                prop_assert_ne!(failure.kind.as_str(), "engine_error", "{}", failure.message);
                prop_assert!(FailureReason::from_name(&failure.kind).is_some(), "{:?}", failure);
            }
            let again = vm.evaluate(&text, &[], false);
            prop_assert_eq!((fast.kinds, fast.values, fast.failure), (again.kinds, again.values, again.failure));
            Ok(())
        })?;
    }

    // Frames.

    #[test]
    fn any_bytes_from_a_runtime_are_a_report_or_an_error(bytes in frames()) {
        let mut reader = bytes.as_slice();
        while wire::read::<Report>(&mut reader).is_ok() {}
    }

    #[test]
    fn both_ends_read_the_same_out_of_the_same_bytes(
        bytes in frames(),
        pieces in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let mut blocking = Vec::new();
        let mut reader = bytes.as_slice();
        let end = loop {
            match wire::read::<Report>(&mut reader) {
                Ok(report) => blocking.push(report),
                Err(error) => break error,
            }
        };
        let (found, other_end) = received(&bytes, &pieces);
        prop_assert_eq!(format!("{found:?}"), format!("{blocking:?}"));
        prop_assert_eq!(std::mem::discriminant(&other_end), std::mem::discriminant(&end), "{} {}", other_end, end);
    }

    #[test]
    fn a_runtime_that_hears_nonsense_ends_in_order(bytes in frames(), changes in mutation(4)) {
        let mut bytes = bytes;
        for command in commands() {
            wire::encode(&command, &mut bytes).unwrap();
        }
        let bytes = mutated(&bytes, &changes);
        // Nobody comes out of a sandbox again, and it is this test's process that would go in.
        prop_assume!(!commands_in(&bytes).any(|command| asks_for_a_sandbox(&command)));
        let mut socket = Line { input: bytes.into(), output: Vec::new() };
        let _ = command_loop::run(
            &mut Runtime::default(),
            &mut socket,
            |_, _| Ok(Forked::Parent(1)),
            |line| !line.input.is_empty(),
        );
        // Whatever it said until then is said properly.
        let mut said = socket.output.as_slice();
        let end = loop {
            match wire::read::<Report>(&mut said) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        prop_assert!(matches!(end, WireError::Closed), "{}", end);
    }
}

proptest! {
    // A case takes a fifth of a second: megabytes are deflated.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(16)))]

    #[test]
    fn a_code_that_inflates_to_a_lot_is_bounded(over in -3000_i64..3000, piece in "[ -~]{1,2000}") {
        let wanted = usize::try_from(i64::try_from(limits().xml_size).unwrap() + over).unwrap();
        let mut text = piece.repeat(wanted.div_ceil(piece.len()));
        text.truncate(wanted);
        match code::decode(&code::encode(&text), &limits()) {
            Ok(decoded) => prop_assert!(over <= 0 && decoded == text),
            Err(error) => prop_assert!(over > 0, "{} bytes: {}", text.len(), error),
        }
    }
}

/// Stats that the base of this test has, or its engine.
const KNOWN: [&str; 3] = ["Life", "TotalDPS", "Minion.Life"];

/// A base for which no engine is needed.
fn base() -> Base {
    let number = |name: &str| (name.into(), StatValue::Number(1.0));
    let described = StatInfo {
        name: "Minion.Life".into(),
        label: String::new(),
        unit: String::new(),
        more_is_better: None,
        main: false,
    };
    let engine = EngineFacts {
        name: "e".into(),
        kind: "e".into(),
        edition: EditionId(1),
        version: String::new(),
        tree_versions: Vec::new(),
        fingerprint: String::new(),
        stats: vec![described],
        notice: String::new(),
    };
    Base {
        id: BaseId::of("e", ""),
        engine: engine.into(),
        xml: "".into(),
        label: "".into(),
        stats: vec![number("Life"), number("TotalDPS")],
        warnings: Vec::new(),
    }
}

/// Expressions over two scenarios: put together of what belongs there and what does not, or whole and then damaged.
fn over_scenarios() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "map.Life",
        "boss.TotalDPS",
        "boss.Minion.Life",
        "base(boss.Life)",
        "Life",
        "map.",
        ".Life",
        "map.boss.Life",
        "camp.Life",
        "base(map)",
        "\"boss.Life\"",
        "boss.\"Life\"",
        "min(",
        "max(",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "<",
        ">=",
        "1e9",
        "boss.os.exit",
        "boss.__index",
        "boss.Life\")",
        "map.Life'",
        "[[",
        "]]",
        "--",
        "boss:Life",
        "base(base(map.Life))",
    ]);
    let words = prop::collection::vec(word, 1..12).prop_map(|words| words.join(" "));
    let whole = "boss.TotalDPS / base(boss.TotalDPS) + min(map.Life, 2e3) * (boss.Minion.Life > map.TotalDPS)";
    let damaged =
        mutation(4).prop_map(|changes| String::from_utf8_lossy(&mutated(whole.as_bytes(), &changes)).into_owned());
    prop_oneof![words, damaged]
}

/// Parses and computes it.
fn expression(text: &str) -> Result<(), TestCaseError> {
    let bounds = Bounds { bytes: 4096, depth: 64, name_bytes: 256 };
    if let Ok(expression) = Expression::parse(text, bounds) {
        for name in expression.names() {
            prop_assert!(text.contains(name.as_str()), "{} is not in {}", name, text);
        }
        for value in [0.0, -1.5, f64::NAN, f64::INFINITY] {
            expression.value(|_| value);
        }
    }
    Ok(())
}

fn limits() -> Limits {
    Limits::default()
}

/// Bytes of a socket: noise, frames that announce nonsense, and real ones that are damaged.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..400);
    let announced = (any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(length, body)| {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(body);
        bytes
    });
    let framed = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6).prop_map(|bodies| {
        let mut bytes = Vec::new();
        for body in bodies {
            bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend(body);
        }
        bytes
    });
    let damaged = mutation(4).prop_map(|changes| {
        let mut bytes = Vec::new();
        for report in reports() {
            wire::encode(&report, &mut bytes).unwrap();
        }
        mutated(&bytes, &changes)
    });
    prop_oneof![noise, announced, framed, damaged]
}

fn reports() -> Vec<Report> {
    use runtime::report::Report as Of;

    let stat = runtime::Stat { name: "Life".into(), value: Some(runtime::stat::Value::Number(1.5)) };
    let outcome = runtime::Outcome {
        kinds: b"nb-x".to_vec().into(),
        values: vec![0; 32].into(),
        extra: vec![stat.clone()],
        compute_seconds: f64::NAN,
        path: "fast".into(),
        ..runtime::Outcome::default()
    };
    let loaded = runtime::BaseLoaded { stats: vec![stat], ..runtime::BaseLoaded::default() };
    [
        Of::Hello(runtime::Hello { protocol_version: wire::PROTOCOL_VERSION, pid: 7 }),
        Of::Outcome(outcome),
        Of::BaseLoaded(loaded),
        Of::Forked(runtime::Forked { pid: 9 }),
    ]
    .into_iter()
    .map(|report| Report { report: Some(report) })
    .collect()
}

fn commands() -> Vec<Command> {
    let evaluate = runtime::Evaluate {
        variations: vec![b"{}".to_vec().into(), b"{\"level\":".to_vec().into()],
        check_every: 1,
        ..runtime::Evaluate::default()
    };
    let load = runtime::LoadBase { xml: "<PathOfBuilding/>".into(), evaluates: true };
    [
        command::Command::Evaluate(evaluate.clone()),
        command::Command::Evaluate(runtime::Evaluate { plain: true, ..evaluate }),
        command::Command::Cancel(runtime::Cancel {}),
        command::Command::LoadBase(load),
        command::Command::WarmUp(runtime::WarmUp {}),
        command::Command::Collect(runtime::Collect {}),
        command::Command::Fork(runtime::Fork { role: "r".into(), ..Default::default() }),
        command::Command::DescribeEngine(runtime::DescribeEngine {}),
        command::Command::Inquire(runtime::Inquire { topic: "passives".into(), argument: b"{}".to_vec().into() }),
        command::Command::Inquire(runtime::Inquire { topic: "passives".into(), argument: b"[".to_vec().into() }),
        command::Command::Export(runtime::Export::default()),
    ]
    .into_iter()
    .map(|command| command.within(Duration::ZERO))
    .collect()
}

/// Longer than it takes to read some hundred bytes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The commands that a runtime hears in these bytes before it has heard enough.
fn commands_in(mut bytes: &[u8]) -> impl Iterator<Item = Command> {
    std::iter::from_fn(move || wire::read(&mut bytes).ok())
}

fn asks_for_a_sandbox(command: &Command) -> bool {
    matches!(&command.command, Some(command::Command::Boot(boot)) if boot.sandbox)
}

/// What the server's end makes of these bytes when they arrive in pieces of these sizes.
fn received(bytes: &[u8], pieces: &[usize]) -> (Vec<Report>, WireError) {
    use tokio::io::AsyncWriteExt as _;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
        let mut connection = Connection::new(ours);
        let write = async {
            let (mut rest, mut sizes) = (bytes, pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                // A reader that has heard enough is gone.
                if theirs.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
                rest = behind;
            }
            drop(theirs);
        };
        // Drops the connection when it has heard enough; a writer that is not read from would wait for ever.
        let read = async move {
            let mut reports = Vec::new();
            loop {
                match connection.receive::<Report>().await {
                    Ok(report) => reports.push(report),
                    Err(error) => return (reports, error),
                }
            }
        };
        let both = async { tokio::join!(write, read).1 };
        tokio::time::timeout(PATIENCE, both).await.expect("what has arrived is read, and the end is an end")
    })
}

/// A runtime's socket, in memory.
struct Line {
    input: VecDeque<u8>,
    output: Vec<u8>,
}

impl io::Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl io::Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.output.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sample engine, booted once for each thread.
fn with_engine<T>(ask: impl FnOnce(&mut Vm) -> T) -> T {
    thread_local! {
        static VM: RefCell<Vm> = {
            let mut vm = Vm::new(EngineKind::Sample, None).unwrap();
            vm.boot(&BootOptions::default()).unwrap();
            RefCell::new(vm)
        };
    }
    VM.with_borrow_mut(ask)
}
