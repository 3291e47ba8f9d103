//! A real `HAProxy` (Debian's `haproxy` package) in front of two real servers, by the very file that `deploy/` has. Servers
//! drain, are killed and come back under load; a client that spreads over the proxy loses nothing, and one that tries nothing
//! again sees how calls fail.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    PATIENCE, WITCH,
    front::{Stream, connect, message, start},
    level,
    raw::call,
    scrape::{Scrape, get},
    served::Served,
    tools::{self, Running},
};
use pobatch::{
    build::{outcome::StatValue, variation::Variation},
    client::{Admin, Build, Client, Named, Request, RetryPolicy, StatChoice},
    task,
};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Variations of the client that loses none.
const VARIATIONS: usize = 20_000;
/// Its sessions; the proxy deals them out.
const SESSIONS: usize = 4;
/// Outcomes behind which a server drains, takes calls again, and is killed, if it has sessions by then.
const DRAINED_AT: usize = 3_000;
const UNDRAINED_AT: usize = 6_000;
const KILLED_AT: usize = 9_000;
/// Between two looks at what takes some milliseconds.
const LOOK: Duration = Duration::from_millis(20);

/// A proxy that does not outlive its test.
struct Haproxy {
    url: String,
    _process: Running,
    directory: tempfile::TempDir,
}

impl Haproxy {
    /// Starts it in front of these servers; `None` where there is no such program.
    async fn start(servers: &[&Served]) -> Option<Self> {
        let program = tools::find("haproxy")?;
        let directory = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = directory.path().join("haproxy.cfg");
        fs::write(&file, configuration(&address.to_string(), servers)).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let process = Command::new(program)
            .args([Path::new("-db"), Path::new("-f"), &file])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let proxy = Self { url: format!("http://{address}"), _process: Running(process), directory };
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let listens = tokio::time::timeout(PATIENCE, listening).await;
        assert!(listens.is_ok(), "{}", proxy.log());
        Some(proxy)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

/// What `deploy/` has, with the addresses of this test, and quicker checks so that the test is.
fn configuration(address: &str, servers: &[&Served]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proxy/haproxy.cfg");
    let mut text = fs::read_to_string(file).unwrap();
    let mut replace = |from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    };
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let lines = servers.iter().enumerate().map(|(index, server)| {
        format!("    server s{index} 127.0.0.1:{} port {}\n", port(&server.url), port(&server.http))
    });
    replace("    server one 127.0.0.1:50051\n", &lines.collect::<String>());
    replace("bind :50050", &format!("bind {address}"));
    replace("inter 1s fastinter 500ms", "inter 100ms");
    replace("slowstart 20s", "slowstart 1s");
    text
}

fn server() -> Served {
    // Nothing is known already: each variation is work.
    Served::start(&["--shards", "1", "--cache-size", "0"])
}

/// The server as it was before it was killed, where it was before.
fn again(killed: &(String, String, String)) -> Served {
    let (url, http, admin) = killed;
    let address = |url: &str| url.trim_start_matches("http://").to_owned();
    let listeners = ["--http-listen", &address(http), "--admin-listen", &address(admin)];
    Served::start_at(&address(url), &[&["--shards", "1", "--cache-size", "0"], &listeners[..]].concat())
}

/// Sessions that are open on a server now.
async fn sessions(admin: &mut Admin) -> u64 {
    admin.status().await.unwrap().occupancy.unwrap().sessions
}

/// Whether a server ever had a session.
async fn was_used(server: &Served) -> bool {
    let (_, _, text) = get(&server.http, "/metrics").await;
    let is_session = |name: &str| name.starts_with("grpc_server_started_total{") && name.contains("\"EvaluateStream\"");
    Scrape::parse(&text).series.iter().any(|(name, count)| is_session(name) && *count > 0.0)
}

/// How calls failed: their codes, with the reasons of our servers.
type Seen = Arc<Mutex<BTreeMap<(i32, String), usize>>>;

/// Opens sessions, one after the other, and tries nothing again.
async fn observe(url: String, seen: Seen) {
    let channel = connect(&url).await;
    loop {
        let session = async {
            let mut stream = Stream::open(channel.clone(), start(None)).await?;
            for index in 0..50 {
                let requests = stream.requests.as_ref().expect("not half-closed");
                // A call that is over takes nothing more; how it ended is read below.
                let _ = requests.send(message(index, &level(index % 100 + 1))).await;
            }
            stream.half_close();
            stream.rest().await.2
        };
        if let Err(status) = session.await {
            *seen.lock().unwrap().entry(said(&status)).or_default() += 1;
        }
    }
}

fn said(status: &Status) -> (i32, String) {
    let details = status.get_error_details();
    let reason = details.error_info().map_or_else(|| status.message().to_owned(), |info| info.reason.clone());
    (status.code().into(), reason)
}

/// Whether a client is right to try again: a server of ours or the proxy says so, or the connection broke. A server of ours
/// never says INTERNAL without a reason: that is a stream that was cut within a message.
fn is_worth_another_try((code, reason): &(i32, String)) -> bool {
    match Code::from(*code) {
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted => true,
        Code::Unknown | Code::Cancelled | Code::Internal => reason.chars().any(char::is_lowercase),
        _ => false,
    }
}

fn variations() -> impl Iterator<Item = Named> {
    (0..VARIATIONS).map(|number| {
        let custom_mods = Some(format!("+{number} to maximum Life"));
        Named { id: number.to_string(), variation: Variation { custom_mods, ..Variation::default() } }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_behind_a_proxy_whose_servers_drain_die_and_come_back() {
    let (first, second) = (server(), server());
    let Some(proxy) = Haproxy::start(&[&first, &second]).await else { return };
    let seen = Seen::default();
    let _observers: Vec<_> =
        (0..2).map(|_| task::spawn_owned("observer", observe(proxy.url.clone(), Arc::clone(&seen)))).collect();
    let policy = RetryPolicy { first_pause: Duration::from_millis(20), attempts: 20, ..RetryPolicy::default() };
    let client = Client::connect_to(vec![proxy.url.clone(); SESSIONS]).await.unwrap().with_retry(policy);
    let request = Request {
        stats: StatChoice::Named(vec!["Life".into()]),
        in_flight_max: 64,
        ..Request::new(Build::Xml(WITCH.to_owned()))
    };
    let mut evaluation = client.evaluate(request, variations()).await.unwrap();

    let mut first_admin = Admin::connect(&first.admin).await.unwrap();
    let mut second_admin = Admin::connect(&second.admin).await.unwrap();
    let (mut is_drained, mut is_back, mut second) = (false, false, Some(second));
    let mut was_killed = false;
    let mut lives: BTreeMap<usize, f64> = BTreeMap::new();
    while let Some(outcome) = evaluation.next().await.unwrap() {
        let stats = outcome.result.expect("each can be computed");
        let StatValue::Number(life) = stats[0].1 else { panic!("{stats:?}") };
        let is_new = lives.insert(outcome.id.parse().unwrap(), life).is_none();
        assert!(is_new, "{} has two outcomes", outcome.id);
        let count = lives.len();
        // Now and then, so that looking is not most of the work.
        if !count.is_multiple_of(100) {
            continue;
        }
        if count >= DRAINED_AT && !is_drained && sessions(&mut first_admin).await > 0 {
            first_admin.drain().await.unwrap();
            is_drained = true;
        } else if count >= UNDRAINED_AT && is_drained && !is_back {
            first_admin.undrain().await.unwrap();
            is_back = true;
        } else if count >= KILLED_AT && is_back && !was_killed && sessions(&mut second_admin).await > 0 {
            let killed = second.take().unwrap();
            let place = (killed.url.clone(), killed.http.clone(), killed.admin.clone());
            killed.signal(Signal::KILL);
            killed.ended().await;
            second = Some(again(&place));
            was_killed = true;
        }
    }
    assert!(is_drained && is_back && was_killed, "all of it happened under load");
    assert_eq!(lives.len(), VARIATIONS, "nothing is lost");
    let base = lives[&0];
    // Life grows with what is added, by the same factor each time: nobody got a neighbour's outcome.
    assert!(lives.values().is_sorted() && lives[&(VARIATIONS - 1)] > base, "{base}");
    let summary = evaluation.summary().unwrap();
    assert_eq!(summary.succeeded, VARIATIONS as u64);
    assert!(summary.resumed >= 2, "sessions broke: {}", summary.resumed);

    let second = second.expect("it was started again");
    let used = async {
        while !was_used(&second).await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, used).await.expect("who has come back is used again");

    let seen = seen.lock().unwrap().clone();
    eprintln!("{} calls resumed, {} variations taken over; others saw {seen:?}", summary.resumed, summary.stolen);
    assert!(!seen.is_empty(), "whoever does not try again sees something of it");
    assert!(seen.keys().all(is_worth_another_try), "{seen:?}\n{}", proxy.log());
    let log = proxy.log();
    for server in ["server=s0", "server=s1"] {
        assert!(log.contains(server), "{server} was used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_says_itself_is_grpc() {
    let killed = server();
    let Some(proxy) = Haproxy::start(&[&killed]).await else { return };
    drop(killed);
    let mut client = tonic_health::pb::health_client::HealthClient::new(connect(&proxy.url).await);
    let refused = client.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let nothing_of_ours = call(connect(&proxy.url).await, "/elsewhere.v1.Service/Method", Vec::new()).await;
    assert_eq!(nothing_of_ours, Code::Unimplemented);
}
