//! What guards a server, made within the test: certificates of authorities of our own, and files that change as those of
//! Kubernetes do.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use pobatch::{
    client::Access,
    proto::v1::{EvaluateStreamRequest, evaluate_stream_response::Response, evaluation_service_client},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, transport::Channel};

use super::{
    PATIENCE,
    front::{POLL, Stream, connect},
    scrape::{Scrape, get},
    served::Served,
};

/// Who vouches for others.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this machine.
    pub fn issue(&self) -> Pair {
        self.issue_for("127.0.0.1", 4000)
    }

    /// One that is good no more.
    pub fn issue_expired(&self) -> Pair {
        self.issue_for("127.0.0.1", 2001)
    }

    /// A certificate for that name, until that year.
    pub fn issue_for(&self, name: &str, until: i32) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// A directory in which files are swapped all at once, behind a symbolic link, as Kubernetes does it with secrets.
pub struct Mount {
    directory: TempDir,
    versions: usize,
}

impl Mount {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let mut mount = Self { directory: tempfile::tempdir().expect("a place"), versions: 0 };
        mount.swap(files);
        mount
    }

    /// All files are these from now on.
    pub fn swap(&mut self, files: &[(&str, &str)]) {
        self.versions += 1;
        let root = self.directory.path();
        let version = root.join(format!("..version-{}", self.versions));
        fs::create_dir(&version).expect("a place");
        for (name, contents) in files {
            fs::write(version.join(name), contents).expect("room");
            let link = root.join(name);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(name), link).expect("a link");
            }
        }
        symlink(version.file_name().expect("its name"), root.join("..next")).expect("a link");
        fs::rename(root.join("..next"), root.join("..data")).expect("one step");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a text").to_owned()
    }
}

/// How often servers of tests look at their files.
const RELOAD: &[&str] = &["--shards", "2", "--reload-interval", "20ms"];

/// A server with that certificate.
pub fn serve_tls(mount: &Mount, log: impl Into<Stdio>, more: &[&str]) -> Served {
    let (certificate, key) = (mount.text("tls.crt"), mount.text("tls.key"));
    let arguments = [RELOAD, &["--tls-cert", &certificate, "--tls-key", &key], more].concat();
    Served::start_logging(&arguments, log)
}

/// A server with these tenants, in plain text.
pub fn serve_tenants(mount: &Mount, more: &[&str]) -> Served {
    let tokens = mount.text("tokens.toml");
    Served::start(&[RELOAD, &["--tokens", &tokens], more].concat())
}

/// A table of the file of tenants.
pub fn tenant(name: &str, token: &str, rest: &str) -> String {
    format!("[[tenant]]\nname = \"{name}\"\ntokens = [\"{token}\"]\n{rest}\n")
}

/// How a client that trusts that authority reaches a server.
pub fn trusting(mount: &Mount) -> Access {
    Access { authority: Some(mount.path("ca.crt")), ..Access::default() }
}

pub async fn scrape(served: &Served) -> Scrape {
    Scrape::parse(&get(&served.http, "/metrics").await.2)
}

/// Scrapes until it is so.
pub async fn until(served: &Served, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    let waiting = async {
        loop {
            let scrape = scrape(served).await;
            if is_so(&scrape) {
                return scrape;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits until changed files had that fate, so many times in all.
pub async fn reloaded(served: &Served, files: &str, result: &str, times: u64) {
    let labels = [format!("files=\"{files}\""), format!("result=\"{result}\"")];
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let so = |scrape: &Scrape| scrape.count("pobatch_reloads_total", &labels) == times;
    until(served, &format!("{files} {result}"), so).await;
}

/// The request with that token.
pub fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("fit for a header"));
    request
}

/// Opens a session with that token; the header has been read.
pub async fn open(url: &str, token: &str, first: EvaluateStreamRequest) -> Result<Stream, Status> {
    open_over(connect(url).await, token, first).await
}

/// The same, over a connection that is there.
pub async fn open_over(channel: Channel, token: &str, first: EvaluateStreamRequest) -> Result<Stream, Status> {
    let (sender, receiver) = mpsc::channel(1024);
    sender.try_send(first).expect("there is room");
    let mut client = evaluation_service_client::EvaluationServiceClient::new(channel);
    let answers = client.evaluate_stream(with_token(ReceiverStream::new(receiver), token)).await?.into_inner();
    let mut stream = Stream { requests: Some(sender), answers };
    match stream.next().await? {
        Some(Response::Header(_)) => Ok(stream),
        other => panic!("the first message is {other:?}"),
    }
}

/// Longest budget of a variation that is to run until its client leaves.
pub const LONG: Option<Duration> = Some(Duration::from_secs(60));
