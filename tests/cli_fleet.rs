//! The commands with several servers, and with one that is lost meanwhile.

mod common;

use std::{
    fmt::Write as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use common::{PATIENCE, front::POLL, scrape, served::Served};
use rustix::process::Signal;
use serde_json::Value;

fn pobatch(endpoints: &[&str], arguments: &[&str]) -> Child {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/witch.xml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pobatch"));
    command.args(arguments).arg("--base").arg(base).env_clear();
    for endpoint in endpoints {
        command.args(["--endpoint", endpoint]);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs")
}

async fn ended(child: Child) -> Output {
    let waiting = tokio::task::spawn_blocking(|| child.wait_with_output());
    tokio::time::timeout(PATIENCE, waiting).await.expect("it ends in time").expect("the wait ends").expect("it ends")
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

const EVAL: [&str; 7] = ["eval", "--vary", "passives", "--stats", "Life", "--format", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn commands_spread_over_several_servers_and_do_without_one_that_is_not_there() {
    let servers = [Served::start(&["--shards", "1"]), Served::start(&["--shards", "1"])];
    let alone = json(&ended(pobatch(&[&servers[0].url], &EVAL)).await);
    let nobody = "http://127.0.0.1:1";
    for endpoints in [vec![&*servers[0].url, &servers[1].url], vec![nobody, &servers[1].url]] {
        let several = json(&ended(pobatch(&endpoints, &EVAL)).await);
        assert_eq!(several["base"], alone["base"]);
        let stats = |json: &Value| {
            json["outcomes"].as_array().expect("a list").iter().map(|one| one["stats"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(stats(&several), stats(&alone));
    }
    let both = [&*servers[0].url, &servers[1].url];
    let bench = json(&ended(pobatch(&both, &["bench", "--count", "200", "--kind", "mixed", "--format", "json"])).await);
    assert_eq!((&bench["count"], &bench["failed"]), (&200.into(), &0.into()));
    for command in [&["describe", "--format", "json"][..], &["export", "--format", "json"]] {
        json(&ended(pobatch(&[nobody, &servers[1].url], command)).await);
    }
    let lost = ended(pobatch(&[nobody, "http://127.0.0.1:2"], &EVAL)).await;
    assert_eq!(lost.status.code(), Some(69));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_ask_the_engine_that_is_named() {
    let server = Served::start(&["--shards", "1", "--engine", "one=sample", "--engine", "two=sample"]);
    let engine = async |arguments: &[&str]| {
        let answer = json(&ended(pobatch(&[&server.url], &[&EVAL[..], arguments].concat())).await);
        answer["engine"]["name"].clone()
    };
    assert_eq!(engine(&[]).await, "one");
    assert_eq!(engine(&["--engine", "two"]).await, "two");
    let unknown = ended(pobatch(&[&server.url], &[&EVAL[..], &["--engine", "three"]].concat())).await;
    assert_eq!(unknown.status.code(), Some(65), "{}", String::from_utf8_lossy(&unknown.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_on_when_its_server_is_killed_and_comes_back() {
    const COUNT: u64 = 20_000;
    let directory = tempfile::tempdir().expect("a place for it");
    let list = directory.path().join("list.jsonl");
    let lines = (0..COUNT).fold(String::new(), |mut text, number| {
        writeln!(text, "{{\"custom_mods\":\"+{number} to maximum Life\"}}").expect("texts grow");
        text
    });
    std::fs::write(&list, lines).expect("room for it");
    let list = list.to_str().expect("UTF-8");

    let served = Served::start(&["--shards", "1"]);
    let (address, http) = (served.url.trim_start_matches("http://").to_owned(), served.http.clone());
    let eval = ["eval", "--variations", list, "--stats", "Life", "--format", "json"];
    let child = pobatch(&[&served.url], &eval);
    let at_work = async {
        loop {
            let (_, _, metrics) = scrape::get(&http, "/metrics").await;
            if scrape::Scrape::parse(&metrics).sum("pobatch_variations_total", &[]) > 0.0 {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, at_work).await.expect("it begins in time");
    served.signal(Signal::KILL);
    served.ended().await;
    let _served = Served::start_at(&address, &["--shards", "1"]);

    let report = json(&ended(child).await);
    assert_eq!(report["summary"]["resumed"], 1);
    assert_eq!(report["summary"]["succeeded"], COUNT);
    let base = report["base"]["stats"]["Life"].as_f64().expect("a number");
    let outcomes = report["outcomes"].as_array().expect("a list");
    let lives = outcomes.iter().map(|one| one["stats"]["Life"].as_f64().expect("a number"));
    assert!(lives.clone().is_sorted() && lives.count() as u64 == COUNT, "in their order, each once");
    assert!(outcomes[0]["stats"]["Life"].as_f64() >= Some(base));
}
