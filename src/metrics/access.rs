//! Metrics of who gets in: handshakes, tokens, files that are read anew, and what each tenant has. A tenant's name is the
//! one label that no enum closes; the file of tenants bounds how many there are, and series go with their tenant.

use std::time::Duration;

use prometheus::{Counter, CounterVec, Error, Gauge, GaugeVec, IntCounter, IntCounterVec};

use super::family::{Each, Families, labels};
use crate::{build::outcome::named_enum, reload::Watched, tenants::Quota};

named_enum! {
    /// How a TLS handshake ended.
    Handshake {
        /// The connection is there.
        Done => "done",
        /// One of both did not like the other.
        Failed => "failed",
        /// The client took too long.
        TimedOut => "timed_out",
    }
}

named_enum! {
    /// Why nobody knows who calls.
    Stranger {
        /// There is no token, or more than one.
        NoToken => "no_token",
        /// Nobody has that token.
        UnknownToken => "unknown_token",
        /// The token was taken away while the call was open.
        Revoked => "revoked",
    }
}

named_enum! {
    /// What became of changed files.
    Reload {
        /// They are in use.
        Taken => "taken",
        /// They are broken, and the old ones stay in use.
        Refused => "refused",
    }
}

labels!(Handshake, Quota, Reload, Stranger, Watched);

/// The metrics of who gets in.
#[derive(Debug)]
pub struct Access {
    handshakes: Each<Handshake, IntCounter>,
    certificate_expiry: Gauge,
    strangers: Each<Stranger, IntCounter>,
    reloads: Each<Watched, Each<Reload, IntCounter>>,
    stale: Each<Watched, Gauge>,
    tenant_calls: GaugeVec,
    tenant_variations: IntCounterVec,
    tenant_refusals: IntCounterVec,
    tenant_waits: CounterVec,
}

impl Access {
    pub(super) fn new(families: &Families) -> Result<Self, Error> {
        let reloads = families.counters(
            "pobatch_reloads_total",
            "Changed files that were read while the server ran, by what they are for and what became of them.",
            &["files", "result"],
        )?;
        Ok(Self {
            handshakes: families.counter_each(
                "pobatch_tls_handshakes_total",
                "TLS handshakes that were over, by result.",
                "result",
            )?,
            certificate_expiry: families.gauge(
                "pobatch_tls_certificate_expiry_timestamp_seconds",
                "When the certificate that new handshakes get is good no more; 0 without TLS.",
            )?,
            strangers: families.counter_each(
                "pobatch_authentication_failures_total",
                "Calls that no tenant's token came with, or stayed with, by reason.",
                "reason",
            )?,
            reloads: Each::new(|files: Watched| {
                Each::new(|reload: Reload| reloads.with_label_values(&[files.as_str(), reload.as_str()]))
            }),
            stale: families.gauge_each(
                "pobatch_reload_refused",
                "Whether files changed and are broken, so that what they held before is in use: 1 or 0.",
                "files",
            )?,
            tenant_calls: families.gauges("pobatch_tenant_calls", "Calls of a tenant that are open.", &["tenant"])?,
            tenant_variations: families.counters(
                "pobatch_tenant_variations_total",
                "Variations of a tenant that were let in.",
                &["tenant"],
            )?,
            tenant_refusals: families.counters(
                "pobatch_tenant_refusals_total",
                "Calls of a tenant that were refused, by the quota that they were over.",
                &["tenant", "quota"],
            )?,
            tenant_waits: families.real_counters(
                "pobatch_tenant_wait_seconds_total",
                "Time that streams of a tenant were held up, by the quota that they were over.",
                &["tenant", "quota"],
            )?,
        })
    }

    /// A handshake is over.
    pub fn handshake(&self, ended: Handshake) {
        self.handshakes.of(ended).inc();
    }

    /// New handshakes get a certificate that is good until then, in seconds since 1970.
    pub fn certificate_expires(&self, at: i64) {
        self.certificate_expiry.set(at as f64);
    }

    /// Nobody knows who calls.
    pub fn stranger(&self, why: Stranger) {
        self.strangers.of(why).inc();
    }

    /// Files have changed.
    pub fn reloaded(&self, files: Watched, taken: bool) {
        self.reloads.of(files).of(if taken { Reload::Taken } else { Reload::Refused }).inc();
        self.stale.of(files).set(if taken { 0.0 } else { 1.0 });
    }

    /// The series of a tenant, which exist from now on.
    #[must_use]
    pub fn tenant(&self, name: &str) -> TenantMetrics {
        TenantMetrics {
            calls: self.tenant_calls.with_label_values(&[name]),
            variations: self.tenant_variations.with_label_values(&[name]),
            refusals: Each::new(|quota: Quota| self.tenant_refusals.with_label_values(&[name, quota.as_str()])),
            // What opens a call is refused and does not wait.
            waits: [Quota::InFlight, Quota::Rate]
                .map(|quota| (quota, self.tenant_waits.with_label_values(&[name, quota.as_str()]))),
        }
    }

    /// There is no such tenant any more, and no series of it.
    pub fn forget_tenant(&self, name: &str) {
        // It fails where there is none, which is as well.
        let _ = self.tenant_calls.remove_label_values(&[name]);
        let _ = self.tenant_variations.remove_label_values(&[name]);
        for quota in Quota::ALL {
            let _ = self.tenant_refusals.remove_label_values(&[name, quota.as_str()]);
            let _ = self.tenant_waits.remove_label_values(&[name, quota.as_str()]);
        }
    }
}

/// The metrics of one tenant.
#[derive(Clone, Debug)]
pub struct TenantMetrics {
    calls: Gauge,
    variations: IntCounter,
    refusals: Each<Quota, IntCounter>,
    waits: [(Quota, Counter); 2],
}

impl TenantMetrics {
    /// A call begins.
    pub fn opened(&self) {
        self.calls.inc();
    }

    /// A call is over.
    pub fn closed(&self) {
        self.calls.dec();
    }

    /// A variation is let in.
    pub fn took_turn(&self) {
        self.variations.inc();
    }

    /// A call is over that quota.
    pub fn refused(&self, quota: Quota) {
        self.refusals.of(quota).inc();
    }

    /// A variation had to wait that long.
    pub fn waited(&self, quota: Quota, time: Duration) {
        if let Some((_, waits)) = self.waits.iter().find(|(this, _)| *this == quota) {
            waits.inc_by(time.as_secs_f64());
        }
    }
}
