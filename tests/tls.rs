//! TLS of the public listener, over real connections to the real program: who is let in, who is not, and what happens
//! when its files change.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::process::{Command, Stdio};

use common::{
    WITCH,
    guarded::{Authority, Mount, Pair, reloaded, scrape, serve_tenants, serve_tls, tenant, trusting, until},
    scrape::Scrape,
    served::Served,
};
use pobatch::{
    build::variation::Variation,
    client::{Access, Build, Client, ClientError, Evaluation, Named, Request},
};

fn files<'a>(server: &'a Pair, authority: &'a str) -> [(&'static str, &'a str); 3] {
    [("tls.crt", &server.certificate), ("tls.key", &server.key), ("ca.crt", authority)]
}

/// Connects and asks something: with TLS 1.3 a client hears that it was refused with its first answer.
async fn ask(served: &Served, access: &Access) -> Result<Client, ClientError> {
    let client = Client::connect_with([&served.url], access).await?;
    client.describe_engine().await?;
    Ok(client)
}

/// An endless session, of which a variation is sent with each step.
async fn session(client: &Client) -> Evaluation<impl Iterator<Item = Named> + use<>> {
    let request = Request { in_flight_max: 1, ..Request::new(Build::Xml(WITCH.to_owned())) };
    let variations = (1..).map(|at| Named {
        id: at.to_string(),
        variation: Variation { level: Some(at % 90 + 1), ..Variation::default() },
    });
    client.evaluate(request, variations).await.unwrap()
}

fn handshakes(scrape: &Scrape, result: &str) -> u64 {
    scrape.count("pobatch_tls_handshakes_total", &[result])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_trusts_the_servers_authority_is_served_and_whom_the_certificate_does_not_convince_leaves() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let mount = Mount::new(&files(&ours.issue(), &ours.pem()));
    let served = serve_tls(&mount, Stdio::null(), &[]);
    assert!(served.url.starts_with("https://"));
    ask(&served, &trusting(&mount)).await.unwrap();
    assert_eq!(handshakes(&scrape(&served).await, "done"), 1);

    let other = Mount::new(&files(&ours.issue(), &theirs.pem()));
    for (access, why) in
        [(trusting(&other), "of another authority"), (Access::default(), "of none that the system trusts")]
    {
        let error = ask(&served, &access).await.expect_err(why);
        assert!(matches!(error, ClientError::Connect { .. }), "{why}: {error:?}");
    }
    let plain = served.url.replace("https://", "http://");
    Client::connect(&plain).await.unwrap().describe_engine().await.expect_err("plain text where TLS is spoken");
    // More than three, if a client tries again by itself.
    until(&served, "failed handshakes", |scrape| handshakes(scrape, "failed") >= 3).await;

    for (pair, why) in [(ours.issue_expired(), "expired"), (ours.issue_for("example.com", 4000), "for another name")] {
        let mount = Mount::new(&files(&pair, &ours.pem()));
        let served = serve_tls(&mount, Stdio::null(), &[]);
        let error = ask(&served, &trusting(&mount)).await.expect_err(why);
        assert!(matches!(error, ClientError::Connect { .. }), "{why}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_must_show_a_certificate_one_of_the_right_authority_is_good_and_nothing_else() {
    let (server, clients, strangers) =
        (Authority::new("server"), Authority::new("clients"), Authority::new("strangers"));
    let mount = Mount::new(&files(&server.issue(), &server.pem()));
    let authorities = Mount::new(&[("clients.crt", &clients.pem())]);
    let served = serve_tls(&mount, Stdio::null(), &["--tls-client-ca", &authorities.text("clients.crt")]);
    let showing = |pair: &Pair| {
        let files = Mount::new(&[("c", &pair.certificate), ("k", &pair.key)]);
        let access = Access { identity: Some((files.path("c"), files.path("k"))), ..trusting(&mount) };
        (access, files)
    };

    let (access, _files) = showing(&clients.issue());
    ask(&served, &access).await.expect("a certificate of the right authority");
    ask(&served, &trusting(&mount)).await.expect_err("no certificate");
    for (pair, why) in [
        (strangers.issue(), "of another authority"),
        (clients.issue_expired(), "expired"),
        (server.issue(), "of the server's own authority"),
    ] {
        let (access, _files) = showing(&pair);
        ask(&served, &access).await.expect_err(why);
    }
    // More than four, if a client tries again by itself.
    let scrape = until(&served, "four refusals", |scrape| handshakes(scrape, "failed") >= 4).await;
    assert_eq!(handshakes(&scrape, "done"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let mut mount = Mount::new(&files(&old.issue(), &old.pem()));
    let served = serve_tls(&mount, Stdio::null(), &[]);
    let client = ask(&served, &trusting(&mount)).await.unwrap();
    let mut session = session(&client).await;
    session.next().await.unwrap().unwrap();

    let pair = new.issue();
    mount.swap(&files(&pair, &new.pem()));
    reloaded(&served, "tls", "taken", 1).await;
    ask(&served, &trusting(&mount)).await.expect("a client that knows the new authority only");
    let before = Mount::new(&[("ca.crt", &old.pem())]);
    ask(&served, &trusting(&before)).await.expect_err("one that knows the old one only");
    session.next().await.unwrap().expect("the session goes on");

    let expires = |scrape: &Scrape| scrape.count("pobatch_tls_certificate_expiry_timestamp_seconds", &[]);
    assert_eq!(expires(&scrape(&served).await), 64_060_588_800, "the year 4000");
    let stale = |scrape: &Scrape| scrape.count("pobatch_reload_refused", &["tls"]);
    assert_eq!(stale(&scrape(&served).await), 0);
    // The key of another certificate, as if two steps of a replacement lay far apart.
    let (certificate, key) = (new.issue().certificate, pair.key.clone());
    mount.swap(&files(&Pair { certificate, key }, &new.pem()));
    reloaded(&served, "tls", "refused", 1).await;
    assert_eq!(stale(&scrape(&served).await), 1);
    ask(&served, &trusting(&mount)).await.expect("what was there before stays in use");

    // Gone, as if the mount were.
    std::fs::remove_file(mount.path("tls.key")).unwrap();
    reloaded(&served, "tls", "refused", 2).await;
    ask(&served, &trusting(&mount)).await.expect("and is needed no more");
    session.next().await.unwrap().expect("the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_clients_change_without_a_restart_too() {
    let (server, before, after) = (Authority::new("server"), Authority::new("before"), Authority::new("after"));
    let mount = Mount::new(&files(&server.issue(), &server.pem()));
    let mut authorities = Mount::new(&[("clients.crt", &before.pem())]);
    let served = serve_tls(&mount, Stdio::null(), &["--tls-client-ca", &authorities.text("clients.crt")]);
    let pair = before.issue();
    let files = Mount::new(&[("c", &pair.certificate), ("k", &pair.key)]);
    let access = Access { identity: Some((files.path("c"), files.path("k"))), ..trusting(&mount) };
    ask(&served, &access).await.unwrap();
    authorities.swap(&[("clients.crt", &after.pem())]);
    reloaded(&served, "tls", "taken", 1).await;
    ask(&served, &access).await.expect_err("nobody vouches for it any more, nor does what it remembers of the server");
}

/// Runs the program; gives its exit code and what it said.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pobatch")).args(arguments).env_clear().output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reaches_a_guarded_server() {
    const TOKEN: &str = "a-token-of-a-tenant";
    let (server, clients) = (Authority::new("server"), Authority::new("clients"));
    let mount = Mount::new(&files(&server.issue(), &server.pem()));
    let pair = clients.issue();
    let rest = Mount::new(&[
        ("clients.crt", &clients.pem()),
        ("client.crt", &pair.certificate),
        ("client.key", &pair.key),
        ("tokens.toml", &tenant("somebody", TOKEN, "")),
        ("token", &format!("{TOKEN}\n")),
        ("wrong", "another-token-altogether"),
    ]);
    let path = |name: &str| rest.text(name);
    let served =
        serve_tls(&mount, Stdio::null(), &["--tls-client-ca", &path("clients.crt"), "--tokens", &path("tokens.toml")]);
    let (ca, certificate, key) = (mount.text("ca.crt"), path("client.crt"), path("client.key"));
    let eval = |token: &str| {
        let file = path(token);
        let access = ["--tls-ca", &ca, "--tls-cert", &certificate, "--tls-key", &key, "--token-file", &file];
        let what = ["eval", "--base", "examples/witch.xml", "--vary", "passives", "--endpoint", &served.url];
        run(&[&what[..], &access].concat())
    };
    let (code, said) = eval("token");
    assert!(code == Some(0) && said.contains("5 evaluated"), "{said}");
    let (code, said) = eval("wrong");
    assert!(code == Some(77) && said.contains("a valid token is needed"), "{said}");
    let (code, said) = eval("client.key");
    assert!(code == Some(65) && said.contains("holds no token") && !said.contains("PRIVATE"), "{said}");
    let (code, said) = eval("nothing");
    assert!(code == Some(66) && said.contains("cannot read"), "{said}");
}

#[test]
fn a_server_does_not_start_unguarded_where_a_guard_was_asked_for() {
    let mount = Mount::new(&files(&Authority::new("ours").issue(), ""));
    let (certificate, key) = (mount.text("tls.crt"), mount.text("tls.key"));
    let serve = |arguments: &[&str]| run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    for (arguments, code, words) in [
        (&["--tls-cert", &certificate, "--tls-key", &certificate][..], 69, "the key file holds no private key"),
        (&["--tls-cert", &certificate, "--tls-key", "/nowhere"], 69, "cannot read /nowhere"),
        (&["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &key], 69, "client authorities holds no"),
        (&["--tokens", &key], 69, "line 1: "),
        (&["--http-listen", "off", "--admin-listen", "0.0.0.0:0"], 64, "--allow-plaintext allows it"),
    ] {
        let (ended, said) = serve(arguments);
        assert!(ended == Some(code) && said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    let tenants = Mount::new(&[("tokens.toml", &tenant("a", "0123456789abcdef", ""))]);
    drop(serve_tenants(&tenants, &[]));
}
