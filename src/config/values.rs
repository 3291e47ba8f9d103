//! Turns the texts of the command line into values. Pure; every bad value is collected under its name.

use std::{path::PathBuf, time::Duration};

use super::{
    Admin, AdminOrder, BadValue, Bench, BuildFormat, COUNT_MAX, Compare, Describe, Eval, Explain, Export, Format, Kind,
    Machine, STREAMS_MAX, Source, Stats, Status, Suite, Target, Verify, args, engines, scenario, serve::CACHE_BYTES,
    sweep, units,
};
use crate::{
    client::{Keep, Objective, Reduction},
    supervisor::EngineSpec,
    telemetry::Log,
};

/// Forms of a result.
const FORMATS: &[(&str, Format)] = &[("table", Format::Table), ("json", Format::Json), ("csv", Format::Csv)];
const BUILD_FORMATS: &[(&str, BuildFormat)] = &[
    ("code", BuildFormat::Code),
    ("xml", BuildFormat::Xml),
    ("table", BuildFormat::Report(Format::Table)),
    ("json", BuildFormat::Report(Format::Json)),
    ("csv", BuildFormat::Report(Format::Csv)),
];

/// The forms in which measurements are shown.
const BENCH_FORMATS: &[(&str, Format)] = &[("table", Format::Table), ("json", Format::Json)];

/// Turns texts into values, and collects the bad ones.
pub(super) struct Values<'a> {
    pub(super) bad: Vec<BadValue>,
    pub(super) machine: &'a Machine,
    pub(super) log: Log,
}

impl Values<'_> {
    /// The value, or a stand-in that nobody will see because the whole is refused.
    pub(super) fn take<T>(&mut self, name: &'static str, value: Result<T, String>, stand_in: impl FnOnce() -> T) -> T {
        value.unwrap_or_else(|problem| {
            self.bad.push(BadValue { name, problem });
            stand_in()
        })
    }

    pub(super) fn choose<T: Copy>(&mut self, name: &'static str, text: &str, choices: &[(&str, T)]) -> T {
        let found = choices.iter().find(|(known, _)| *known == text).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(known, _)| format!("`{known}`")).collect();
            format!("`{text}` is none of {}", known.join(", "))
        });
        self.take(name, found, || choices[0].1)
    }

    pub(super) fn count(&mut self, name: &'static str, text: &str, least: usize, most: usize) -> usize {
        let problem = |problem| format!("`{text}` is {problem}");
        self.take(name, units::count(text, least, most).map_err(problem), || least)
    }

    pub(super) fn size(&mut self, name: &'static str, text: &str) -> u64 {
        self.take(name, units::size(text).map_err(|problem| format!("`{text}` is {problem}")), || 0)
    }

    pub(super) fn time(&mut self, name: &'static str, text: &str) -> Duration {
        self.take(name, units::time(text).map_err(|problem| format!("`{text}`: {problem}")), || Duration::ZERO)
    }

    pub(super) fn ratio(&mut self, name: &'static str, text: &str) -> f64 {
        let ratio = text.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        self.take(name, ratio.ok_or_else(|| format!("`{text}` is no number from 0 to 1")), || 0.0)
    }

    pub(super) fn status(&mut self, status: args::Status) -> Status {
        let every = self.time("--interval", &status.interval);
        Status {
            admin: self.admin_url(status.target),
            every: status.watch.then_some(every),
            format: self.choose("--format", &status.format, &[("table", Format::Table), ("json", Format::Json)]),
        }
    }

    pub(super) fn admin(&mut self, admin: args::Admin) -> Admin {
        let order = match admin.order {
            args::AdminOrder::Reset { shards } => AdminOrder::Reset(shards),
            args::AdminOrder::Evict { base_id } => AdminOrder::Evict(base_id),
            args::AdminOrder::Drain => AdminOrder::Drain,
            args::AdminOrder::Undrain => AdminOrder::Undrain,
            args::AdminOrder::Reload { engine, directory } => {
                AdminOrder::Reload { engine: engine.unwrap_or_default(), directory }
            }
            args::AdminOrder::Log { filter } => AdminOrder::Log(filter),
        };
        Admin { admin: self.admin_url(admin.target), order }
    }

    fn admin_url(&mut self, target: args::AdminTarget) -> String {
        let url = target.admin;
        let known = ["http://", "https://", "unix:"].iter().any(|scheme| url.starts_with(scheme));
        let valid = if known {
            Ok(())
        } else {
            Err(format!("`{url}` is no address such as `http://127.0.0.1:50053` or `unix:/run/pobatch/admin.sock`"))
        };
        self.take("--admin", valid, || ());
        url
    }

    pub(super) fn eval(&mut self, eval: args::Eval) -> Eval {
        let source = match (eval.vary.as_deref(), eval.variations) {
            (Some(what), _) => {
                self.choose("--vary", what, &[("passives", ())]);
                Source::Passives
            }
            (None, Some(file)) => Source::File(file),
            (None, None) if !eval.sweep.is_empty() => {
                let mut sweeps = Vec::with_capacity(eval.sweep.len());
                for text in &eval.sweep {
                    match sweep::parse(text) {
                        Ok(parsed) => sweeps.push(parsed),
                        Err(problem) => self.bad.push(BadValue { name: "--sweep", problem }),
                    }
                }
                Source::Sweeps(sweeps)
            }
            (None, None) => {
                self.bad.push(BadValue {
                    name: "--variations",
                    problem: "give this, --sweep or --vary passives".to_owned(),
                });
                Source::Passives
            }
        };
        if eval.base == "-" && source == Source::File("-".to_owned()) {
            self.bad.push(BadValue { name: "--variations", problem: "standard input is the base already".to_owned() });
        }
        let mut scenarios = Vec::with_capacity(eval.scenario.len());
        for text in &eval.scenario {
            match scenario::parse(text) {
                Ok(parsed) => scenarios.push(parsed),
                Err(problem) => self.bad.push(BadValue { name: "--scenario", problem }),
            }
        }
        let stats = match (eval.preset.as_deref(), eval.stats.is_empty(), &eval.by) {
            (Some(preset), ..) => {
                let all = self.choose("--preset", preset, &[("main", false), ("all", true)]);
                if all { Stats::All } else { Stats::Main }
            }
            (None, false, _) => Stats::Named(eval.stats),
            (None, true, Some(by)) => Stats::Named(vec![by.clone()]),
            (None, true, None) => Stats::Main,
        };
        let top = eval.top.map(|top| self.count("--top", &top, 1, COUNT_MAX));
        let front = eval.pareto.map(|front| self.count("--pareto", &front, 1, COUNT_MAX));
        let objectives: Vec<_> = [(eval.maximize, false), (eval.minimize, true)]
            .into_iter()
            .flat_map(|(list, minimize)| list.into_iter().map(move |expression| Objective { expression, minimize }))
            .collect();
        if front.is_some() && objectives.is_empty() {
            self.bad.push(BadValue { name: "--pareto", problem: "give --maximize or --minimize too".to_owned() });
        }
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let keep = match (front, top) {
            (Some(front), _) => Keep::ParetoFront(count(front)),
            (None, Some(top)) if !objectives.is_empty() => Keep::Top(count(top)),
            (None, _) => Keep::All,
        };
        let reduces = !(eval.constraints.is_empty() && objectives.is_empty());
        let reduction =
            reduces.then(|| Reduction { constraints: eval.constraints, objectives, keep, ..Reduction::default() });
        Eval {
            base: eval.base,
            source,
            stats: stats.with(eval.by.as_deref()),
            by: eval.by,
            reduction,
            scenarios,
            top,
            format: self.choose("--format", &eval.format, FORMATS),
            strict: eval.strict,
            target: self.target(&eval.target, CACHE_BYTES),
        }
    }

    pub(super) fn compare(&mut self, compare: args::Compare) -> Compare {
        let (mut engine_a, mut engine_b) = (compare.engine_a, compare.engine_b);
        let mut target = self.servers(&compare.servers, CACHE_BYTES, String::new());
        if let Target::Own(server) = &mut target {
            let named = |name: &str, place: &str| EngineSpec { name: name.into(), choice: engines::choice(place) };
            server.engines = vec![named("a", &engine_a), named("b", &engine_b)];
            (engine_a, engine_b) = ("a".to_owned(), "b".to_owned());
        }
        if compare.base.iter().filter(|base| *base == "-").count() > 1 {
            self.bad.push(BadValue { name: "--base", problem: "standard input is another base already".to_owned() });
        }
        let sweeps = compare.sweep.iter().filter_map(|text| {
            let parsed = sweep::parse(text);
            parsed.map_err(|problem| self.bad.push(BadValue { name: "--sweep", problem })).ok()
        });
        let sweeps = sweeps.collect();
        let all = self.choose("--preset", &compare.preset, &[("all", true), ("main", false)]);
        Compare {
            engine_a,
            engine_b,
            bases: compare.base,
            sweeps,
            stats: match (compare.stats.is_empty(), all) {
                (false, _) => Stats::Named(compare.stats),
                (true, true) => Stats::All,
                (true, false) => Stats::Main,
            },
            top: compare.top.map(|top| self.count("--top", &top, 1, COUNT_MAX)),
            format: self.choose("--format", &compare.format, FORMATS),
            target,
        }
    }

    pub(super) fn describe(&mut self, describe: args::Describe) -> Describe {
        Describe {
            base: describe.base,
            other: None,
            stats: if describe.stats.is_empty() { Stats::Main } else { Stats::Named(describe.stats) },
            format: self.choose("--format", &describe.format, FORMATS),
            target: self.target(&describe.target, 0),
        }
    }

    pub(super) fn diff(&mut self, diff: args::Diff) -> Describe {
        if diff.a == "-" && diff.b == "-" {
            self.bad.push(BadValue { name: "BASE_B", problem: "standard input is the other build already".to_owned() });
        }
        Describe {
            base: diff.a,
            other: Some(diff.b),
            stats: if diff.stats.is_empty() { Stats::Main } else { Stats::Named(diff.stats) },
            format: self.choose("--format", &diff.format, FORMATS),
            target: self.target(&diff.target, 0),
        }
    }

    pub(super) fn explain(&mut self, explain: args::Explain) -> Explain {
        Explain {
            base: explain.base,
            variation: explain.variation,
            stat: explain.stat,
            format: self.choose("--format", &explain.format, &[("table", Format::Table), ("json", Format::Json)]),
            target: self.target(&explain.target, 0),
        }
    }

    pub(super) fn export(&mut self, export: args::Export) -> Export {
        Export {
            base: export.base,
            variation: export.variation,
            check: if export.check.is_empty() { None } else { Some(Stats::Named(export.check)) },
            format: self.choose("--format", &export.format, BUILD_FORMATS),
            target: self.target(&export.target, 0),
        }
    }

    pub(super) fn verify(&mut self, verify: args::Verify) -> Verify {
        let shuffle = verify.shuffle.map(|text| {
            let seed = text.parse().map_err(|_| format!("`{text}` is no whole number"));
            self.take("--shuffle", seed, || 0)
        });
        Verify {
            base: verify.base,
            golden: verify.golden,
            repeat: self.count("--repeat", &verify.repeat, 1, COUNT_MAX),
            shuffle,
            target: self.target(&verify.target, 0),
        }
    }

    pub(super) fn bench(&mut self, bench: args::Bench) -> Bench {
        // Clap's own `requires` is silent here: the suite conflicts with what is given.
        let of_suite = [
            ("--builds", !bench.builds.is_empty()),
            ("--rounds", bench.rounds.is_some()),
            ("--baseline-command", bench.baseline_command.is_some()),
        ];
        for (name, _) in of_suite.into_iter().filter(|(_, is_given)| *is_given) {
            self.bad.push(BadValue { name, problem: "it belongs to --suite".to_owned() });
        }
        Bench {
            // Clap sees to it that there is one.
            base: bench.base.unwrap_or_default(),
            kind: self.choose("--kind", &bench.kind, Kind::NAMES),
            count: self.count("--count", &bench.count, 1, COUNT_MAX),
            warm_up: self.count("--warm-up", &bench.warm_up, 0, COUNT_MAX),
            nodes: bench.nodes.map(|nodes| self.count("--nodes", &nodes, 1, COUNT_MAX)),
            streams: self.count("--streams", &bench.streams, 1, STREAMS_MAX),
            in_flight: self.count("--in-flight", &bench.in_flight, 1, COUNT_MAX),
            stats: if bench.stats.is_empty() { Stats::Main } else { Stats::Named(bench.stats) },
            format: self.choose("--format", &bench.format, BENCH_FORMATS),
            target: self.target(&bench.target, 0),
        }
    }

    pub(super) fn suite(&mut self, bench: args::Bench) -> Suite {
        let baseline = bench.baseline_command.map(|command| command.split_whitespace().map(str::to_owned).collect());
        if baseline.as_ref().is_some_and(Vec::is_empty) {
            self.bad.push(BadValue { name: "--baseline-command", problem: "it is empty".to_owned() });
        }
        Suite {
            builds: match bench.builds {
                named if named.is_empty() => vec![PathBuf::from("examples")],
                named => named.into_iter().map(PathBuf::from).collect(),
            },
            count: self.count("--count", &bench.count, 1, COUNT_MAX),
            warm_up: self.count("--warm-up", &bench.warm_up, 0, COUNT_MAX),
            rounds: self.count("--rounds", bench.rounds.as_deref().unwrap_or("3"), 1, COUNT_MAX),
            baseline,
            format: self.choose("--format", &bench.format, BENCH_FORMATS),
            server: self.server(&bench.target.servers.engine, 0),
            processors: self.machine.processors,
        }
    }
}

/// The text, if there is one: an empty variable of the environment is none.
pub(super) fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Stats {
    /// These stats and the one that is sorted by.
    fn with(self, by: Option<&str>) -> Self {
        match (self, by) {
            (Self::Named(mut names), Some(by)) => {
                if !names.iter().any(|name| name == by) {
                    names.push(by.to_owned());
                }
                Self::Named(names)
            }
            (stats, _) => stats,
        }
    }
}
