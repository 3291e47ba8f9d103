//! Tenants: who may call, told by a token, and how much each may have. Made of a file, and made anew when it changes:
//! who stays keeps what is in use, and calls that began with a token that is gone are ended.
//!
//! Quotas hold for a tenant as a whole, over all of its calls. Those on variations slow a stream down ([`Tenant::turn`])
//! and refuse a call that is none ([`Tenant::turn_now`]). Nothing here knows of gRPC.

mod account;
mod bucket;
mod file;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use account::Account;
use file::{Digest, Entry};
pub use file::{FileError, TENANTS_MAX, is_token};
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    build::outcome::named_enum,
    metrics::{Metrics, TenantMetrics},
    supervisor::Priority,
};

named_enum! {
    /// What a tenant has a quota of.
    Quota {
        /// Calls open at once.
        Calls => "calls",
        /// Variations in flight.
        InFlight => "in_flight",
        /// Variations a second.
        Rate => "rate",
    }
}

impl Quota {
    /// Its key in the file.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Calls => "calls_max",
            Self::InFlight => "in_flight_max",
            Self::Rate => "variations_per_second",
        }
    }
}

/// What a tenant may have; `None`: as much as the server gives anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// The highest priority that it gets.
    pub priority: Priority,
    /// Calls open at once.
    pub calls_max: Option<u32>,
    /// Variations in flight.
    pub in_flight_max: Option<u32>,
    /// Variations a second.
    pub variations_per_second: Option<u32>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { priority: Priority::Interactive, calls_max: None, in_flight_max: None, variations_per_second: None }
    }
}

/// A tenant has all that it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the quota `{}` of {max}", quota.key())]
pub struct OverQuota {
    /// Of what.
    pub quota: Quota,
    /// How much that is.
    pub max: u32,
    /// When to come again, if that is known.
    pub retry_after: Option<Duration>,
}

/// Everybody who may call. Clones share it.
#[derive(Clone, Debug)]
pub struct Tenants {
    known: Arc<RwLock<Vec<Known>>>,
    metrics: Arc<Metrics>,
}

/// A token that is good.
#[derive(Clone, Debug)]
struct Known {
    digest: Digest,
    pass: Pass,
}

/// Who calls, as long as the token is good.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whose token it is.
    pub tenant: Tenant,
    /// Cancelled when the token is good no more.
    pub revoked: CancellationToken,
}

impl Tenants {
    /// Those of a file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn new(contents: &[u8], metrics: Arc<Metrics>) -> Result<Self, FileError> {
        let tenants = Self { known: Arc::default(), metrics };
        tenants.replace(contents)?;
        Ok(tenants)
    }

    /// Those of a file, from now on. With an error all stays as it is.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn replace(&self, contents: &[u8]) -> Result<(), FileError> {
        let entries = file::parse(contents)?;
        // It is replaced as a whole, so a panic elsewhere does not matter.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut stays: HashMap<_, _> =
            known.iter().map(|Known { pass, .. }| (pass.tenant.0.name.clone(), pass.tenant.clone())).collect();
        let mut next: Vec<Known> = Vec::with_capacity(entries.len());
        for Entry { name, digests, quotas } in entries {
            let tenant = match stays.remove(&*name) {
                Some(tenant) => {
                    tenant.set_quotas(quotas);
                    tenant
                }
                None => Tenant::new(&name, quotas, self.metrics.access.tenant(&name)),
            };
            for digest in digests {
                // A token that is good under another name now belongs to somebody else.
                let same = |known: &&Known| known.pass.tenant.0.name == tenant.0.name && is_same(known.digest, digest);
                let revoked = known.iter().find(same).map(|known| known.pass.revoked.clone());
                let pass = Pass { tenant: tenant.clone(), revoked: revoked.unwrap_or_default() };
                next.push(Known { digest, pass });
            }
        }
        for gone in stays.keys() {
            self.metrics.access.forget_tenant(gone);
        }
        let before = std::mem::replace(&mut *known, next);
        for Known { digest, pass } in before {
            let is_good = |now: &Known| now.pass.tenant.0.name == pass.tenant.0.name && is_same(now.digest, digest);
            if !known.iter().any(is_good) {
                pass.revoked.cancel();
            }
        }
        Ok(())
    }

    /// Whose token it is. Takes the same time for every token of that length, good or not.
    #[must_use]
    pub fn find(&self, token: &[u8]) -> Option<Pass> {
        let digest = Digest::of(token);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // All are looked at, whichever it is.
        let found =
            known.iter().fold(None, |found, known| if is_same(known.digest, digest) { Some(known) } else { found });
        found.map(|known| known.pass.clone())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let names: std::collections::HashSet<_> = known.iter().map(|known| &known.pass.tenant.0.name).collect();
        names.len()
    }
}

fn is_same(one: Digest, other: Digest) -> bool {
    one.ct_eq(&other).into()
}

/// Somebody who may call. Clones are the same.
#[derive(Clone)]
pub struct Tenant(Arc<State>);

struct State {
    name: Arc<str>,
    account: Mutex<Account>,
    /// A variation is in flight no more, or more may be.
    freed: Notify,
    metrics: TenantMetrics,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenant({})", self.0.name)
    }
}

/// An open call; it is over when this is dropped.
#[derive(Debug)]
pub struct OpenCall(Tenant);

/// A variation that is in flight; it is no more when this is dropped.
#[derive(Debug)]
pub struct Turn(Tenant);

impl Tenant {
    fn new(name: &str, quotas: Quotas, metrics: TenantMetrics) -> Self {
        let account = Mutex::new(Account::new(quotas, Instant::now()));
        Self(Arc::new(State { name: name.into(), account, freed: Notify::new(), metrics }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The account is valid between any two statements, so a panic elsewhere does not matter.
    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_quotas(&self, quotas: Quotas) {
        self.account().set_quotas(quotas, Instant::now());
        self.0.freed.notify_waiters();
    }

    /// The priority that it gets if it asks for that one.
    #[must_use]
    pub fn priority(&self, asked: Priority) -> Priority {
        match self.account().quotas().priority {
            Priority::Interactive => asked,
            Priority::Batch => Priority::Batch,
        }
    }

    /// Opens a call.
    ///
    /// # Errors
    /// [`OverQuota`], if too many are open.
    pub fn open(&self) -> Result<OpenCall, OverQuota> {
        let opened = self.account().open();
        opened.inspect_err(|over| self.0.metrics.refused(over.quota))?;
        self.0.metrics.opened();
        Ok(OpenCall(self.clone()))
    }

    /// Waits until one more variation may be evaluated. Cancel safe; one that is given up while it waits for the rate
    /// has had its moment.
    pub async fn turn(&self) -> Turn {
        let turn = match self.enter() {
            Some(turn) => turn,
            None => self.wait_for_room().await,
        };
        let placed = Instant::now();
        let wait = self.account().take(placed);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
            self.0.metrics.waited(Quota::Rate, placed.elapsed());
        }
        self.0.metrics.took_turn();
        turn
    }

    fn enter(&self) -> Option<Turn> {
        self.account().enter().ok().map(|()| Turn(self.clone()))
    }

    async fn wait_for_room(&self) -> Turn {
        let since = Instant::now();
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            // Before the look, or what is freed in between would go unnoticed.
            freed.as_mut().enable();
            if let Some(turn) = self.enter() {
                self.0.metrics.waited(Quota::InFlight, since.elapsed());
                return turn;
            }
            freed.await;
        }
    }

    /// Has one more variation evaluated at once.
    ///
    /// # Errors
    /// [`OverQuota`], if it would have to wait.
    pub fn turn_now(&self) -> Result<Turn, OverQuota> {
        let entered = self.account().enter_now(Instant::now());
        entered.inspect_err(|over| self.0.metrics.refused(over.quota))?;
        self.0.metrics.took_turn();
        Ok(Turn(self.clone()))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.account().close();
        self.0.0.metrics.closed();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.account().leave();
        self.0.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
