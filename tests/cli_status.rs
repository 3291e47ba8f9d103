//! `pobatch status` and `pobatch admin`, as an operator runs them, over a Unix socket.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::process::{Command, Output};

use common::{
    front::{Stream, connect, start},
    level,
    served::Served,
};

fn pobatch(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_pobatch")).args(arguments).env_clear().output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_a_server_in_the_terminal_and_tells_it_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let admin = format!("unix:{}", directory.path().join("admin.sock").display());
    let served = Served::start(&["--shards", "2", "--admin-listen", &admin]);
    assert_eq!(served.admin, admin);
    let channel = connect(&served.url).await;
    let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
    stream.send("one", &level(5)).await;
    stream.outcome().await;
    let at = ["--admin", admin.as_str()];

    let (code, table) = pobatch(&[&["status"], &at[..]].concat());
    assert_eq!(code, Some(0), "{table}");
    for words in ["engine sample", "SERVING", "Frostweaver, level 85", "idle", "sessions 1 of"] {
        assert!(table.contains(words), "no `{words}` in {table}");
    }
    let (code, json) = pobatch(&[&["status", "--format", "json"], &at[..]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, json["state"].as_str(), json["occupancy"]["sessions"].as_u64()),
        (Some(0), Some("serving"), Some(1))
    );
    let served_by_all: u64 =
        json["shards"].as_array().unwrap().iter().map(|shard| shard["served"].as_u64().unwrap()).sum();
    assert_eq!(served_by_all, 1);
    let base = json["bases"][0]["base_id"].as_str().unwrap().to_owned();

    let tell = |order: &[&str]| pobatch(&[&["admin"], &at[..], order].concat());
    assert_eq!(tell(&["reset"]), (Some(0), "2 shards reset\n".into()));
    assert_eq!(tell(&["reset", "1"]), (Some(0), "1 shards reset\n".into()));
    let (code, words) = tell(&["reset", "7"]);
    assert!(code == Some(65) && words.contains("there is no shard 7, but 2"), "{words}");
    let (code, words) = tell(&["evict", &base]);
    assert!(code == Some(65) && words.contains("is in use"), "{words}");
    stream.half_close();
    stream.rest().await.2.unwrap();
    assert_eq!(tell(&["drain"]).0, Some(0));
    assert!(Stream::open(channel.clone(), start(None)).await.is_err());
    assert!(pobatch(&[&["status"], &at[..]].concat()).1.contains("DRAINING"));
    assert_eq!(tell(&["undrain"]).0, Some(0));
    Stream::open(channel, start(None)).await.expect("it takes calls again");
    assert_eq!(tell(&["log", "debug"]), (Some(0), "logged was `info`\n".into()));
    assert_eq!(tell(&["log", "a=b=c"]).0, Some(65));

    drop(served);
    let (code, words) = pobatch(&[&["status"], &at[..]].concat());
    assert!(code == Some(69) && words.contains("cannot connect"), "{words}");
}
