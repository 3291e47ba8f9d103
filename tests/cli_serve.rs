//! `pobatch serve` as an operator runs it: a process that is asked over gRPC and stopped by signals.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use pobatch::{
    build::variation::{ConfigValue, Variation},
    client::{Build, Client, Named, Request, StatChoice},
};
use rustix::process::{Pid, Signal};

/// Longest wait for anything that must happen; only a broken test comes near it.
const PATIENCE: Duration = Duration::from_secs(60);
const WITCH: &str = include_str!("../examples/witch.xml");

/// A server that does not outlive its test.
struct Served {
    child: Child,
    url: String,
    first_lines: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        Self::logging_to(Stdio::null(), arguments)
    }

    fn logging_to(log: Stdio, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pobatch"))
            .args(["serve", "--listen", "127.0.0.1:0", "--shards", "1"])
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program runs");
        let mut reader = BufReader::new(child.stdout.as_mut().expect("its output is piped"));
        let mut first_lines = String::new();
        for _ in 0..3 {
            reader.read_line(&mut first_lines).expect("it says where it listens");
        }
        let url =
            first_lines.lines().next().and_then(|line| line.split(' ').next_back()).unwrap_or_default().to_owned();
        Self { child, url, first_lines }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("not zero");
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    async fn ended(mut self) -> Option<i32> {
        let waiting = tokio::task::spawn_blocking(move || {
            let mut rest = String::new();
            let stdout = self.child.stdout.as_mut().expect("its output is piped");
            stdout.read_to_string(&mut rest).expect("its output ends");
            self.child.wait().expect("it ends").code()
        });
        tokio::time::timeout(PATIENCE, waiting).await.expect("it ends in time").expect("the wait ends")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request() -> Request {
    Request {
        build: Build::Xml(WITCH.to_owned()),
        stats: StatChoice::Main,
        ordered: true,
        strict: false,
        in_flight_max: 4,
        reduction: None,
        scenarios: Vec::new(),
    }
}

fn levels(count: u32) -> impl Iterator<Item = Named> {
    (1..=count).map(|level| Named {
        id: level.to_string(),
        variation: Variation { level: Some(level), ..Variation::default() },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_where_it_listens_and_ends_in_order_when_it_is_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let served = Served::start(&[]);
        assert!(served.first_lines.contains("engine sample") && served.first_lines.contains("1 shards"));
        let client = Client::connect(&served.url).await.expect("it listens");
        let mut evaluation = client.evaluate(request(), levels(50)).await.expect("it evaluates");
        let mut count = 0;
        while let Some(outcome) = evaluation.next().await.expect("the stream goes on") {
            count += 1;
            assert_eq!(outcome.id, count.to_string());
            assert!(outcome.result.is_ok());
        }
        assert_eq!(evaluation.summary().expect("a summary").succeeded, 50);
        served.signal(signal);
        assert_eq!(served.ended().await, Some(0));
    }
}

/// What server and runtimes log while a variation raises an error.
async fn log_of_an_error(arguments: &[&str]) -> String {
    let (mut log, theirs) = std::io::pipe().expect("a pipe");
    let served = Served::logging_to(theirs.into(), &[&["--faults"], arguments].concat());
    let client = Client::connect(&served.url).await.expect("it listens");
    let config = [("fault".to_owned(), ConfigValue::Text("error".to_owned()))].into();
    let fault = Named { id: "1".into(), variation: Variation { config, ..Variation::default() } };
    let mut evaluation = client.evaluate(request(), [fault]).await.expect("it evaluates");
    assert!(evaluation.next().await.expect("the stream goes on").expect("an outcome").result.is_err());
    served.signal(Signal::TERM);
    assert_eq!(served.ended().await, Some(0));
    // It ends when the last runtime has let go of it.
    let mut text = String::new();
    log.read_to_string(&mut text).expect("it is text");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn runtimes_log_what_the_server_is_told_to_log_and_in_its_form() {
    let log = log_of_an_error(&["--log-format", "json", "--log", "warn"]).await;
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let raised = events.iter().find(|event| event["message"] == "the engine raised an error").expect("it is logged");
    assert!(raised["traceback"].as_str().expect("a text").contains("faults.lua"));
    assert!(raised["span"]["request_id"].is_string(), "{raised}");
    assert_eq!(log_of_an_error(&["--log", "error"]).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_does_not_keep_a_server_from_ending() {
    let served = Served::start(&[]);
    let client = Client::connect(&served.url).await.expect("it listens");
    let mut evaluation = client.evaluate(request(), levels(u32::MAX)).await.expect("it evaluates");
    assert!(evaluation.next().await.expect("the stream goes on").is_some());
    served.signal(Signal::TERM);
    // What is in hand is answered; how the call ends then is the server's word, but it ends.
    let ended = tokio::time::timeout(PATIENCE, async { while let Ok(Some(_)) = evaluation.next().await {} });
    ended.await.expect("the session ends in time");
    assert_eq!(served.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_can_ask_a_server_that_runs_elsewhere() {
    let served = Served::start(&[]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/witch.xml");
    let output = Command::new(env!("CARGO_BIN_EXE_pobatch"))
        .args(["eval", "--vary", "passives", "--by", "Life", "--format", "csv", "--base"])
        .arg(example)
        .env_clear()
        .env("POBATCH_ENDPOINT", &served.url)
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"variation,Life,failure,warnings\n(base),"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_hears_whether_a_server_takes_calls() {
    let served = Served::start(&["--drain-delay", "1m"]);
    let ask = |endpoint: &str, service: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_pobatch"))
            .args(["health", "--endpoint", endpoint, "--service", service])
            .env_clear()
            .output()
            .expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(ask(&served.url, ""), (Some(0), "SERVING".to_owned()));
    assert_eq!(ask(&served.url, "pobatch.v1.EvaluationService"), (Some(0), "SERVING".to_owned()));
    assert_eq!(ask(&served.url, "nobody"), (Some(1), "SERVICE_UNKNOWN".to_owned()));
    served.signal(Signal::TERM);
    let drains = async {
        while ask(&served.url, "").0 == Some(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, drains).await.expect("it drains");
    assert_eq!(ask(&served.url, ""), (Some(1), "NOT_SERVING".to_owned()));
    assert_eq!(ask(&served.url, "pobatch.v1.Liveness"), (Some(0), "SERVING".to_owned()), "who drains lives");
    let url = served.url.clone();
    drop(served);
    assert_eq!(ask(&url, ""), (Some(69), String::new()));
    assert_eq!(ask("nowhere", ""), (Some(64), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_pobatch"))
        .args(["serve", "--listen", &address])
        .env_clear()
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("cannot listen on {address}")));
}
