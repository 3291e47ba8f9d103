//! The status page in a real browser: it loads, shows what is so while the server works, and makes text of whatever
//! clients send. With `POBATCH_SCREENSHOT=FILE` it leaves the picture that the README shows.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use common::{
    RANGER, WITCH,
    browser::Browser,
    fault,
    front::{Stream, connect, start, start_on},
    level,
    served::Served,
    tools,
};
use pobatch::{
    build::variation::{ItemChange, Variation},
    task,
};

/// What a client might put where a name belongs.
const HOSTILE: &str = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// The witch, but her class is hostile.
fn hostile_build() -> String {
    let name = HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let build = WITCH.replacen("<Build ", &format!("<Build ascendClassName=\"{name}\" "), 1);
    let (before, rest) = build.split_once("ascendClassName=\"Frostweaver\"").expect("the witch has an ascendancy");
    format!("{before}{rest}")
}

/// A variation whose failure quotes what was sent.
fn hostile_slot() -> Variation {
    let item = ItemChange { slot: HOSTILE.into(), text: None, item: None, empty: true };
    Variation { items: vec![item], ..Variation::default() }
}

/// Works as an optimizer would, until it is dropped.
async fn load(url: String) {
    let mut stream = Stream::open(connect(&url).await, start(None)).await.unwrap();
    for index in 0.. {
        stream.send(index, &level(index % 90 + 1)).await;
        if index >= 500 {
            stream.outcome().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_a_server_at_work_and_makes_text_of_whatever_clients_send() {
    let Some(chromium) = tools::find("chromium") else { return };
    let served = Served::start(&[
        "--shards",
        "2",
        "--cache-size",
        "0",
        "--memory-limit",
        "64MiB",
        "--memory-soft",
        "8MiB",
        "--memory-hard",
        "16MiB",
    ]);
    let channel = connect(&served.url).await;
    // No engine takes a class of that name; the base is refused, or it is loaded and shown. Either way it must be text.
    let hostile = Stream::open(channel.clone(), start_on(&hostile_build(), None)).await;
    let hostile_base_is_loaded = hostile.is_ok();
    let mut stream = Stream::open(channel, start(None)).await.unwrap();
    stream.send("slot", &hostile_slot()).await;
    stream.send("memory", &fault("memory")).await;
    for _ in 0..2 {
        stream.outcome().await;
    }
    let load = task::spawn_owned("load", load(served.url.clone()));

    let profile = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(&chromium, profile.path());
    let page = format!("{}/", served.http);
    browser.open(&page, (1200, 720), "light");
    browser.until("document.querySelectorAll('#shards tbody tr').length === 2");
    // Only what comes after the first look has a rate.
    let rate = "Number(document.querySelector('#tiles .value').firstChild.textContent.replaceAll(',', ''))";
    browser.until(&format!("{rate} > 0"));
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().unwrap();
    for words in ["serving", "engine sample", "Lua heap", "unknown slot", "memory limit", "Frostweaver, level 85"] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    // It refreshes itself.
    let served_by_all = "before.shards.reduce((sum, shard) => sum + shard.served, 0)";
    let first = browser.evaluate(served_by_all).as_f64().unwrap();
    browser.until(&format!("{served_by_all} > {first}"));
    assert_eq!(browser.evaluate("document.querySelector('#when').textContent"), "live");

    // What is hostile is there, as text.
    assert!(text.contains("<img src=x onerror="), "{text}");
    if hostile_base_is_loaded {
        browser.until("document.querySelector('#bases').innerText.includes('</script><script>')");
    }
    assert_eq!(browser.evaluate("document.title"), "pobatch: serving");
    assert_eq!(browser.evaluate("document.querySelectorAll('img, iframe, object, [onerror]').length"), 0);
    assert_eq!(browser.evaluate("document.scripts.length"), 2, "the data and the script");
    assert_eq!(browser.complaints, Vec::<String>::new(), "neither errors nor anything that the policy refused");
    // What the policy forbids cannot be done even by somebody who got that far.
    let smuggled = "document.body.append(Object.assign(document.createElement('script'), \
                    { textContent: 'document.title = \"owned\"' })); document.title";
    assert_eq!(browser.evaluate(smuggled), "pobatch: serving");

    // By night the page is dark, by day it is light.
    let brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b)";
    assert!(browser.evaluate(brightness).as_f64().unwrap() > 600.0);
    browser.open(&page, (1200, 720), "dark");
    browser.until(&format!("document.querySelectorAll('#shards tbody tr').length === 2 && {brightness} < 150"));
    // A phone shows all of it without scrolling sideways.
    browser.open(&page, (390, 844), "light");
    browser.until("innerWidth === 390 && document.querySelectorAll('#shards tbody tr').length === 2");
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);

    // A server that is gone is not shown as if it lived.
    drop(load);
    drop(served);
    browser.evaluate("heard = 0");
    browser.until("document.querySelector('#when').textContent.startsWith('no answer')");
    if let Some(file) = std::env::var_os("POBATCH_SCREENSHOT") {
        picture(&mut browser, Path::new(&file)).await;
    }
}

/// The picture that the README shows: a server at work for two optimizers, one of which sends what does not end.
async fn picture(browser: &mut Browser, file: &Path) {
    let marks = ["--memory-soft", "96MiB", "--memory-hard", "128MiB", "--memory-total", "2GiB"];
    let arguments = [&["--shards", "3", "--variation-timeout", "1s", "--cache-size", "0"], &marks[..]].concat();
    let served = Served::start(&arguments);
    let mut stream = Stream::open(connect(&served.url).await, start_on(RANGER, None)).await.unwrap();
    let slot = ItemChange { slot: "Ring 9".into(), text: None, item: None, empty: true };
    stream.send("slot", &Variation { items: vec![slot], ..Variation::default() }).await;
    stream.send("loop", &fault("loop")).await;
    for _ in 0..2 {
        stream.outcome().await;
    }
    let _load = task::spawn_owned("load", load(served.url.clone()));
    browser.open(&format!("{}/", served.http), (1100, 735), "light");
    browser.until("document.querySelector('#shards tbody tr') && Number(document.querySelector('#shards tbody tr').cells[6].textContent.replaceAll(',', '')) > 3000");
    fs::write(file, BASE64_STANDARD.decode(browser.screenshot()).unwrap()).unwrap();
}
