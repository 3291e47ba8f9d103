//! The contract with operators about metrics: what the scrape of a server looks like, and that dashboards, alerts and
//! runbook speak of what there is. Needs nothing but the server; `prometheus.rs` asks the real Prometheus.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use common::{
    front::start,
    guarded::{Mount, open, serve_tenants, tenant},
    level,
    scrape::{Scrape, get},
    served::Served,
};
use pobatch::{
    build::outcome::FailureReason,
    supervisor::{Refusal, ResetReason},
};
use serde_json::Value;

/// A scrape of a server that has worked a little, for a tenant: without one there would be no series of tenants.
async fn scrape() -> Scrape {
    const TOKEN: &str = "0123456789abcdef";
    let mount = Mount::new(&[("tokens.toml", &tenant("somebody", TOKEN, ""))]);
    let served = serve_tenants(&mount, &[]);
    let mut stream = open(&served.url, TOKEN, start(None)).await.unwrap();
    stream.send("one", &level(1)).await;
    stream.outcome().await;
    Scrape::parse(&get(&served.http, "/metrics").await.2)
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/dashboards/pobatch.json")).unwrap()
}

/// Family of a series, and its labels.
fn parts<'a>(scrape: &Scrape, series: &'a str) -> (String, Vec<&'a str>) {
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    let family = family.filter(|family| scrape.types.get(*family).is_some_and(|kind| kind == "histogram"));
    let labels = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name).collect();
    (family.unwrap_or(name).to_owned(), labels)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_keeps_the_rules_of_promlint() {
    /// Abbreviations and units that are no base units.
    const BAD_UNITS: [&str; 13] = [
        "ms",
        "milliseconds",
        "s",
        "sec",
        "minutes",
        "hours",
        "b",
        "kb",
        "mb",
        "kilobytes",
        "megabytes",
        "bits",
        "percent",
    ];
    const TYPES: [&str; 4] = ["counter", "gauge", "histogram", "summary"];

    let scrape = scrape().await;
    assert_eq!(scrape.types.keys().collect::<BTreeSet<_>>(), scrape.helped.iter().collect(), "each has its help");
    for (name, kind) in &scrape.types {
        assert!(TYPES.contains(&kind.as_str()) && kind != "summary", "{name} is a {kind}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(!["_count", "_sum", "_bucket", "_info_total"].iter().any(|suffix| name.ends_with(suffix)), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{name}");
        for word in name.split('_') {
            assert!(!TYPES.contains(&word) && !BAD_UNITS.contains(&word), "{name} has {word}");
        }
        assert!(["pobatch_", "grpc_server_", "process_"].iter().any(|prefix| name.starts_with(prefix)), "{name}");
    }
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for series in scrape.series.keys() {
        let (family, labels) = parts(&scrape, series);
        assert!(scrape.types.contains_key(&family), "{series} has no type");
        *sizes.entry(family).or_default() += 1;
        for label in labels {
            let known =
                ["le", "grpc_type", "grpc_service", "grpc_method", "grpc_code", "kind", "path", "result", "reason"];
            let known = known
                .iter()
                .chain(&["priority", "state", "role", "mark", "shard", "source", "version", "engine", "files"]);
            assert!(
                known.chain(&["engine_version", "tenant", "quota"]).any(|known| *known == label),
                "{series} has a label {label}"
            );
        }
    }
    // Those that have a series for each method and each code or bucket aside.
    for (family, size) in sizes.iter().filter(|(family, _)| !family.starts_with("grpc_")) {
        assert!(*size <= 100, "{family} has {size} series");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_of_a_closed_set_is_there_from_the_start() {
    let served = Served::start(&["--shards", "1"]);
    let scrape = Scrape::parse(&get(&served.http, "/metrics").await.2);
    let zero = |family: &str, values: Vec<&str>| {
        for value in values {
            assert_eq!(scrape.count(family, &[&format!("=\"{value}\"")]), 0, "{family} {value}");
        }
    };
    zero("pobatch_variation_failures_total", FailureReason::ALL.iter().map(|reason| reason.as_str()).collect());
    zero("pobatch_refusals_total", Refusal::ALL.iter().map(|reason| reason.as_str()).collect());
    zero("pobatch_shard_resets_total", ResetReason::ALL.iter().map(|reason| reason.as_str()).collect());
    zero("grpc_server_handled_total", vec!["OK", "Canceled", "ResourceExhausted", "Unauthenticated"]);
    zero("grpc_server_started_total", vec!["EvaluateStream", "EvaluateBatch", "Evaluate", "ListPassives"]);
}

/// Names in a query that a server or a recording rule must give.
fn names(query: &str) -> BTreeSet<String> {
    let words = query.split(|character: char| !character.is_ascii_alphanumeric() && !matches!(character, '_' | ':'));
    let ours = |word: &&str| {
        ["pobatch_", "grpc_server_", "process_"].iter().any(|prefix| word.starts_with(prefix)) || word.contains(':')
    };
    words.filter(ours).map(str::to_owned).collect()
}

/// All queries of the dashboard, each with its panel.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let of = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    };
    let panels = dashboard["panels"].as_array().unwrap().iter().flat_map(of);
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let annotations = annotations.map(|annotation| {
        (annotation["name"].as_str().unwrap().to_owned(), annotation["expr"].as_str().unwrap().to_owned())
    });
    panels.chain(annotations).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_and_alerts_speak_of_metrics_that_there_are() {
    let scrape = scrape().await;
    let rules = text("prometheus/rules.yml");
    let recorded: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let known = |name: &str| {
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        recorded.contains(name)
            || scrape.types.contains_key(name)
            || whole.is_some_and(|whole| scrape.types.get(whole).is_some_and(|kind| kind == "histogram"))
    };
    let comment = |line: &&str| {
        !line.trim_start().starts_with('#') && !line.contains("name: pobatch.") && !line.contains("https:")
    };
    let alerts = text("prometheus/alerts.yml");
    let sources = [("rules.yml", &rules), ("alerts.yml", &alerts)];
    let lines = sources
        .iter()
        .flat_map(|(file, text)| text.lines().filter(comment).map(|line| ((*file).to_owned(), line.to_owned())));
    let mut count = 0;
    for (place, query) in queries(&dashboard()).into_iter().chain(lines) {
        for name in names(&query).iter().filter(|name| !name.ends_with(':') && !name.starts_with(':')) {
            assert!(known(name), "{place} asks for {name}, which nobody gives");
            count += 1;
        }
    }
    assert!(count > 100, "{count} names");
}

#[test]
fn every_alert_has_a_unit_test_that_fires_and_one_that_does_not_and_a_section_in_the_runbook() {
    let (alerts, tests, runbook) =
        (text("prometheus/alerts.yml"), text("prometheus/alerts_test.yml"), text("RUNBOOK.md"));
    let names: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 10);
    for name in names {
        let cases: Vec<_> = tests.split(&format!("alertname: {name}\n")).skip(1).map(str::trim_start).collect();
        assert!(cases.iter().any(|case| case.starts_with("exp_alerts:\n")), "{name} never fires in a test");
        assert!(cases.iter().any(|case| case.starts_with("exp_alerts: []")), "{name} always fires in tests");
        let section =
            runbook.split(&format!("\n## {name}\n")).nth(1).unwrap_or_else(|| panic!("{name} has no section"));
        let section = section.split("\n## ").next().unwrap();
        for part in ["**Means.**", "**Look at.**", "**Do.**"] {
            assert!(section.contains(part), "{name} has no {part}");
        }
        assert!(alerts.contains(&format!("RUNBOOK.md#{}", name.to_lowercase())), "{name} does not link to it");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_can_provision_and_people_can_read() {
    let dashboard = dashboard();
    assert_eq!((dashboard["uid"].as_str(), dashboard.get("id")), (Some("pobatch"), None));
    let variables: Vec<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "job", "engine", "instance"]);
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    let runbook = text("RUNBOOK.md").to_lowercase();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let place = &panel["gridPos"];
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| place[key].as_u64().unwrap());
        assert!(x + w <= 24, "{title} is too wide");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} lies on another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title} has no description");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for link in panel["links"].as_array().unwrap() {
            let anchor = link["url"].as_str().unwrap().rsplit('#').next().unwrap();
            assert!(runbook.contains(&format!("\n## {anchor}\n")), "{title} links to {anchor}");
        }
    }
    for (title, query) in queries(&dashboard) {
        assert!(query.contains("job=~\"$job\""), "{title} mixes jobs: {query}");
        assert!(
            !query.contains("rate(") || query.contains("[$__rate_interval]") || query.contains("[1m]"),
            "{title}: {query}"
        );
    }
}
