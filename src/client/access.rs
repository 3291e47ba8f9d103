//! How a server is reached that wants to know whom it talks to: whose certificates are trusted, which one is shown, and
//! the token that goes with every call.
//!
//! A token goes over TLS or stays on this machine: beyond that everybody on its way could take it, so it is refused
//! unless plain text is asked for by name.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use http::header::AUTHORIZATION;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{self, Certificate, ClientTlsConfig, Endpoint, Identity},
};

use super::ClientError;
use crate::tenants::is_token;

/// A connection whose calls carry the token, if there is one. Clones share it.
pub type Channel = InterceptedService<transport::Channel, Bearer>;

/// Largest file that is read. The certificates of every public authority are a quarter of it.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How a server is reached. Files are read when a connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Authorities that the server's certificate must come from, PEM; `None`: those that this system trusts.
    pub authority: Option<PathBuf>,
    /// The certificate that is shown, and its private key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The file with the token.
    pub token_file: Option<PathBuf>,
    /// The token may go in plain text beyond this machine.
    pub allow_plaintext: bool,
}

impl Access {
    /// That endpoint with TLS, if its scheme asks for it.
    pub(super) fn secure(&self, url: &str, endpoint: Endpoint) -> Result<Endpoint, ClientError> {
        if endpoint.uri().scheme_str() != Some("https") {
            return Ok(endpoint);
        }
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authority {
            Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
            None => tls.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        endpoint.tls_config(tls).map_err(|source| ClientError::Tls { endpoint: url.to_owned(), source })
    }

    /// What goes with every call to that endpoint.
    pub(super) fn bearer(&self, url: &str, endpoint: &Endpoint) -> Result<Bearer, ClientError> {
        let Some(path) = &self.token_file else { return Ok(Bearer(None)) };
        if !self.allow_plaintext && !is_private(endpoint) {
            return Err(ClientError::PlainToken(url.to_owned()));
        }
        let contents = read(path)?;
        let token = contents.trim_ascii();
        let no_token = || ClientError::NoToken(path.clone());
        let token = std::str::from_utf8(token).ok().filter(|token| is_token(token.as_bytes())).ok_or_else(no_token)?;
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| no_token())?;
        // Now it shows itself to nobody, and HTTP/2 does not put it into a table.
        value.set_sensitive(true);
        Ok(Bearer(Some(value)))
    }
}

/// Whether nobody else can read what goes there.
fn is_private(endpoint: &Endpoint) -> bool {
    let uri = endpoint.uri();
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    uri.scheme_str() == Some("https")
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    let failed = |source| ClientError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Puts the token on every call.
#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert(AUTHORIZATION.as_str(), value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn access(directory: &Path, contents: &str) -> Access {
        let path = directory.join("token");
        std::fs::write(&path, contents).unwrap();
        Access { token_file: Some(path), ..Access::default() }
    }

    fn bearer(access: &Access, url: &str) -> Result<Bearer, ClientError> {
        access.bearer(url, &Endpoint::from_shared(url.to_owned()).unwrap())
    }

    #[test]
    fn a_token_goes_over_tls_or_stays_on_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let access = access(directory.path(), TOKEN);
        for url in ["https://example.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(bearer(&access, url).is_ok(), "{url}");
        }
        let open = Access { allow_plaintext: true, ..access.clone() };
        for url in ["http://example.com", "http://10.0.0.1:50051", "http://localhost.example.com"] {
            assert!(matches!(bearer(&access, url), Err(ClientError::PlainToken(_))), "{url}");
            assert!(bearer(&open, url).is_ok(), "{url}");
            assert!(bearer(&Access::default(), url).is_ok(), "nothing is shown at {url}");
        }
    }

    #[test]
    fn a_token_is_one_line_and_shows_itself_to_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let given = bearer(&access(directory.path(), &format!("{TOKEN}\n")), "https://x").unwrap();
        assert!(!format!("{given:?}").contains(TOKEN), "{given:?}");
        assert_eq!(given.0.unwrap().to_str().unwrap(), format!("Bearer {TOKEN}"));
        for contents in ["", "short", &format!("{TOKEN}\n{TOKEN}"), &format!("{TOKEN}\u{e4}")] {
            let error = bearer(&access(directory.path(), contents), "https://x").unwrap_err();
            assert!(matches!(error, ClientError::NoToken(_)));
            assert!(!format!("{error} {error:?}").contains(TOKEN));
        }
    }
}
