//! What a server runs, and where it listens: `serve`, and the servers of other commands.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    BadValue, COUNT_MAX, SHARDS_MAX, Serve, Server, args, engines,
    values::{Values, given},
};
use crate::{
    build::limits::{Contradiction, Limits, Unit},
    listen::{Address, Ages, Listen},
    supervisor::{ALL_ACCELERATORS, EngineChoice, EngineSpec, ReloadPolicy, SandboxMode, memory},
    wire::FRAME_BYTES_MAX,
};

/// Memory for results where nothing else is said: some ten thousand outcomes of all stats, or a hundred thousand of the
/// main ones.
pub(super) const CACHE_BYTES: usize = 64 << 20;

/// The modes of the sandbox by name.
const SANDBOX_MODES: &[(&str, SandboxMode)] =
    &[("prefer", SandboxMode::Prefer), ("require", SandboxMode::Require), ("off", SandboxMode::Off)];

/// Stands for no listener.
const OFF: &str = "off";

impl Values<'_> {
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

    pub(super) fn address(&mut self, name: &'static str, text: &str) -> SocketAddr {
        let address = text.parse().map_err(|_| format!("`{text}` is no address such as `127.0.0.1:50051`"));
        self.take(name, address, || loopback(0))
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

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
