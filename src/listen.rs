//! Where the server listens and to whom: the public API, HTTP for operators, and the admin service. Binds; serves nothing.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::{TcpListener, UnixListener};

use crate::tls;

/// Who may connect to the admin socket: the server's own user.
const SOCKET_MODE: u32 = 0o600;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The API.
    pub api: SocketAddr,
    /// Metrics, probes, status page; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// The admin service; `None`: nowhere.
    pub admin: Option<Address>,
    /// How old what connects to the API may become.
    pub ages: Ages,
    /// To whom it listens on the API.
    pub guard: Guard,
}

/// How old connections and sessions may become before they are asked to begin anew: whoever stays where it is knows
/// nothing of servers that came later. `None`: as old as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// A connection: GOAWAY is sent then. Calls that are open on it go on, new ones need another connection.
    pub connection_max: Option<Duration>,
    /// A session: it takes no further variation then, and ends when what it has in hand is answered.
    pub session_max: Option<Duration>,
}

/// What clients of the API must bring, and what they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What TLS is made of; `None`: plain text.
    pub tls: Option<tls::Files>,
    /// The file of tenants; `None`: everybody may call.
    pub tokens: Option<PathBuf>,
    /// How often these files are looked at.
    pub reload_interval: Duration,
}

/// Plain text, for everybody.
impl Default for Guard {
    fn default() -> Self {
        Self { tls: None, tokens: None, reload_interval: RELOAD_INTERVAL }
    }
}

/// How often files are looked at where nothing else is said: reading three small ones costs nothing, and nobody waits
/// longer for a new certificate than Kubernetes takes to deliver it.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The API alone.
impl From<SocketAddr> for Listen {
    fn from(api: SocketAddr) -> Self {
        Self { api, http: None, admin: None, ages: Ages::default(), guard: Guard::default() }
    }
}

/// An address of the admin service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// As it is written on the command line, and as clients take it behind `http://`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A listener of the admin service.
#[derive(Debug)]
pub enum Listener {
    /// On a TCP port.
    Tcp(TcpListener),
    /// On a Unix socket.
    Unix(UnixListener, Socket),
}

impl Listener {
    /// Listens there.
    ///
    /// # Errors
    /// What the kernel says.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            Address::Unix(path) => {
                let listener = match UnixListener::bind(path) {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
                        fs::remove_file(path)?;
                        UnixListener::bind(path)?
                    }
                    bound => bound?,
                };
                let socket = Socket(path.clone());
                fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
                Ok(Self::Unix(listener, socket))
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_, Socket(path)) => Ok(Address::Unix(path.clone())),
        }
    }
}

/// The socket of a server that is gone: nobody answers.
fn is_left_over(path: &Path) -> bool {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}

/// The file of a Unix socket, which goes with its listener.
#[derive(Debug)]
pub struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // A file that stays is taken for left over by the next server.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_is_left_over_is_taken_and_one_that_is_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(directory.path().join("admin.sock"));
        let Address::Unix(path) = &address else { unreachable!() };
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        let listener = Listener::bind(&address).await.expect("the left-over is removed");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, SOCKET_MODE);
        assert_eq!(Listener::bind(&address).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists());
    }
}
