//! Turns the texts of the command line into values. Pure; every bad value is collected under its name.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    Admin, AdminOrder, BadValue, Bench, BuildFormat, COUNT_MAX, Compare, Describe, Eval, Explain, Export, Format, Kind,
    Machine, SHARDS_MAX, STREAMS_MAX, Serve, Server, Source, Stats, Status, Suite, Target, Verify, args, engines,
    scenario, sweep, units,
};
use crate::{
    build::limits::{Contradiction, Limits, Unit},
    client::{Keep, Objective, Reduction},
    listen::{Address, Ages, Listen},
    supervisor::{ALL_ACCELERATORS, EngineChoice, EngineSpec, ReloadPolicy, SandboxMode, memory},
    telemetry::Log,
    wire::FRAME_BYTES_MAX,
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

/// Memory for results where nothing else is said: some ten thousand outcomes of all stats, or a hundred thousand of the
/// main ones.
const CACHE_BYTES: usize = 64 << 20;

/// The forms in which measurements are shown.
const BENCH_FORMATS: &[(&str, Format)] = &[("table", Format::Table), ("json", Format::Json)];

/// The modes of the sandbox by name.
const SANDBOX_MODES: &[(&str, SandboxMode)] =
    &[("prefer", SandboxMode::Prefer), ("require", SandboxMode::Require), ("off", SandboxMode::Off)];

/// Stands for no listener.
const OFF: &str = "off";

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

    fn count(&mut self, name: &'static str, text: &str, least: usize, most: usize) -> usize {
        let problem = |problem| format!("`{text}` is {problem}");
        self.take(name, units::count(text, least, most).map_err(problem), || least)
    }

    fn size(&mut self, name: &'static str, text: &str) -> u64 {
        self.take(name, units::size(text).map_err(|problem| format!("`{text}` is {problem}")), || 0)
    }

    pub(super) fn time(&mut self, name: &'static str, text: &str) -> Duration {
        self.take(name, units::time(text).map_err(|problem| format!("`{text}`: {problem}")), || Duration::ZERO)
    }

    fn ratio(&mut self, name: &'static str, text: &str) -> f64 {
        let ratio = text.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        self.take(name, ratio.ok_or_else(|| format!("`{text}` is no number from 0 to 1")), || 0.0)
    }

    pub(super) fn server(&mut self, engine: &args::Engine, cache_bytes: usize) -> Server {
        Server {
            executable: self.machine.executable.clone(),
            engines: self.engines(engine.pob.as_deref(), &[]),
            reload: ReloadPolicy::default(),
            shards: match engine.shards.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => self.count("--shards", text, 1, SHARDS_MAX),
                None => self.machine.processors,
            },
            limits: self.limits(&engine.limits),
            variation_timeout: self.time("--variation-timeout", &engine.variation_timeout),
            verify_ratio: self.ratio("--verify-ratio", &engine.verify_ratio),
            accelerators: engine.accelerators.clone(),
            memory: memory::Marks {
                soft_bytes: self.size("--memory-soft", &engine.memory_soft),
                hard_bytes: self.size("--memory-hard", &engine.memory_hard),
                limit_bytes: self.size("--memory-limit", &engine.memory_limit),
                total_bytes: match engine.memory_total.as_deref().filter(|text| !text.is_empty()) {
                    Some(text) => self.size("--memory-total", text),
                    None => self.machine.memory_bytes.map_or(0, memory::total_for),
                },
            },
            sandbox: self.choose("--sandbox", &engine.sandbox, SANDBOX_MODES),
            cache_bytes: match engine.cache_size.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => usize::try_from(self.size("--cache-size", text)).unwrap_or(usize::MAX),
                None => cache_bytes,
            },
            log: self.log.clone(),
            faults: false,
        }
    }

    fn limits(&mut self, texts: &args::LimitTexts) -> Limits {
        let mut limits = Limits::default();
        let bad_before = self.bad.len();
        for (limit, text) in &texts.0 {
            let value = match limit.unit() {
                Unit::Count(_) => self.count(limit.flag(), text, 1, COUNT_MAX),
                Unit::Bytes => usize::try_from(self.size(limit.flag(), text)).unwrap_or(usize::MAX),
            };
            limits.set(*limit, value);
        }
        // Stand-ins for bad values would contradict each other without anybody having said so.
        if self.bad.len() == bad_before {
            for Contradiction { limit, problem } in limits.contradictions(FRAME_BYTES_MAX) {
                self.bad.push(BadValue { name: limit.flag(), problem });
            }
        }
        limits
    }

    pub(super) fn serve(&mut self, serve: &args::Serve) -> Serve {
        Serve {
            listen: self.listen(serve),
            drain_delay: match serve.drain_delay.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => self.time("--drain-delay", text),
                None => Duration::ZERO,
            },
            drain_grace: self.time("--drain-grace", &serve.drain_grace),
            server: self.served(serve),
        }
    }

    fn served(&mut self, serve: &args::Serve) -> Server {
        let engines = self.engines(serve.runs.pob.as_deref(), &serve.engine);
        let mut self_checks = Vec::new();
        for text in serve.self_check.iter().filter(|text| !text.is_empty()) {
            match engines::self_check(text, &engines) {
                Ok(check) => self_checks.push(check),
                Err(problem) => self.bad.push(BadValue { name: "--self-check", problem }),
            }
        }
        let reload = ReloadPolicy {
            grace: self.time("--reload-grace", &serve.reload_grace),
            root: serve.reload_from.as_deref().filter(|text| !text.is_empty()).map(PathBuf::from),
            self_checks,
        };
        Server { engines, reload, faults: serve.faults, ..self.server(&serve.runs, CACHE_BYTES) }
    }

    fn engines(&mut self, pob: Option<&str>, named: &[String]) -> Vec<EngineSpec> {
        self.take("--engine", engines::engines(pob, named), || EngineChoice::Sample.alone())
    }

    fn listen(&mut self, serve: &args::Serve) -> Listen {
        let api = self.address("--listen", &serve.listen);
        // Port 0 takes a free one, and so do the others then.
        let near = |distance| match api.port() {
            0 => loopback(0),
            port => loopback(port.checked_add(distance).unwrap_or(0)),
        };
        let http = match given(serve.http_listen.as_deref()).as_deref() {
            None => Some(near(1)),
            Some(OFF) => None,
            Some(text) => Some(self.address("--http-listen", text)),
        };
        let admin = match given(serve.admin_listen.as_deref()).as_deref() {
            None => Some(Address::Tcp(near(2))),
            Some(OFF) => None,
            Some(text) => Some(match text.strip_prefix("unix:") {
                Some(path) => Address::Unix(PathBuf::from(path)),
                None => Address::Tcp(self.address("--admin-listen", text)),
            }),
        };
        let ages = Ages {
            connection_max: self.age("--connection-age-max", serve.connection_age_max.as_deref()),
            session_max: self.age("--session-age-max", serve.session_age_max.as_deref()),
        };
        let guard = self.guard(serve);
        if guard.tls.is_none() {
            self.refuse_plaintext("--listen", api, serve.allow_plaintext, "; give --tls-cert and --tls-key");
        }
        if let Some(Address::Tcp(address)) = admin {
            self.refuse_plaintext("--admin-listen", address, serve.allow_plaintext, "");
        }
        Listen { api, http, admin, ages, guard }
    }

    fn age(&mut self, name: &'static str, text: Option<&str>) -> Option<Duration> {
        given(text).map(|text| self.time(name, &text))
    }

    fn address(&mut self, name: &'static str, text: &str) -> SocketAddr {
        let address = text.parse().map_err(|_| format!("`{text}` is no address such as `127.0.0.1:50051`"));
        self.take(name, address, || loopback(0))
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

    /// One shard is enough to check an installation.
    pub(super) fn doctor(&mut self, doctor: &args::Doctor) -> Server {
        Server {
            executable: self.machine.executable.clone(),
            engines: self.engines(doctor.pob.as_deref(), &[]),
            reload: ReloadPolicy::default(),
            shards: 1,
            limits: Limits { bases: 2, sessions: 2, in_flight: 16, queue: 16, ..Limits::default() },
            verify_ratio: 0.0,
            accelerators: ALL_ACCELERATORS.to_owned(),
            variation_timeout: Duration::from_secs(60),
            memory: memory::Marks::default(),
            sandbox: SandboxMode::Prefer,
            cache_bytes: 0,
            log: self.log.clone(),
            faults: false,
        }
    }
}

/// The text, if there is one: an empty variable of the environment is none.
pub(super) fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
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
