//! A real Prometheus (Debian's `prometheus` package) scrapes a server under load. Its own tools accept what we give them,
//! and every expression of dashboard, rules and alerts answers with data, but for those that are listed as rightly empty.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use common::{
    PATIENCE, RANGER, WITCH, fault,
    front::{Stream, connect, start, start_on},
    level,
    scrape::get,
    served::Served,
    tools::{self, Running},
};
use pobatch::{
    build::variation::Variation,
    grpc::convert::variation_to_proto,
    proto::v1::{self, evaluation_service_client::EvaluationServiceClient},
    task,
};
use serde_json::Value;

/// Between two rounds of questions.
const LOOK: Duration = Duration::from_millis(500);

/// Stands for what Grafana would make of its variables. The window is short, so that the test is.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "30s"), ("$job", ".*"), ("$instance", ".*"), ("$engine", ".*")];

/// Expressions that are rightly empty while all is well, each with why.
const RIGHTLY_EMPTY: [(&str, &str); 1] = [("PobatchAbsent", "Prometheus has a target")];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

#[test]
fn promtool_accepts_configuration_and_rules_and_their_tests_pass() {
    let Some(promtool) = tools::find("promtool") else { return };
    tools::succeeds(&promtool, &["check", "config", "prometheus.yml"], &deploy());
    tools::succeeds(&promtool, &["check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml"], &deploy());
    tools::succeeds(&promtool, &["test", "rules", "alerts_test.yml"], &deploy());
}

/// All kinds of work and of trouble, again and again.
async fn load(url: String) {
    let mut round = 0;
    loop {
        round += 1;
        let channel = connect(&url).await;
        let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
        for index in 0..200 {
            // Half of them are new, half are known.
            let life = if index % 2 == 0 { 0 } else { round * 200 + index };
            let mods = Some(format!("+{life} to maximum Life"));
            stream.send(index, &Variation { custom_mods: mods, ..level(index % 90 + 1) }).await;
        }
        stream.send("unknown", &Variation { allocate: vec![4_000_000], ..Variation::default() }).await;
        stream.send("abort", &fault("memory")).await;
        stream.half_close();
        stream.rest().await.2.unwrap();
        // One session too many, refused.
        let mut others = Vec::new();
        while let Ok(other) = Stream::open(channel.clone(), start(None)).await {
            others.push(other);
        }
        drop(others);
        let base = v1::Base { build: Some(v1::base::Build::Xml(WITCH.into())), engine: String::new() };
        let variation = Some(variation_to_proto(String::new(), &level(3)));
        let one = v1::EvaluateRequest { base: Some(base), variation, ..Default::default() };
        // It may find every place taken by those who are just leaving.
        let _ = EvaluationServiceClient::new(channel.clone()).evaluate(one).await;
        // A build that nobody has sent before.
        let build = RANGER.replacen("level=\"82\"", &format!("level=\"{}\"", round % 90 + 1), 1);
        if let Ok(mut stream) = Stream::open(channel, start_on(&build, None)).await {
            stream.half_close();
            let _ = stream.rest().await;
        }
    }
}

/// Asks Prometheus; values that are no numbers are left out.
async fn ask(prometheus: &str, query: &str) -> Result<Vec<f64>, String> {
    let mut encoded = String::new();
    for byte in query.bytes() {
        let _ = write!(encoded, "%{byte:02x}");
    }
    let (_, _, body) = get(prometheus, &format!("/api/v1/query?query={encoded}")).await;
    let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    if answer["status"] != "success" {
        return Err(answer["error"].to_string());
    }
    let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    let value = |sample: &Value| sample["value"][1].as_str()?.parse::<f64>().ok().filter(|value| !value.is_nan());
    Ok(result.iter().filter_map(value).collect())
}

/// Whatever is asked for, with who asks.
fn expressions() -> Vec<(String, String)> {
    let text = |file: &str| fs::read_to_string(deploy().join(file)).unwrap();
    let dashboard = fs::read_to_string(deploy().join("../grafana/dashboards/pobatch.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            all.push((panel["title"].as_str().unwrap().to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        all.push((annotation["name"].as_str().unwrap().to_owned(), annotation["expr"].as_str().unwrap().to_owned()));
    }
    for (file, key) in [("rules.yml", "- record: "), ("alerts.yml", "- alert: ")] {
        for rule in text(file).split(key).skip(1) {
            let (name, rest) = rule.split_once('\n').unwrap();
            let (_, rest) = rest.split_once("expr:").unwrap();
            let rest = rest.trim_start_matches([' ', '|']);
            // The expression ends where something is indented less than a second line of it would be.
            let more = |line: &&str| line.starts_with("          ") || line.trim().is_empty();
            let lines: Vec<_> = match rest.strip_prefix('\n') {
                Some(lines) => lines.lines().take_while(more).collect(),
                None => rest.lines().take(1).collect(),
            };
            let expression = lines.join(" ");
            // A condition that does not hold gives nothing; as a question it gives 0 or 1.
            let asked = match key {
                "- alert: " => expression.replace(" > ", " > bool ").replace(" == ", " == bool "),
                _ => expression,
            };
            all.push((name.to_owned(), asked));
        }
    }
    for (_, expression) in &mut all {
        for (variable, value) in VARIABLES {
            *expression = expression.replace(variable, value);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_answers_with_data_when_prometheus_scrapes_a_server_under_load() {
    let (Some(prometheus), Some(promtool)) = (tools::find("prometheus"), tools::find("promtool")) else { return };
    let served = Served::start(&[
        "--shards",
        "2",
        "--sessions-max",
        "6",
        "--bases-max",
        "2",
        "--memory-total",
        "64GiB",
        "--memory-limit",
        "64MiB",
        "--memory-soft",
        "1MiB",
        "--memory-hard",
        "2MiB",
        "--verify-ratio",
        "0.05",
    ]);
    let directory = tempfile::tempdir().unwrap();
    let configuration = fs::read_to_string(deploy().join("prometheus.yml")).unwrap();
    let configuration = configuration
        .replace("15s", "1s")
        .replace("127.0.0.1:50052", served.http.trim_start_matches("http://"))
        .replace("- rules.yml", &format!("- {}", deploy().join("rules.yml").display()))
        .replace("- alerts.yml", &format!("- {}", deploy().join("alerts.yml").display()));
    let file = directory.path().join("prometheus.yml");
    fs::write(&file, configuration).unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _prometheus = Running(
        Command::new(prometheus)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let url = format!("http://{address}");
    let scraped = async {
        while tokio::net::TcpStream::connect(address).await.is_err()
            || ask(&url, "up{job=\"pobatch\"} == 1").await.is_ok_and(|values| values.is_empty())
        {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, scraped).await.expect("Prometheus scrapes the server");
    let _load = task::spawn_owned("load", load(served.url.clone()));

    // Whatever has answered once need not be asked again.
    let mut missing = expressions();
    let asked = missing.len();
    missing.retain(|(name, _)| !RIGHTLY_EMPTY.iter().any(|(empty, _)| empty == name));
    let expected = missing.len();
    assert!(asked > 80, "{asked} expressions");
    let answered = async {
        while !missing.is_empty() {
            let mut silent = Vec::new();
            for (name, expression) in missing.drain(..) {
                let values =
                    ask(&url, &expression).await.unwrap_or_else(|error| panic!("{name}: {expression}: {error}"));
                if values.is_empty() {
                    silent.push((name, expression));
                }
            }
            missing = silent;
            tokio::time::sleep(LOOK).await;
        }
    };
    let all = tokio::time::timeout(PATIENCE, answered).await;
    assert!(all.is_ok(), "no data for {missing:#?}");
    eprintln!("{expected} of {asked} expressions answered with data; rightly empty: {RIGHTLY_EMPTY:?}");
    for (name, expression) in
        expressions().iter().filter(|(name, _)| RIGHTLY_EMPTY.iter().any(|(empty, _)| empty == name))
    {
        assert_eq!(ask(&url, expression).await, Ok(Vec::new()), "{name} is not empty: take it off the list");
    }
    assert_eq!(ask(&url, "up").await, Ok(vec![1.0]), "it is scraped without an error");

    let (_, _, metrics) = get(&served.http, "/metrics").await;
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{}", String::from_utf8_lossy(&checked.stderr));
}
