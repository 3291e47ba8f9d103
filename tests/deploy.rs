//! `deploy/` agrees with the program. Files that are made of something else are what it makes of it: the table of flags of the
//! command line, the `PrometheusRule` of the rules. `POBATCH_BLESS=1 cargo test --test deploy` writes them anew. What is set for
//! servers there can be set, to what it is set to.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use pobatch::config::args::Arguments;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

/// The file has this text, or is given it if that is asked for.
#[track_caller]
fn assert_is(file: &str, text: &str) {
    if env::var_os("POBATCH_BLESS").is_some() {
        fs::write(deploy(file), text).unwrap();
    }
    let found = fs::read_to_string(deploy(file)).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).find(|(found, expected)| found != expected);
    assert!(found == text, "deploy/{file} is out of date; POBATCH_BLESS=1 cargo test --test deploy\n{differs:#?}");
}

/// One line of words, as a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn row(table: &mut String, argument: &Arg) {
    let name = match (argument.get_long(), argument.get_value_names()) {
        (Some(long), Some([value, ..])) if matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) => {
            format!("`--{long} {value}`")
        }
        (Some(long), _) => format!("`--{long}`"),
        (None, Some([value, ..])) => format!("`{value}`"),
        (None, _) => format!("`{}`", argument.get_id()),
    };
    let variable = argument.get_env().map_or_else(String::new, |name| format!("`{}`", name.to_string_lossy()));
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match defaults.concat() {
        none if none.is_empty() || !argument.get_action().takes_values() => String::new(),
        default => format!("`{default}`"),
    };
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    writeln!(table, "| {name} | {variable} | {default} | {} |", cell(&help)).unwrap();
}

fn is_ours(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

/// A section with a table, if the command has anything of its own to say; then those of its commands.
fn sections(page: &mut String, path: &str, command: &Command, said_before: &[String]) {
    let named = |argument: &&Arg| !said_before.contains(&argument.get_id().to_string());
    let own: Vec<_> = command.get_arguments().filter(|argument| is_ours(argument)).filter(named).collect();
    if !own.is_empty() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "\n## `{path}`\n\n{}\n", cell(&about)).unwrap();
        page.push_str("| flag | environment | default | |\n|---|---|---|---|\n");
        for argument in own {
            row(page, argument);
        }
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        sections(page, &format!("{path} {}", inner.get_name()), inner, said_before);
    }
}

/// Everything that the command line takes. What `serve` takes is said once, there, and what all commands take at the top.
fn flags() -> String {
    let command = Arguments::command();
    let ids = |command: &Command| -> Vec<String> {
        command
            .get_arguments()
            .filter(|argument| is_ours(argument))
            .map(|argument| argument.get_id().to_string())
            .collect()
    };
    let of_all = ids(&command);
    let serve = command.find_subcommand("serve").expect("it serves");
    let mut page = String::from(
        "# Flags and environment\n\nMade of the command line's own words by `tests/deploy.rs`; not to be edited. A flag wins \
         over its variable, and a variable that is set to nothing is as good as none where there is no default. Commands that start a server of their \
         own take what `serve` takes of engine, memory and limits too; it is not said again for each.\n",
    );
    let mut top = command.clone();
    for name in command.get_subcommands().map(Command::get_name) {
        top = top.mut_subcommand(name, |inner| inner.hide(true));
    }
    sections(&mut page, "pobatch", &top, &[]);
    sections(&mut page, "pobatch serve", serve, &of_all);
    let said: Vec<_> = of_all.into_iter().chain(ids(serve)).collect();
    for inner in command.get_subcommands().filter(|inner| !matches!(inner.get_name(), "serve" | "help")) {
        sections(&mut page, &format!("pobatch {}", inner.get_name()), inner, &said);
    }
    page
}

/// The arguments of a command and of all its commands.
fn every(command: &Command) -> Vec<Arg> {
    let own = command.get_arguments().filter(|argument| is_ours(argument)).cloned();
    own.chain(command.get_subcommands().flat_map(every)).collect()
}

#[test]
#[cfg_attr(feature = "otlp", ignore = "the table is that of the program as it is built by default")]
fn the_table_of_flags_is_the_command_lines() {
    let flags = flags();
    // It can be trusted as far as it has everything.
    for argument in every(&Arguments::command()) {
        let name = argument.get_long().map_or_else(|| "| `".to_owned(), |long| format!("| `--{long}"));
        assert!(flags.contains(&name), "{name} is missing");
        if let Some(variable) = argument.get_env() {
            assert!(flags.contains(&format!("| `{}` |", variable.to_string_lossy())), "{variable:?} is missing");
        }
    }
    assert_is("FLAGS.md", &flags);
}

/// The groups of a file of rules, as they stand below a `PrometheusRule`'s `spec`.
fn groups(file: &str) -> String {
    let text = fs::read_to_string(deploy(file)).unwrap();
    let (_, groups) = text.split_once("\ngroups:\n").expect("a file of rules has groups");
    let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    groups.lines().map(indented).collect()
}

#[test]
fn kubernetes_has_the_same_rules_and_alerts() {
    let rules = format!(
        "# Made of deploy/prometheus/rules.yml and alerts.yml by tests/deploy.rs; not to be edited.\n\
         apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: pobatch\nspec:\n  groups:\n{}\n{}",
        groups("prometheus/rules.yml"),
        groups("prometheus/alerts.yml"),
    );
    assert_is("kubernetes/components/monitoring/prometheusrule.yaml", &rules);
}

/// Names of Compose's own that merely look like ours: they stand in `${...}`.
const OF_COMPOSE: [&str; 2] = ["POBATCH_TAG", "POBATCH_MEMORY"];

/// All files below a folder of `deploy/`.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// What an environment in YAML says of our variables: `- name: X` and `value: Y` on the next line.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let pair = |pair: &[&str]| {
        let name = pair[0].strip_prefix("- name: ").filter(|name| name.starts_with("POBATCH_"))?;
        let value = pair[1].strip_prefix("value: ").unwrap_or_else(|| panic!("{name} has no value on its next line"));
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    lines.windows(2).filter_map(pair).collect()
}

/// What the image itself sets of our variables.
fn settings_of_the_image() -> Vec<(String, String)> {
    let text = fs::read_to_string(deploy("docker/Dockerfile")).unwrap();
    let pair = |word: &str| {
        let (name, value) = word.split_once('=')?;
        let is_ours = name.starts_with("POBATCH_") && !name.contains(|c: char| c != '_' && !c.is_ascii_uppercase());
        is_ours.then(|| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).filter_map(pair).collect()
}

/// The flags that the server complains of in this environment, when it is asked for no shards at all.
fn complaints(environment: Vec<(String, String)>) -> Vec<String> {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_pobatch"))
        .args(["serve", "--shards", "0"])
        .env_clear()
        .envs(environment)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(64), "{refused:?}");
    let complaint = String::from_utf8(refused.stderr).unwrap();
    complaint.lines().filter(|line| line.starts_with("--")).map(str::to_owned).collect()
}

#[test]
fn the_image_listens_beyond_its_container_where_it_is_deployed_and_not_by_itself() {
    let image = settings_of_the_image();
    assert!(image.iter().any(|(name, _)| name == "POBATCH_LISTEN"), "{image:?}");
    let own = complaints(image.clone());
    assert!(own.len() == 2 && own.iter().any(|line| line.starts_with("--listen")), "{own:?}");

    let pod = settings(&fs::read_to_string(deploy("kubernetes/base/deployment.yaml")).unwrap());
    let compose = fs::read_to_string(deploy("compose/compose.yaml")).unwrap();
    let service =
        compose.lines().filter_map(|line| line.trim().split_once(": ")).filter(|(_, value)| !value.contains('$'));
    let service = service
        .filter(|(name, _)| name.starts_with("POBATCH_"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
    for settings in [pod, service.collect()] {
        let bad = complaints(image.iter().cloned().chain(settings).collect());
        assert!(matches!(&bad[..], [only] if only.starts_with("--shards")), "{bad:?}");
    }
}

#[test]
fn every_variable_that_is_set_for_a_server_is_one_and_has_a_value_that_makes_sense() {
    let mut all = Vec::new();
    for folder in ["kubernetes", "compose", "docker"] {
        files(&deploy(folder), &mut all);
    }
    let flags = flags();
    let (mut names, mut values) = (0, 0);
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        for name in
            text.split(|c: char| c != '_' && !c.is_ascii_uppercase()).filter(|word| word.starts_with("POBATCH_"))
        {
            names += 1;
            let is_known = flags.contains(&format!("| `{name}` |")) || OF_COMPOSE.contains(&name);
            assert!(is_known, "{name} in {} is no variable of ours", file.display());
        }
        let set = settings(&text);
        values += set.len();
        // No shards at all: the one mistake that is to be reported.
        let bad = complaints(set);
        assert!(matches!(&bad[..], [only] if only.starts_with("--shards")), "{}: {bad:?}", file.display());
    }
    assert!(names > 15 && values > 8, "{names} names, {values} values");
}
