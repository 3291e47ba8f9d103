//! Who may call, and how clients show that they may: the flags about TLS, tokens and plain text. Files are named here and
//! read when a server starts or a connection is made.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    BadValue, args,
    values::{Values, given},
};
use crate::{client::Access, listen::Guard, tls};

impl Values<'_> {
    pub(super) fn guard(&mut self, serve: &args::Serve) -> Guard {
        let (certificate, key) = (given(serve.tls_cert.as_deref()), given(serve.tls_key.as_deref()));
        let client_authorities = given(serve.tls_client_ca.as_deref()).map(PathBuf::from);
        if client_authorities.is_some() && certificate.is_none() {
            let problem = "without --tls-cert no client is asked for a certificate".to_owned();
            self.bad.push(BadValue { name: "--tls-client-ca", problem });
        }
        let tls =
            self.pair(certificate, key).map(|(certificate, key)| tls::Files { certificate, key, client_authorities });
        Guard {
            tls,
            tokens: given(serve.tokens.as_deref()).map(PathBuf::from),
            reload_interval: self.time("--reload-interval", &serve.reload_interval),
        }
    }

    /// A certificate and its key: both or none.
    fn pair(&mut self, certificate: Option<String>, key: Option<String>) -> Option<(PathBuf, PathBuf)> {
        let (name, other) = match (certificate, key) {
            (Some(certificate), Some(key)) => return Some((certificate.into(), key.into())),
            (None, None) => return None,
            (Some(_), None) => ("--tls-key", "--tls-cert"),
            (None, Some(_)) => ("--tls-cert", "--tls-key"),
        };
        self.bad.push(BadValue { name, problem: format!("{other} is given, and is of no use without this") });
        None
    }

    /// Plain text is for the loopback interface, unless it is asked for by name.
    pub(super) fn refuse_plaintext(&mut self, name: &'static str, address: SocketAddr, allowed: bool, remedy: &str) {
        if !allowed && !address.ip().to_canonical().is_loopback() {
            let problem = format!(
                "`{address}` is not on the loopback interface, and plain text can be read and changed on its way{remedy}. \
                 --allow-plaintext allows it"
            );
            self.bad.push(BadValue { name, problem });
        }
    }

    pub(super) fn access(&mut self, access: &args::Access) -> Access {
        Access {
            authority: given(access.tls_ca.as_deref()).map(PathBuf::from),
            identity: self.pair(given(access.client_tls_cert.as_deref()), given(access.client_tls_key.as_deref())),
            token_file: given(access.token_file.as_deref()).map(PathBuf::from),
            allow_plaintext: access.client_allow_plaintext,
        }
    }
}
