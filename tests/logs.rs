//! What a server logs: events with fields, under the ids that clients gave; never what builds contain; more or less of it
//! by an operator's word.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use common::{
    PATIENCE, WITCH, fault,
    front::{Stream, connect, message, start_on},
    tools::Running,
};
use pobatch::{
    build::variation::Variation,
    client::Admin,
    proto::v1::{
        EvaluateStreamRequest, catalog_service_client::CatalogServiceClient,
        evaluation_service_client::EvaluationServiceClient,
    },
};
use serde_json::Value;
use tonic::metadata::MetadataValue;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A server whose log is read, as JSON.
struct Logging {
    url: String,
    admin: String,
    lines: Receiver<Value>,
    /// Every line that was read, as it was.
    seen: String,
    _process: Running,
}

impl Logging {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pobatch"))
            .args(["serve", "--faults", "--listen", "127.0.0.1:0", "--shards", "1", "--log-format", "json"])
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        for _ in 0..2 {
            output.read_line(&mut first).unwrap();
        }
        let urls: Vec<_> = first.split([' ', ',', '\n']).filter(|word| word.starts_with("http://")).collect();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let (url, admin) = (urls[0].to_owned(), urls[2].to_owned());
        Self { url, admin, lines, seen: String::new(), _process: Running(child) }
    }

    /// Reads on to an event.
    fn until(&mut self, words: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no `{words}` in {}", self.seen));
            self.seen += &line.to_string();
            self.seen.push('\n');
            if line["message"] == words {
                return line;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_logged_under_the_ids_that_its_client_gave_and_nothing_that_it_sent() {
    const SECRET: &str = "the gardener did it";
    let mut server = Logging::start();
    server.until("ready");
    let build = WITCH.replacen("<Build ", &format!("<Notes>{SECRET}</Notes><Build "), 1);
    let secret = Variation { custom_mods: Some(SECRET.into()), ..Variation::default() };
    let messages: Vec<EvaluateStreamRequest> =
        vec![start_on(&build, None), message("a", &secret), message("b", &fault("abort"))];
    let mut request = tonic::Request::new(tokio_stream::iter(messages));
    let headers = request.metadata_mut();
    headers.insert("x-request-id", MetadataValue::from_static("job-7"));
    headers.insert("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01").parse().unwrap());
    let mut client = EvaluationServiceClient::new(connect(&server.url).await);
    let answer = client.evaluate_stream(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "job-7");
    let mut stream = Stream { requests: None, answers: answer.into_inner() };
    while stream.next().await.unwrap().is_some() {}

    assert!(server.until("base loaded")["heap_bytes"].as_u64().unwrap() > 0);
    assert_eq!(server.until("runtime lost")["reason"], "runtime_crashed");
    let served = server.until("call served");
    assert_eq!((served["level"].as_str(), served["request_id"].as_str()), (Some("INFO"), Some("job-7")));
    let span = &served["span"];
    assert_eq!((span["name"].as_str(), span["trace_id"].as_str()), (Some("call"), Some(TRACE)), "{served}");
    assert_eq!(span["method"], "/pobatch.v1.EvaluationService/EvaluateStream");
    assert!(!server.seen.contains("gardener"), "{}", server.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_what_is_logged_while_the_server_runs() {
    let mut server = Logging::start();
    server.until("ready");
    let mut admin = Admin::connect(&server.admin).await.unwrap();
    assert_eq!(admin.set_log_filter("pobatch=debug".into()).await.unwrap(), "info");
    CatalogServiceClient::new(connect(&server.url).await)
        .describe_engine(pobatch::proto::v1::DescribeEngineRequest::default())
        .await
        .unwrap();
    let method = loop {
        let ended = server.until("call ended");
        let method = ended["span"]["method"].as_str().unwrap().to_owned();
        if method.contains("Catalog") {
            break method;
        }
    };
    assert_eq!(method, "/pobatch.v1.CatalogService/DescribeEngine");
    assert_eq!(admin.set_log_filter("warn".into()).await.unwrap(), "pobatch=debug");
    admin.set_log_filter("pobatch=nonsense".into()).await.expect_err("it makes no sense");
    admin.set_log_filter(String::new()).await.expect_err("neither does nothing");
}
