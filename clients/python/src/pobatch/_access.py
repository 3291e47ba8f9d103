"""How a server is reached: its endpoints, TLS, and the token that goes with every call.

A token goes over TLS or stays on this machine: beyond that everybody on its way could take it, so it is refused unless
plain text is asked for by name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import grpc

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/=]{16,512}")


@dataclass(frozen=True)
class Tls:
    """Files that TLS is made of, all PEM. They are read when a client is made."""

    #: Authority that the server's certificate must come from. Default: those that come with gRPC, or the file named in
    #: ``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH``.
    ca: str | PathLike[str] | None = None
    #: The certificate that is shown to the server, and its private key: both or none.
    certificate: str | PathLike[str] | None = None
    key: str | PathLike[str] | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """The same for gRPC."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key go together")
        ca, certificate, key = (None if path is None else Path(path).read_bytes() for path in _paths(self))
        return grpc.ssl_channel_credentials(ca, key, certificate)


def _paths(tls: Tls) -> tuple[str | PathLike[str] | None, ...]:
    return tls.ca, tls.certificate, tls.key


@dataclass(frozen=True)
class Target:
    """A server: its address as gRPC wants it, and its credentials; ``None``: plain text."""

    address: str
    credentials: grpc.ChannelCredentials | None


class Access:
    """How the servers are reached. What is in it is for nobody's eyes."""

    def __init__(
        self,
        endpoints: str | Sequence[str],
        *,
        credentials: grpc.ChannelCredentials | None = None,
        tls: Tls | None = None,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        allow_plaintext: bool = False,
    ) -> None:
        if credentials is not None and tls is not None:
            raise ValueError("credentials are what tls is made into: give one of both")
        given = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        if not given:
            raise ValueError("at least one endpoint is needed")
        if tls is not None:
            credentials = tls.credentials()
        targets = [_target(endpoint, credentials) for endpoint in given]
        self._targets = rotate(targets)
        pairs = list((metadata or {}).items())
        value = _token(token, token_file)
        if value is not None:
            for target in targets:
                if target.credentials is None and not allow_plaintext and not _is_local(target.address):
                    raise ValueError(
                        f"no token is sent to {target.address}: it is neither https nor on this machine "
                        "(allow_plaintext=True allows it)"
                    )
            pairs.append(("authorization", f"Bearer {value}"))
        #: What goes with every call.
        self.metadata = tuple(pairs)

    def next_target(self) -> Target:
        """The server that is to be asked next."""
        return next(self._targets)


def rotate(targets: Sequence[Target]) -> Iterator[Target]:
    """The servers, over and over."""
    while True:
        yield from targets


def _target(endpoint: str, credentials: grpc.ChannelCredentials | None) -> Target:
    scheme, parted, rest = endpoint.partition("://")
    if not parted or scheme not in ("http", "https"):
        return Target(endpoint, credentials)
    if scheme == "http" and credentials is not None:
        raise ValueError(f"{endpoint} is plain text; with certificates it is https://")
    if scheme == "https" and credentials is None:
        credentials = Tls().credentials()
    return Target(rest.rstrip("/"), credentials)


def _token(token: str | None, token_file: str | PathLike[str] | None) -> str | None:
    if token is not None and token_file is not None:
        raise ValueError("a token or a file that has it: give one of both")
    if token_file is not None:
        token = Path(token_file).read_text().strip()
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token has at least 16 letters, digits and -._~+/=")
    return token


def _is_local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
