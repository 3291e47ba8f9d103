//! Where the servers are that commands talk to.

use super::{
    BadValue, ENDPOINTS_MAX, Health, Target, args,
    values::{Values, given},
};

impl Values<'_> {
    pub(super) fn target(&mut self, target: &args::Target, cache_bytes: usize) -> Target {
        let engine = given(target.engine_name.as_deref());
        let servers = self.servers(&target.servers, cache_bytes, engine.clone().unwrap_or_default());
        if let (Target::Own(_), Some(name)) = (&servers, engine) {
            let problem = format!("`{name}` is an engine's name at --endpoint; a server of our own has but one");
            self.bad.push(BadValue { name: "--engine", problem });
        }
        servers
    }

    /// The servers at `--endpoint`, where the engine of that name is asked, or one of our own.
    pub(super) fn servers(&mut self, servers: &args::Servers, cache_bytes: usize, engine: String) -> Target {
        let own = self.server(&servers.engine, cache_bytes);
        let urls: Vec<String> = servers.endpoint.iter().filter(|url| !url.is_empty()).cloned().collect();
        let access = self.access(&servers.access);
        if urls.is_empty() {
            return Target::Own(Box::new(own));
        }
        if urls.len() > ENDPOINTS_MAX {
            self.take("--endpoint", Err(format!("at most {ENDPOINTS_MAX} can be given")), || ());
        }
        for url in &urls {
            self.url("--endpoint", url);
        }
        Target::Endpoints { urls, access, engine }
    }

    pub(super) fn health(&mut self, health: args::Health) -> Health {
        self.url("--endpoint", &health.endpoint);
        let access = self.access(&health.access);
        let timeout = self.time("--timeout", &health.timeout);
        Health { endpoint: health.endpoint, access, service: health.service, timeout }
    }

    fn url(&mut self, name: &'static str, url: &str) {
        let known = url.starts_with("http://") || url.starts_with("https://");
        let valid = if known { Ok(()) } else { Err(format!("`{url}` is no URL such as `http://127.0.0.1:50051`")) };
        self.take(name, valid, || ());
    }
}
