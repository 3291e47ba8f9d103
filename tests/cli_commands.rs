//! The commands as a user runs them: the program itself, on the sample engine.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Runs the program with these arguments and nothing in the environment that could change what it does.
fn pobatch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pobatch")).args(arguments).env_clear().output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the output is UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    let output = pobatch(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[track_caller]
fn bad(arguments: &[&str], code: i32) -> String {
    let output = pobatch(arguments);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stdout}{stderr}");
    format!("{stdout}{stderr}")
}

fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_str(&good(arguments)).expect("the output is JSON")
}

#[test]
fn passives_are_sorted_best_first() {
    let witch = example("witch.xml");
    let arguments =
        ["eval", "--base", path(&witch), "--vary", "passives", "--by", "Life", "--top", "3", "--format", "json"];
    let report = json_of(&arguments);
    assert_eq!(report["engine"]["name"], "sample");
    let lives: Vec<_> =
        report["outcomes"].as_array().unwrap().iter().map(|one| one["stats"]["Life"].as_f64().unwrap()).collect();
    assert_eq!(lives.len(), 3);
    assert!(lives.is_sorted_by(|a, b| a >= b), "{lives:?}");
    assert!(lives[0] > report["base"]["stats"]["Life"].as_f64().unwrap(), "a node with life is within reach");
}

#[test]
fn a_list_of_variations_keeps_its_order_and_names_what_fails() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list.jsonl");
    fs::write(
        &list,
        "{\"id\":\"up\",\"variation\":{\"level\":90}}\n{\"items\":[{\"slot\":\"Nose\",\"empty\":true}]}\n{}\n",
    )
    .unwrap();
    let witch = example("witch.xml");
    let output =
        bad(&["eval", "--base", path(&witch), "--variations", path(&list), "--stats", "Life", "--format", "csv"], 1);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], "variation,Life,failure,warnings");
    assert!(lines[1].starts_with("(base),"), "{output}");
    assert!(lines[2].starts_with("up,"), "{output}");
    assert!(lines[3].starts_with("line 2,,") && lines[3].contains("unknown_slot"), "{output}");
    assert_eq!(lines[4].trim_start_matches("line 3"), lines[1].trim_start_matches("(base)"), "nothing changes nothing");
}

#[test]
fn scenarios_give_each_variation_a_row_for_each_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let (list, calm) = (directory.path().join("list.jsonl"), directory.path().join("calm.json"));
    fs::write(&list, "{\"id\":\"up\",\"variation\":{\"level\":90}}\n{\"config\":{\"enemyIsBoss\":\"Boss\"}}\n")
        .unwrap();
    fs::write(&calm, "{\"level\":80,\"config\":{\"enemyLevel\":70}}").unwrap();
    let (witch, of_file) = (example("witch.xml"), format!("calm=@{}", path(&calm)));
    let arguments = |format| {
        let fixed =
            ["eval", "--base", path(&witch), "--variations", path(&list), "--stats", "Life", "--format", format];
        let scenarios = ["--scenario", "boss=enemyIsBoss:Uber,enemyShock:15", "--scenario", &of_file];
        fixed.into_iter().chain(scenarios).map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |format| {
        let arguments = arguments(format);
        bad(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1)
    };
    let csv = run("csv");
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "variation,scenario,Life,failure,warnings");
    let begins = ["(base),boss,", "(base),calm,", "up,boss,", "up,calm,,", "line 2,boss,,", "line 2,calm,"];
    assert!(lines[1..].iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{csv}");
    assert!(lines[4].contains("scenario `calm`") && lines[5].contains("scenario `boss`"), "{csv}");
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    let (base, up) = (&report["base"]["scenarios"], &report["outcomes"][0]["scenarios"]);
    assert!(up["boss"]["stats"]["Life"].as_f64() > base["boss"]["stats"]["Life"].as_f64(), "{report}");
    assert_eq!(up["calm"]["failure"]["field"], "level");
    assert!(
        bad(&["eval", "--base", path(&witch), "--vary", "passives", "--scenario", "a b=x:1"], 64)
            .contains("--scenario")
    );
}

#[test]
fn a_stat_is_explained() {
    let witch = example("witch.xml");
    let variation = r#"{"custom_mods":"7% increased maximum Life"}"#;
    let arguments = ["explain", "--base", path(&witch), "--variation", variation, "--stat", "Life"];
    let words = good(&arguments);
    assert!(words.contains("x 1.11 (increased)") && words.contains("Config custom modifiers"), "{words}");
    let json = json_of(&[&arguments[..], &["--format", "json"]].concat());
    let life = json["stats"]["Life"].as_f64().unwrap();
    assert_eq!(json["sections"][0]["lines"][4], format!("= {life}"));
    let none = good(&["explain", "--base", path(&witch), "--stat", "CritChance"]);
    assert!(none.contains("the engine does not say why"), "{none}");
    assert!(bad(&["explain", "--base", path(&witch), "--stat", "Lief"], 65).contains("Lief"));
}

#[test]
fn a_table_says_that_the_numbers_are_not_path_of_buildings() {
    let witch = example("witch.xml");
    let table = good(&["eval", "--base", path(&witch), "--vary", "passives"]);
    assert!(table.contains("not Path of Building's"), "{table}");
}

/// A golden file as the sample engine itself would have it.
fn golden(directory: &Path) -> PathBuf {
    let list = directory.join("list.jsonl");
    fs::write(&list, "{}\n{\"level\":40}\n{\"deallocate\":[304]}\n").unwrap();
    let witch = example("witch.xml");
    let arguments =
        ["eval", "--base", path(&witch), "--variations", path(&list), "--preset", "all", "--format", "json"];
    let report = json_of(&arguments);
    let base = report["base"]["stats"].as_object().unwrap();
    let variations = [json!({}), json!({"level": 40}), json!({"deallocate": [304]})];
    let lines =
        report["outcomes"].as_array().unwrap().iter().zip(variations).enumerate().map(|(index, (one, variation))| {
            let stats = one["stats"].as_object().unwrap();
            let changed: serde_json::Map<_, _> = stats
                .iter()
                .filter(|(name, value)| base.get(*name) != Some(value))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect();
            let gone: Vec<_> = base.keys().filter(|name| !stats.contains_key(*name)).collect();
            let case = format!("case {index}");
            if index == 0 {
                json!({ "case": case, "variation": variation, "stats": base })
            } else {
                json!({ "case": case, "variation": variation, "changed": changed, "gone": gone })
            }
        });
    let file = directory.join("golden.jsonl");
    fs::write(&file, lines.map(|line| line.to_string()).collect::<Vec<_>>().join("\n")).unwrap();
    file
}

#[test]
fn verify_finds_the_last_bit_of_one_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = golden(directory.path());
    let witch = example("witch.xml");
    let arguments = ["verify", "--base", path(&witch), "--golden", path(&file), "--repeat", "2", "--shuffle", "7"];
    let output = good(&arguments);
    let last = output.lines().last().unwrap();
    // Three cases twice; the base twice before and twice after them: as it was loaded, and evaluated.
    assert!(last.starts_with("verify: 10 cases, ") && last.ends_with(", 0 mismatches"), "{output}");

    let text = fs::read_to_string(&file).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let life = lines[1]["changed"]["Life"].as_f64().expect("the level changes life");
    lines[1]["changed"]["Life"] = json!(f64::from_bits(life.to_bits() + 1));
    fs::write(&file, lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")).unwrap();
    let output = bad(&arguments, 1);
    assert!(output.lines().last().unwrap().ends_with(", 2 mismatches"), "{output}");
    assert!(output.contains("case 1: Life: expected "), "{output}");
}

#[test]
fn bench_tells_what_it_measured() {
    let witch = example("witch.xml");
    let report = json_of(&[
        "bench",
        "--base",
        path(&witch),
        "--kind",
        "mixed",
        "--count",
        "40",
        "--warm-up",
        "4",
        "--shards",
        "1",
        "--format",
        "json",
    ]);
    assert_eq!(report["count"], 40);
    assert_eq!(report["shards"], 1);
    assert_eq!(report["failed"], 0, "{report}");
    for key in [
        "variations_per_second",
        "ready_seconds",
        "first_outcome_seconds",
        "queue_p50_seconds",
        "queue_p99_seconds",
        "compute_p50_seconds",
        "compute_p95_seconds",
    ] {
        assert!(report[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {report}");
    }
    assert!(report["resets"].is_u64());
}

#[test]
fn bench_counts_what_was_verified() {
    let witch = example("witch.xml");
    let arguments = ["bench", "--base", path(&witch), "--count", "10", "--warm-up", "0", "--verify-ratio", "1"];
    let report = json_of(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!((&report["verified"], &report["mismatches"], &report["plain"]), (&json!(10), &json!(0), &json!(10)));
    assert!(good(&arguments).contains("10, 0 mismatches"));
}

#[test]
fn doctor_finds_the_sample_engine_well_and_a_missing_installation_not() {
    assert!(good(&["doctor"]).ends_with("doctor: all is well\n"));
    let directory = tempfile::tempdir().unwrap();
    let words = bad(&["doctor", "--pob", path(directory.path())], 1);
    assert!(words.contains("holds no Path of Building") && words.contains("git clone"), "{words}");
}

#[test]
fn the_exit_code_says_whose_mistake_it_was() {
    let witch = example("witch.xml");
    let words = bad(&["eval", "--base", "b", "--vary", "gems", "--shards", "0", "--format", "xml"], 64);
    for flag in ["--vary", "--shards", "--format"] {
        assert!(words.contains(flag), "{flag} in {words}");
    }
    bad(&["eval", "--nonsense"], 64);
    bad(&["eval", "--base", "no-such-file.xml", "--vary", "passives"], 66);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    bad(&["eval", "--base", path(&manifest), "--vary", "passives"], 65);
    let words = bad(&["eval", "--base", path(&witch), "--vary", "passives", "--stats", "Nonsense"], 65);
    assert!(words.contains("stats.names[0]"), "{words}");
    bad(&["eval", "--base", path(&witch), "--vary", "passives", "--endpoint", "http://127.0.0.1:1"], 69);
    bad(&["eval", "--base", path(&witch), "--vary", "passives", "--pob", "/nonexistent"], 69);
    assert!(good(&["--help"]).contains("Exit codes"));
}

#[test]
fn a_suite_measures_every_kind_beside_its_baseline() {
    let witch = example("witch.xml");
    let arguments = ["bench", "--suite", "--builds", path(&witch), "--count", "40", "--warm-up", "10", "--rounds", "1"];
    let more = ["--shards", "1", "--format", "json", "--baseline-command", "echo {path} of {build}: 2 variations/s"];
    let output = bad(&[&arguments[..], &more[..]].concat(), 69);
    assert!(output.contains("did not end with `N variations/s`"), "{output}");

    let more = ["--shards", "1", "--format", "json", "--baseline-command", "echo 2 variations/s"];
    let sections = json_of(&[&arguments[..], &more[..]].concat());
    let titled = |title: &str| {
        let found = sections.as_array().unwrap().iter().find(|section| section["title"] == title);
        found.unwrap_or_else(|| panic!("no {title} in {sections}"))["rows"].as_array().unwrap().clone()
    };
    let rates = titled("All kinds of variations, all builds");
    let kinds: Vec<_> = rates.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["passives", "items", "gems", "config", "mixed"]);
    for row in &rates {
        let (rate, ratio) = (row["per second"].as_f64().unwrap(), row["ratio"].as_f64().unwrap());
        assert!(rate > 0.0 && (ratio - rate / 2.0).abs() < 1e-6, "{row}");
        assert_eq!(row["failed"], 0.0, "{row}");
    }
    for row in titled("What the server itself can carry").iter().skip(1) {
        assert!(row["cached %"].as_f64().unwrap() > 80.0, "few variations, and many times: {row}");
    }
    assert!(titled("Cost by nodes touched").len() > 2, "the witch has more than four nodes around her");
}

#[test]
fn several_sessions_share_the_variations_of_a_bench() {
    let witch = example("witch.xml");
    let arguments = ["bench", "--base", path(&witch), "--kind", "config", "--count", "101", "--warm-up", "0"];
    let report = json_of(&[&arguments[..], &["--streams", "4", "--in-flight", "2", "--format", "json"]].concat());
    assert_eq!(report["count"], 101);
    assert_eq!(report["failed"], 0);
}

#[test]
fn an_exported_build_is_a_base_with_the_promised_stats() {
    let witch = example("witch.xml");
    let variation = r#"{"allocate_path":[400],"level":90}"#;
    let json = json_of(&[
        "export",
        "--base",
        path(&witch),
        "--variation",
        variation,
        "--check",
        "Life,TotalDPS",
        "--format",
        "json",
    ]);
    assert!(json["xml"].as_str().unwrap().contains("<PathOfBuilding"));
    let code = good(&["export", "--base", path(&witch), "--variation", variation]);
    assert_eq!(code.trim(), json["share_code"].as_str().unwrap());
    let report =
        json_of(&["eval", "--base", code.trim(), "--vary", "passives", "--stats", "Life,TotalDPS", "--format", "json"]);
    assert_eq!(report["base"]["stats"], json["stats"]);
    bad(&["export", "--base", path(&witch), "--variation", "{\"levle\":1}"], 65);
    bad(&["export", "--base", path(&witch), "--variation", "{\"level\":101}"], 65);
}

#[test]
fn the_server_keeps_what_meets_the_constraints_and_is_best() {
    let witch = example("witch.xml");
    let eval = |more: &[&str]| {
        let common =
            ["eval", "--base", path(&witch), "--vary", "passives", "--stats", "Life,TotalDPS", "--format", "json"];
        json_of(&[&common[..], more].concat())
    };
    let all = eval(&[]);
    let kept = eval(&["--where", "Life >= base(Life)", "--maximize", "TotalDPS + Life", "--top", "2"]);
    let score = |one: &Value| one["stats"]["TotalDPS"].as_f64().unwrap() + one["stats"]["Life"].as_f64().unwrap();
    let base = all["base"]["stats"]["Life"].as_f64().unwrap();
    let list = all["outcomes"].as_array().unwrap().iter().filter(|one| one["stats"]["Life"].as_f64().unwrap() >= base);
    let mut scores: Vec<_> = list.map(score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let got: Vec<_> =
        kept["outcomes"].as_array().unwrap().iter().map(|one| one["scores"][0].as_f64().unwrap()).collect();
    assert_eq!(got, scores[..2]);
    assert!(kept["summary"]["not_shown"].as_u64().unwrap() > 0 && kept["summary"]["infeasible"].as_u64().unwrap() > 0);
    let front = eval(&["--maximize", "TotalDPS", "--minimize", "Life", "--pareto", "10"]);
    assert!(!front["outcomes"].as_array().unwrap().is_empty());
    let base = path(&witch);
    let words = bad(&["eval", "--base", base, "--vary", "passives", "--where", "Life >"], 65);
    assert!(words.contains("reduction.constraints[0]"), "{words}");
    bad(&["eval", "--base", base, "--vary", "passives", "--pareto", "3"], 64);
}

#[test]
fn a_build_is_described_and_compared_with_another() {
    let witch = example("witch.xml");
    let json = json_of(&["describe", "--base", path(&witch), "--stats", "Life", "--format", "json"]);
    assert_eq!(json["build"]["class"], "Witch");
    assert!(json["build"]["groups"][0]["gems"].as_array().unwrap().len() > 2);
    assert_eq!(json["stats"]["Life"], 1436.0);
    let table = good(&["describe", "--base", path(&witch)]);
    assert!(table.contains("Frostweaver") && table.contains("TotalDPS"), "{table}");
    let csv = good(&["describe", "--base", path(&witch), "--format", "csv"]);
    assert!(csv.starts_with("section,name,value\ncharacter,class,Witch\n"), "{csv}");

    let variation = r#"{"allocate":[404],"level":90,"config":{"enemyIsBoss":"Uber"}}"#;
    let code = good(&["export", "--base", path(&witch), "--variation", variation]);
    let diff = json_of(&["diff", path(&witch), code.trim(), "--stats", "Life", "--format", "json"]);
    let names: Vec<_> =
        diff["differences"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["level", "nodes of one only", "enemyIsBoss", "Life"]);
    assert_eq!(diff["differences"][1]["b"], "404");
    assert_eq!(json_of(&["diff", path(&witch), path(&witch), "--format", "json"])["differences"], json!([]));
}

#[test]
fn every_report_is_a_table_or_json_or_csv() {
    let witch = example("witch.xml");
    let varied = good(&["export", "--base", path(&witch), "--variation", r#"{"level":90}"#]);
    let (base, varied) = (path(&witch), varied.trim());
    let commands: [&[&str]; 4] = [
        &["eval", "--base", base, "--vary", "passives", "--stats", "Life", "--maximize", "Life"],
        &["export", "--base", base, "--variation", r#"{"level":90}"#, "--check", "Life,TotalDPS"],
        &["describe", "--base", base, "--stats", "Life,TotalDPS"],
        &["diff", base, varied, "--stats", "Life,TotalDPS"],
    ];
    for command in commands {
        let as_format = |format| [command, &["--format", format]].concat();
        let table = good(&as_format("table"));
        assert!(table.contains("not Path of Building's") && table.contains('│'), "{table}");
        let json = json_of(&as_format("json"));
        assert_eq!(json["engine"]["name"], "sample", "{json}");
        assert!(json["notice"].as_str().unwrap().contains("not Path of Building's"));
        let csv = good(&as_format("csv"));
        assert!(csv.lines().count() > 1 && !csv.contains('│'), "{csv}");
        bad(&as_format("yaml"), 64);
    }
}

#[test]
fn what_programs_read_has_every_digit() {
    let witch = example("witch.xml");
    let described = good(&["describe", "--base", path(&witch), "--stats", "TotalDPS", "--format", "csv"]);
    assert!(described.contains("stats,TotalDPS,3017.4808824911997"), "{described}");
    let variation = r#"{"allocate":[404]}"#;
    let arguments = ["export", "--base", path(&witch), "--variation", variation, "--check", "TotalDPS"];
    let exported = good(&[&arguments[..], &["--format", "csv"]].concat());
    let (head, row) = exported.trim().split_once('\n').unwrap();
    assert_eq!(head, "share_code,TotalDPS,warnings");
    let [code, dps, ""] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
    let diff = good(&["diff", path(&witch), code, "--stats", "TotalDPS", "--format", "csv"]);
    let row = diff.lines().find(|line| line.starts_with("stats,TotalDPS,")).unwrap();
    let [_, _, a, b, change] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
    assert_eq!((a, b), ("3017.4808824911997", dps));
    let number = |text: &str| text.parse::<f64>().unwrap();
    assert_eq!(number(change).to_bits(), (number(b) - number(a)).to_bits());
    let table = good(&[&arguments[..], &["--format", "table"]].concat());
    assert!(table.contains("3,017.48") && table.trim_end().ends_with(code), "{table}");
    let scored = good(&[
        "eval",
        "--base",
        path(&witch),
        "--vary",
        "passives",
        "--stats",
        "Life",
        "--maximize",
        "2 * Life",
        "--format",
        "csv",
    ]);
    assert!(scored.starts_with("variation,score 1,Life,failure,warnings\n(base),,1436,,\n"), "{scored}");
}

#[test]
fn the_server_makes_the_variations_of_a_sweep() {
    let witch = example("witch.xml");
    let json = json_of(&[
        "eval",
        "--base",
        path(&witch),
        "--sweep",
        "passives:2",
        "--sweep",
        "removable",
        "--stats",
        "Life",
        "--format",
        "json",
    ]);
    assert!(json["outcomes"].as_array().unwrap().len() > 10);
    let best = good(&[
        "eval",
        "--base",
        path(&witch),
        "--sweep",
        "pairs:3",
        "--stats",
        "Life",
        "--maximize",
        "Life",
        "--top",
        "1",
        "--format",
        "csv",
    ]);
    assert_eq!(best.lines().count(), 3, "{best}");
    let words = bad(&["eval", "--base", path(&witch), "--sweep", "nodes"], 64);
    assert!(words.contains("no family"), "{words}");
}

#[test]
fn an_engine_does_not_differ_from_itself_whatever_is_swept() {
    let (witch, ranger) = (example("witch.xml"), example("ranger.xml"));
    let engines = ["compare", "--engine-a", "sample", "--engine-b", "sample"];
    let more = ["--base", path(&witch), "--base", path(&ranger), "--sweep", "passives:2", "--sweep", "levels:1-3"];
    let said = good(&[&engines[..], &more].concat());
    let last = said.lines().next_back().unwrap();
    assert!(last.starts_with("compare: 2 bases, ") && last.ends_with(" 0 differences in 0 stats"), "{last}");
    let report = json_of(&[&engines[..], &more, &["--format", "json"]].concat());
    assert_eq!((&report["bases"], &report["difference_count"]), (&json!(2), &json!(0)));
    assert!(report["variations"].as_u64().unwrap() > 10, "{report}");
    assert_eq!(report["a"]["kind"], "sample");
    let csv = good(&[&engines[..], &more, &["--format", "csv"]].concat());
    assert_eq!(csv, "base,variation,stat,a,b,difference,only_in\n");
}

#[test]
fn what_neither_engine_takes_is_an_error_and_no_difference() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("none.xml");
    fs::write(&file, "<PathOfBuilding/>").unwrap();
    let engines = ["compare", "--engine-a", "sample", "--engine-b", "sample"];
    bad(&[&engines[..], &["--base", path(&file)]].concat(), 65);
    bad(&[&engines[..], &["--base", "no-such-file"]].concat(), 66);
    let said = bad(&[&engines[..], &["--base", path(&example("witch.xml")), "--sweep", "nodes"]].concat(), 64);
    assert!(said.contains("--sweep"), "{said}");
    bad(
        &["compare", "--engine-a", "sample", "--engine-b", "/no-such-directory", "--base", path(&example("witch.xml"))],
        69,
    );
}
