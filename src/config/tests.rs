use clap::Parser as _;

use super::*;
use crate::{
    build::limits::{Limit, Unit},
    client::Access,
    listen::{Ages, Guard},
    supervisor::EngineChoice,
    tls,
};

fn resolve(line: &str) -> Result<Config, BadValues> {
    let machine = Machine { executable: "/bin/pobatch".into(), processors: 3, memory_bytes: Some(4 << 30) };
    let arguments = args::Arguments::try_parse_from(line.split(' ')).unwrap();
    Config::resolve(arguments, &machine)
}

fn command(line: &str) -> Command {
    resolve(line).unwrap().command
}

#[test]
fn all_bad_values_are_named_together() {
    let BadValues(bad) =
        resolve("pobatch serve --listen here --shards 0 --memory-limit lots --log-format x").unwrap_err();
    let names: Vec<_> = bad.iter().map(|bad| bad.name).collect();
    assert_eq!(names, ["--log-format", "--listen", "--shards", "--memory-limit"]);
}

#[test]
fn servers_are_named_one_by_one_or_as_a_list() {
    let target = |line: &str| match command(&format!("pobatch eval --base b --vary passives {line}")) {
        Command::Eval(eval) => eval.target,
        other => panic!("{other:?}"),
    };
    let urls = |line: &str| match target(line) {
        Target::Endpoints { urls, .. } => urls,
        Target::Own(_) => Vec::new(),
    };
    assert_eq!(urls("--endpoint http://a --endpoint https://b"), ["http://a", "https://b"]);
    assert_eq!(urls("--endpoint http://a,http://b"), ["http://a", "http://b"]);
    assert!(urls("--endpoint=").is_empty() && urls("--strict").is_empty());
    let many = format!("pobatch eval --base b --vary passives --endpoint {}", vec!["http://a"; 65].join(","));
    for line in [&many, "pobatch eval --base b --vary passives --endpoint http://a,b"] {
        assert_eq!(resolve(line).unwrap_err().0[0].name, "--endpoint");
    }
}

#[test]
fn a_command_whose_servers_are_elsewhere_serves_nothing() {
    let serves = |line: &str| command(line).serves();
    assert!(serves("pobatch serve") && serves("pobatch bench --base b") && serves("pobatch doctor"));
    assert!(!serves("pobatch bench --base b --endpoint http://a") && !serves("pobatch status"));
}

#[test]
fn an_engine_is_named_where_the_servers_run_several() {
    let named = |line: &str| match command(&format!("pobatch verify --base b --golden g {line}")) {
        Command::Verify(verify) => match verify.target {
            Target::Endpoints { engine, .. } => Some(engine),
            Target::Own(_) => None,
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(named("--endpoint http://a --engine next").as_deref(), Some("next"));
    assert_eq!(named("--endpoint http://a --engine=").as_deref(), Some(""));
    assert_eq!(named("--engine="), None);
    let BadValues(bad) = resolve("pobatch eval --base b --vary passives --engine next").unwrap_err();
    assert_eq!(bad[0].name, "--engine");
}

#[test]
fn without_an_installation_the_sample_engine_runs_on_every_processor() {
    let Command::Serve(serve) = command("pobatch serve --pob= --shards=") else { panic!("serve") };
    assert_eq!(serve.server.engines, EngineChoice::Sample.alone());
    assert_eq!(serve.server.shards, 3);
    assert_eq!(serve.server.memory, memory::Marks { total_bytes: 3 << 30, ..memory::Marks::default() });
}

#[test]
fn the_total_mark_is_a_share_of_the_machine_unless_it_is_given() {
    let total = |line: &str| match command(line) {
        Command::Serve(serve) => serve.server.memory.total_bytes,
        other => panic!("{other:?}"),
    };
    assert_eq!(total("pobatch serve --memory-total="), 3 << 30);
    assert_eq!(total("pobatch serve --memory-total 1GiB"), 1 << 30);
    assert_eq!(total("pobatch serve --memory-total 0"), 0);
    assert_eq!(memory::total_for(256 << 20), 512 << 20);
}

#[test]
fn the_stat_that_is_sorted_by_is_among_those_asked_for() {
    let stats = |line: &str| match command(&format!("pobatch eval --base b --vary passives {line}")) {
        Command::Eval(eval) => eval.stats,
        other => panic!("{other:?}"),
    };
    assert_eq!(stats("--by Life"), Stats::Named(vec!["Life".into()]));
    assert_eq!(stats("--by Life --stats Mana"), Stats::Named(vec!["Mana".into(), "Life".into()]));
    assert_eq!(stats("--by Life --stats Life,Mana"), Stats::Named(vec!["Life".into(), "Mana".into()]));
    assert_eq!(stats("--preset all --by Life"), Stats::All);
    assert_eq!(stats("--format csv"), Stats::Main);
}

#[test]
fn eval_needs_variations_from_somewhere() {
    let BadValues(bad) = resolve("pobatch eval --base b").unwrap_err();
    assert_eq!(bad[0].name, "--variations");
    let BadValues(bad) = resolve("pobatch eval --base - --variations -").unwrap_err();
    assert_eq!(bad[0].problem, "standard input is the base already");
}

#[test]
fn the_help_of_every_command_is_well_formed() {
    use clap::CommandFactory as _;
    args::Arguments::command().debug_assert();
}

#[test]
fn every_limit_has_a_flag() {
    for &limit in Limit::ALL {
        // Beside the default, so that no two contradict each other.
        let value = Limits::default().get(limit) - 1;
        let unit = if limit.unit() == Unit::Bytes { "B" } else { "" };
        let Command::Serve(serve) = command(&format!("pobatch serve {}={value}{unit}", limit.flag())) else {
            panic!("serve")
        };
        let mut expected = Limits::default();
        expected.set(limit, value);
        assert_eq!(serve.server.limits, expected);
    }
}

#[test]
fn limits_that_contradict_each_other_are_named_together() {
    let BadValues(bad) = resolve("pobatch serve --request-size-max=1MiB --in-flight-max=9 --queue-max=8").unwrap_err();
    let names: Vec<_> = bad.iter().map(|bad| bad.name).collect();
    assert_eq!(names, ["--share-code-size-max", "--xml-size-max", "--in-flight-max"]);
    let BadValues(bad) = resolve("pobatch serve --request-size-max=much --name-size-max=0").unwrap_err();
    assert_eq!(bad[0].name, "--request-size-max");
}

#[test]
fn a_suite_is_no_bench_of_one_build() {
    let Command::Suite(suite) = command("pobatch bench --suite --builds a b --rounds 2") else { panic!("suite") };
    assert_eq!(suite.builds, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!((suite.rounds, suite.processors, suite.baseline), (2, 3, None));
    let BadValues(bad) = resolve("pobatch bench --base b --rounds 2 --builds c --baseline-command d").unwrap_err();
    assert_eq!(bad.len(), 3);
    for line in ["bench", "bench --suite --base b", "bench --suite --endpoint http://x"] {
        let words = format!("pobatch {line}");
        assert!(args::Arguments::try_parse_from(words.split(' ')).is_err(), "{line}");
    }
}

#[test]
fn connections_and_sessions_become_as_old_as_they_like_unless_it_is_said_otherwise() {
    let ages = |line: &str| match command(&format!("pobatch serve {line}")) {
        Command::Serve(serve) => serve.listen.ages,
        other => panic!("{other:?}"),
    };
    assert_eq!(ages("--connection-age-max="), Ages::default());
    let (connection_max, session_max) = (Some(Duration::from_secs(300)), Some(Duration::from_secs(1800)));
    assert_eq!(ages("--connection-age-max 5m --session-age-max 30m"), Ages { connection_max, session_max });
    let BadValues(bad) = resolve("pobatch serve --connection-age-max 5 --session-age-max 0").unwrap_err();
    assert_eq!(bad.iter().map(|bad| bad.name).collect::<Vec<_>>(), ["--connection-age-max", "--session-age-max"]);
}

#[test]
fn operators_have_listeners_on_the_loopback_interface_next_to_the_api_unless_it_is_said_otherwise() {
    let listen = |line: &str| match command(&format!("pobatch serve {line}")) {
        Command::Serve(serve) => serve.listen,
        other => panic!("{other:?}"),
    };
    let words = |listen: Listen| {
        let http = listen.http.map_or("off".to_owned(), |address| address.to_string());
        format!("{http} {}", listen.admin.map_or("off".to_owned(), |address| address.to_string()))
    };
    assert_eq!(words(listen("--listen 0.0.0.0:50051 --allow-plaintext")), "127.0.0.1:50052 http://127.0.0.1:50053");
    assert_eq!(words(listen("--listen 127.0.0.1:0")), "127.0.0.1:0 http://127.0.0.1:0");
    assert_eq!(words(listen("--http-listen off --admin-listen off")), "off off");
    assert_eq!(words(listen("--http-listen 0.0.0.0:9100 --admin-listen unix:/a.sock")), "0.0.0.0:9100 unix:/a.sock");
    let BadValues(bad) = resolve("pobatch serve --http-listen here --admin-listen there").unwrap_err();
    assert_eq!(bad.iter().map(|bad| bad.name).collect::<Vec<_>>(), ["--http-listen", "--admin-listen"]);
    let BadValues(bad) = resolve("pobatch status --admin here").unwrap_err();
    assert_eq!(bad[0].name, "--admin");
}

#[test]
fn plain_text_is_for_the_loopback_interface_unless_it_is_asked_for_by_name() {
    let names = |line: &str| match resolve(&format!("pobatch serve {line}")) {
        Ok(_) => Vec::new(),
        Err(BadValues(bad)) => bad.iter().map(|bad| bad.name).collect(),
    };
    for line in [
        "--listen 127.0.0.1:1",
        "--listen [::1]:1",
        "--listen [::ffff:127.0.0.1]:1",
        "--listen 0.0.0.0:1 --allow-plaintext",
        "--listen 0.0.0.0:1 --tls-cert c --tls-key k",
        "--http-listen 0.0.0.0:1",
        "--admin-listen unix:/a",
        "--admin-listen 10.0.0.1:1 --allow-plaintext",
    ] {
        assert!(names(line).is_empty(), "{line}");
    }
    assert_eq!(names("--listen 0.0.0.0:1"), ["--listen"]);
    assert_eq!(names("--listen [::]:1 --tokens t"), ["--listen"]);
    assert_eq!(names("--listen 0.0.0.0:1 --tls-cert c --tls-key k --admin-listen 10.0.0.1:1"), ["--admin-listen"]);
}

#[test]
fn a_certificate_goes_with_its_key_for_servers_and_for_clients() {
    let bad = |line: &str| {
        let BadValues(bad) = resolve(&format!("pobatch {line}")).unwrap_err();
        bad.iter().map(|bad| bad.name).collect::<Vec<_>>()
    };
    assert_eq!(bad("serve --tls-cert c"), ["--tls-key"]);
    assert_eq!(bad("serve --tls-key k --tls-cert= --tls-client-ca a"), ["--tls-client-ca", "--tls-cert"]);
    assert_eq!(bad("serve --reload-interval 0s"), ["--reload-interval"]);
    assert_eq!(bad("eval --base b --vary passives --tls-cert c"), ["--tls-key"]);
    let Command::Serve(serve) = command("pobatch serve --tls-cert c --tls-key k --tls-client-ca a --tokens t") else {
        panic!("serve")
    };
    let files = tls::Files { certificate: "c".into(), key: "k".into(), client_authorities: Some("a".into()) };
    let guard = Guard { tls: Some(files), tokens: Some("t".into()), reload_interval: Duration::from_secs(5) };
    assert_eq!(serve.listen.guard, guard);
    let line = "pobatch describe --base b --endpoint https://x --tls-ca a --tls-cert c --tls-key k --token-file t";
    let Command::Describe(describe) = command(line) else { panic!("describe") };
    let Target::Endpoints { urls, access, .. } = describe.target else { panic!("an endpoint") };
    let expected = Access {
        authority: Some("a".into()),
        identity: Some(("c".into(), "k".into())),
        token_file: Some("t".into()),
        allow_plaintext: false,
    };
    assert_eq!((urls, access), (vec!["https://x".to_owned()], expected));
}
