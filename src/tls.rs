//! TLS of the public listener: what it proves itself with, and whom it asks for proof. Made of files, and made anew when
//! they change; connections that are there go on as they began.
//!
//! Tonic's own TLS takes its certificate for good, so the handshakes are ours ([`Handshakes`]) and tonic gets streams.

mod handshakes;

use std::{fmt, path::PathBuf, sync::Arc};

pub use handshakes::Handshakes;
use tokio::sync::watch;
use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use crate::{metrics::Metrics, reload::Contents};

/// The protocol that gRPC is, as it is negotiated.
const ALPN: &[u8] = b"h2";

/// Files that TLS is made of, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate, and behind it those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of clients: every client must have a certificate of one of them.
    pub client_authorities: Option<PathBuf>,
}

impl Files {
    /// In the order in which [`Identity`] takes their contents.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let always = [self.certificate.clone(), self.key.clone()];
        always.into_iter().chain(self.client_authorities.clone()).collect()
    }
}

/// Why files do not make TLS. Says nothing of what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are none.
    #[error("the certificate file holds no certificate in PEM")]
    NoCertificate,
    /// The key is none.
    #[error("the key file holds no private key in PEM")]
    NoKey,
    /// The authorities are none.
    #[error("the file of client authorities holds no certificate in PEM")]
    NoAuthority,
    /// Certificate and key do not fit, or are of a kind that is not known.
    #[error("certificate and key are not usable: {0}")]
    Unusable(rustls::Error),
    /// An authority is not usable.
    #[error("a client authority is not usable: {0}")]
    BadAuthority(String),
}

/// What new handshakes are made with. Clones share it.
#[derive(Clone)]
pub struct Identity {
    config: Arc<watch::Sender<Arc<ServerConfig>>>,
    metrics: Arc<Metrics>,
}

/// It holds a private key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Identity {
    /// Made of the contents of [`Files::paths`].
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(contents: &Contents, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        let Made { config, expires } = make(contents)?;
        metrics.access.certificate_expires(expires);
        Ok(Self { config: Arc::new(watch::Sender::new(Arc::new(config))), metrics })
    }

    /// New handshakes are made with these contents from now on. With an error all stays as it is.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn replace(&self, contents: &Contents) -> Result<(), TlsError> {
        let Made { config, expires } = make(contents)?;
        self.metrics.access.certificate_expires(expires);
        self.config.send_replace(Arc::new(config));
        Ok(())
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.borrow())
    }
}

/// What files make.
struct Made {
    config: ServerConfig,
    /// When the server's certificate is good no more, in seconds since 1970.
    expires: i64,
}

fn make(Contents(files): &Contents) -> Result<Made, TlsError> {
    let file = |index: usize| files.get(index).map_or(&[] as &[u8], Vec::as_slice);
    let chain = certificates(file(0)).ok_or(TlsError::NoCertificate)?;
    let expires = chain.first().and_then(expiry).ok_or(TlsError::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(file(1)).map_err(|_| TlsError::NoKey)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Unusable)?;
    let builder = match files.get(2) {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(authorities).ok_or(TlsError::NoAuthority)? {
                roots.add(authority).map_err(|error| TlsError::BadAuthority(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| TlsError::BadAuthority(error.to_string()))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Made { config, expires })
}

fn expiry(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// All certificates of a file; `None` if there is none, or anything that is not well formed.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn pem() -> [Vec<u8>; 2] {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        [cert.pem().into_bytes(), signing_key.serialize_pem().into_bytes()]
    }

    fn identity(files: Vec<Vec<u8>>) -> Result<Identity, TlsError> {
        Identity::new(&Contents(files), Arc::new(Metrics::new().unwrap()))
    }

    #[test]
    fn what_is_no_pair_of_certificate_and_key_is_refused_in_words_that_hold_nothing_of_it() {
        let ([certificate, key], [_, other]) = (pem(), pem());
        let garbage = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".to_vec();
        for (files, problem) in [
            (vec![Vec::new(), key.clone()], "the certificate file holds no certificate"),
            (vec![b"nothing".to_vec(), key.clone()], "the certificate file holds no certificate"),
            (vec![certificate.clone(), certificate.clone()], "the key file holds no private key"),
            (vec![certificate.clone(), other], "certificate and key are not usable"),
            (vec![certificate.clone(), garbage], "certificate and key are not usable"),
            (vec![certificate.clone(), key.clone(), Vec::new()], "the file of client authorities holds no certificate"),
        ] {
            let error = identity(files).unwrap_err();
            assert!(error.to_string().starts_with(problem), "{error}");
            assert!(!format!("{error} {error:?}").contains("c2VjcmV0"), "{error}");
        }
        let identity = identity(vec![certificate.clone(), key.clone(), certificate]).unwrap();
        let before = identity.current();
        identity.replace(&Contents(vec![Vec::new(), key])).unwrap_err();
        assert!(Arc::ptr_eq(&before, &identity.current()), "what is refused changes nothing");
        assert_eq!(format!("{identity:?}"), "Identity(..)");
    }
}
