//! A real Prometheus (Debian's `prometheus` package) scrapes two servers under load: one that is open, and one with two
//! engines that is guarded by TLS and tokens. Its own tools accept what we give them, and every expression of dashboard,
//! rules and alerts answers with data, but for those that are listed as rightly empty. What panels say of access and
//! engines is compared with what was done to the guarded server.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use common::{
    PATIENCE, RANGER, WITCH, fault,
    front::{Stream, connect, start, start_on},
    guarded::{Authority, Mount, open_over, reloaded, serve_tls, tenant, with_token},
    level,
    scrape::get,
    served::Served,
    tools::{self, Running},
};
use pobatch::{
    build::variation::Variation,
    client::Admin,
    grpc::convert::variation_to_proto,
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluate_stream_request,
        evaluation_service_client::EvaluationServiceClient,
    },
    task,
};
use serde_json::Value;
use tonic::{
    Request,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

/// Between two rounds of questions.
const LOOK: Duration = Duration::from_millis(500);

/// Stands for what Grafana would make of its variables. The window is short, so that the test is.
const VARIABLES: [(&str, &str); 3] = [("$__rate_interval", "30s"), ("$job", ".*"), ("$engine", ".*")];

/// Expressions that are rightly empty while all is well, each with why.
const RIGHTLY_EMPTY: [(&str, &str); 1] = [("PobatchAbsent", "Prometheus has a target")];

/// Has one call open all the time, which is all that it may have.
const ALPHA: &str = "alpha-alpha-alpha-alpha";

/// Sends more variations than it may.
const BETA: &str = "beta-beta-beta-beta";

/// Variations a second that the latter may send.
const BETAS_RATE: u32 = 50;

/// What a panel says.
#[derive(Clone, Copy, Debug)]
enum Says {
    Exactly(f64),
    Above(f64),
}
use Says::{Above, Exactly};

impl Says {
    fn is(self, value: f64) -> bool {
        match self {
            Exactly(expected) => value.total_cmp(&expected).is_eq(),
            Above(least) => value > least,
        }
    }
}

/// What panels come to say of the guarded server: panel, labels, number. What is 0 stays 0.
const OF_THE_GUARDED: [(&str, &str, Says); 32] = [
    ("Calls of strangers", "reason=no_token", Above(0.0)),
    ("Calls of strangers", "reason=unknown_token", Above(0.0)),
    ("Calls of strangers", "reason=revoked", Exactly(0.0)),
    ("TLS handshakes", "result=done", Above(0.0)),
    ("TLS handshakes", "result=failed", Above(0.0)),
    ("TLS handshakes", "result=timed_out", Exactly(0.0)),
    // Until the year 4000.
    ("Certificate", "", Above(60e9)),
    ("Changed files", "files=tokens result=refused", Above(0.0)),
    ("Changed files", "files=tokens result=taken", Above(0.0)),
    ("Changed files", "files=tls result=refused", Exactly(0.0)),
    ("Changed files", "files=tls result=taken", Exactly(0.0)),
    ("Changed files", "files=tokens", Exactly(1.0)),
    ("Changed files", "files=tls", Exactly(0.0)),
    ("Open calls by tenant", "tenant=alpha", Exactly(1.0)),
    ("Open calls by tenant", "tenant=beta", Exactly(1.0)),
    ("Variations by tenant", "tenant=alpha", Exactly(0.0)),
    ("Variations by tenant", "tenant=beta", Above(0.0)),
    ("Held up by quota", "quota=rate tenant=beta", Above(0.0)),
    ("Held up by quota", "quota=in_flight tenant=beta", Exactly(0.0)),
    ("Held up by quota", "quota=rate tenant=alpha", Exactly(0.0)),
    ("Calls refused by quota", "quota=calls tenant=alpha", Above(0.0)),
    ("Calls refused by quota", "quota=rate tenant=alpha", Exactly(0.0)),
    ("Calls refused by quota", "quota=calls tenant=beta", Exactly(0.0)),
    ("Engines ready", "engine=left", Exactly(1.0)),
    ("Engines ready", "engine=right", Exactly(1.0)),
    ("Editions", "engine=right", Exactly(2.0)),
    ("Reloads", "engine=left result=switched", Above(0.0)),
    ("Reloads", "engine=left result=refused", Exactly(0.0)),
    ("Reloads", "engine=left result=boot_failed", Exactly(0.0)),
    ("Reloads", "engine=right result=check_failed", Exactly(0.0)),
    ("Reloads of engines", "engine=left result=switched", Above(0.0)),
    ("PobatchCertificateExpires", "", Exactly(0.0)),
];

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

/// What guards a server, and changes as it runs.
struct Guard {
    mount: Mount,
    files: Vec<(&'static str, String)>,
    authority: Authority,
}

impl Guard {
    fn new() -> Self {
        let authority = Authority::new("ours");
        let pair = authority.issue();
        let tenants = [
            tenant("alpha", ALPHA, "calls_max = 1"),
            tenant("beta", BETA, &format!("variations_per_second = {BETAS_RATE}")),
        ];
        let files = vec![("tls.crt", pair.certificate), ("tls.key", pair.key), ("tokens.toml", tenants.concat())];
        let mut guard = Self { mount: Mount::new(&[]), files, authority };
        guard.put("");
        guard
    }

    /// Puts the files there, with something behind those of the tenants.
    fn put(&mut self, behind: &str) {
        let with = |(name, text): &(&'static str, String)| match *name {
            "tokens.toml" => (*name, format!("{text}{behind}")),
            _ => (*name, text.clone()),
        };
        let files: Vec<_> = self.files.iter().map(with).collect();
        self.mount.swap(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    }

    fn serve(&self) -> Served {
        let tokens = self.mount.text("tokens.toml");
        let engines = ["--engine", "left=sample", "--engine", "right=sample"];
        serve_tls(&self.mount, Stdio::null(), &[&engines[..], &["--tokens", &tokens]].concat())
    }
}

/// A connection to a server whose certificate comes from that authority.
async fn connect_trusting(url: &str, authority: &Authority) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    Endpoint::from_shared(url.to_owned()).unwrap().tls_config(tls).unwrap().connect().await
}

/// Everything that a guard is there for, again and again.
async fn knock(served: Arc<Served>, mut guard: Guard) {
    let mut on_the_right = start(None);
    if let Some(evaluate_stream_request::Request::Start(start)) = &mut on_the_right.request {
        start.base.as_mut().unwrap().engine = "right".into();
    }
    let channel = connect_trusting(&served.url, &guard.authority).await.unwrap();
    let _held = open_over(channel.clone(), ALPHA, on_the_right).await.unwrap();
    let mut admin = Admin::connect(&served.admin).await.unwrap();
    admin.reload("right".into(), String::new()).await.expect("the old edition stays, for it is held");
    let stranger = Authority::new("not ours");
    let mut catalog = CatalogServiceClient::new(channel);
    for round in 1.. {
        guard.put("and this is no TOML");
        reloaded(&served, "tokens", "refused", round).await;
        connect_trusting(&served.url, &stranger).await.expect_err("the client trusts somebody else");
        let question = v1::DescribeEngineRequest::default();
        catalog.describe_engine(Request::new(question.clone())).await.expect_err("no token");
        catalog.describe_engine(with_token(question.clone(), "nobody-has-this-token")).await.expect_err("unknown");
        catalog.describe_engine(with_token(question, ALPHA)).await.expect_err("one call is open");
        // A new connection for each session, or there would be one handshake only.
        let channel = connect_trusting(&served.url, &guard.authority).await.unwrap();
        let mut stream = open_over(channel, BETA, start(None)).await.unwrap();
        // What it may send in a second it may send at once; the rest takes two more.
        for index in 0..3 * BETAS_RATE {
            stream.send(index, &level(index % 90 + 1)).await;
        }
        stream.half_close();
        stream.rest().await.2.unwrap();
        admin.reload("left".into(), String::new()).await.unwrap();
        // What is in use is no change; a comment makes it one.
        guard.put(&format!("# {round}"));
        reloaded(&served, "tokens", "taken", round).await;
    }
}

/// Asks Prometheus; values that are no numbers are left out. Labels are as in [`OF_THE_GUARDED`], in their order, without
/// those that say which server it is.
async fn ask(prometheus: &str, query: &str) -> Result<Vec<(String, f64)>, String> {
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
    let value = |sample: &Value| {
        let labels: BTreeMap<String, String> = serde_json::from_value(sample["metric"].clone()).ok()?;
        let labels = labels.iter().filter(|(name, _)| !["__name__", "instance", "job"].contains(&name.as_str()));
        let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
        let value = sample["value"][1].as_str()?.parse::<f64>().ok().filter(|value| !value.is_nan())?;
        Some((labels.join(" "), value))
    };
    Ok(result.iter().filter_map(value).collect())
}

/// A condition that does not hold gives nothing; as a question it gives 0 or 1. What stands in parentheses stays as it is:
/// it chooses what the condition is about.
fn as_question(condition: &str) -> String {
    let (mut question, mut depth) = (String::new(), 0);
    for word in condition.split_inclusive(' ') {
        question.push_str(word);
        let ends = word.chars().map(|character| i32::from(character == '(') - i32::from(character == ')'));
        depth += ends.sum::<i32>();
        if depth == 0 && ["> ", "< ", "== "].contains(&word) {
            question.push_str("bool ");
        }
    }
    question
}

/// Whatever is asked for of these servers, with who asks.
fn expressions(instance: &str) -> Vec<(String, String)> {
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
            let asked = if key == "- alert: " { as_question(&expression) } else { expression };
            all.push((name.to_owned(), asked));
        }
    }
    for (_, expression) in &mut all {
        for (variable, value) in VARIABLES {
            *expression = expression.replace(variable, value);
        }
        *expression = expression.replace("$instance", instance);
    }
    all
}

/// Everything in [`OF_THE_GUARDED`] is said, at one time or another, and what is 0 to the end.
async fn panels_say_what_was_done(prometheus: &str, instance: &str) {
    let mut all = expressions(instance);
    all.retain(|(name, _)| OF_THE_GUARDED.iter().any(|(panel, ..)| panel == name));
    let said = async |panel: &str, labels: &str| {
        let mut values = Vec::new();
        for (_, expression) in all.iter().filter(|(name, _)| name == panel) {
            values.extend(ask(prometheus, expression).await.unwrap());
        }
        let ours: Vec<_> = values.iter().filter(|(these, _)| these == labels).map(|(_, value)| *value).collect();
        assert!(ours.len() <= 1, "{panel} says {ours:?} of {labels}");
        ours.first().copied()
    };
    let mut waited_for = OF_THE_GUARDED.to_vec();
    let all_said = async {
        while !waited_for.is_empty() {
            let mut unsaid = Vec::new();
            for (panel, labels, says) in waited_for.drain(..) {
                if !said(panel, labels).await.is_some_and(|value| says.is(value)) {
                    unsaid.push((panel, labels, says));
                }
            }
            waited_for = unsaid;
            tokio::time::sleep(LOOK).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all_said).await.is_ok();
    assert!(in_time, "unsaid: {waited_for:#?}");
    for (panel, labels, says) in OF_THE_GUARDED {
        if says.is(0.0) {
            assert_eq!(said(panel, labels).await, Some(0.0), "{panel}, {labels}");
        }
    }
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
    let guard = Guard::new();
    let guarded = Arc::new(guard.serve());
    let directory = tempfile::tempdir().unwrap();
    let address_of = |served: &Served| served.http.trim_start_matches("http://").to_owned();
    let configuration = fs::read_to_string(deploy().join("prometheus.yml")).unwrap();
    let configuration = configuration
        .replace("15s", "1s")
        .replace("127.0.0.1:50052", &format!("{}', '{}", address_of(&served), address_of(&guarded)))
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
            || ask(&url, "up{job=\"pobatch\"} == 1").await.is_ok_and(|values| values.len() < 2)
        {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, scraped).await.expect("Prometheus scrapes the servers");
    let _load = task::spawn_owned("load", load(served.url.clone()));
    let _knock = task::spawn_owned("knock", knock(Arc::clone(&guarded), guard));

    // Whatever has answered once need not be asked again.
    let mut missing = expressions(".*");
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
        expressions(".*").iter().filter(|(name, _)| RIGHTLY_EMPTY.iter().any(|(empty, _)| empty == name))
    {
        assert_eq!(ask(&url, expression).await, Ok(Vec::new()), "{name} is not empty: take it off the list");
    }
    let up = ask(&url, "up").await.unwrap();
    assert_eq!(up, vec![(String::new(), 1.0); 2], "both are scraped without an error");
    panels_say_what_was_done(&url, &address_of(&guarded)).await;

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
