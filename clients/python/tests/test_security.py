"""TLS, tokens and quotas, against the real program, with certificates that are made here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import grpc
import pytest
import trustme
from conftest import WITCH, Served

import pobatch
from pobatch import RetryPolicy, Sweep, Tls, Variation

ALPHA = "alpha-alpha-alpha-alpha"
BETA = "beta-beta-beta-beta"
#: Longest wait for anything that must happen; only a broken test comes near it.
PATIENCE_SECONDS = 60
#: Hears at once what the server says.
ONCE = RetryPolicy(attempts=1)


def pair(authority: trustme.CA, *, expired: bool = False) -> dict[str, bytes]:
    until = datetime(2001, 1, 1, tzinfo=timezone.utc) if expired else None
    since = datetime(2000, 1, 1, tzinfo=timezone.utc) if expired else None
    issued = authority.issue_cert("127.0.0.1", "localhost", not_before=since, not_after=until)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    return {"crt": chain, "key": issued.private_key_pem.bytes()}


def tenant(name: str, token: str, *more: str) -> str:
    return "\n".join(["[[tenant]]", f'name = "{name}"', f'tokens = ["{token}"]', *more, ""])


class Mount:
    """A directory whose files are swapped all at once, behind a symbolic link, as Kubernetes does it with secrets."""

    def __init__(self, root: Path, **files: bytes | str) -> None:
        self.root = root
        self.version = 0
        self.swap(**files)

    def swap(self, **files: bytes | str) -> None:
        self.version += 1
        version = self.root / f"..version-{self.version}"
        version.mkdir(parents=True)
        for name, contents in files.items():
            (version / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)
            if not (self.root / name).is_symlink():
                (self.root / name).symlink_to(Path("..data") / name)
        (self.root / "..next").symlink_to(version.name)
        os.replace(self.root / "..next", self.root / "..data")

    def __getattr__(self, name: str) -> str:
        return str(self.root / name)


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[Served] = []

    def start(*arguments: str) -> Served:
        running.append(Served("--reload-interval", "20ms", *arguments))
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def ours(tmp_path: Path) -> tuple[trustme.CA, Mount]:
    """An authority, and the files of a server that it vouches for."""
    authority = trustme.CA()
    return authority, Mount(tmp_path / "server", **pair(authority), ca=authority.cert_pem.bytes())


def refused(client: pobatch.Client) -> pobatch.CallError:
    with client, pytest.raises(pobatch.CallError) as caught:
        client.engine()
    return caught.value


def eventually(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def works(client: pobatch.Client) -> bool:
    with client:
        try:
            client.engine()
        except pobatch.CallError:
            return False
        return True


def test_only_the_right_authority_convinces(
    serve: Serve, ours: tuple[trustme.CA, Mount], tmp_path: Path
) -> None:
    authority, mount = ours
    served = serve("--tls-cert", mount.crt, "--tls-key", mount.key)
    assert served.url.startswith("https://")
    with pobatch.Client(served.url, tls=Tls(ca=mount.ca)) as client:
        assert client.engine().engine.name == "sample"
    theirs = Mount(tmp_path / "theirs", ca=trustme.CA().cert_pem.bytes())
    for wrong in (Tls(ca=theirs.ca), None):
        assert refused(pobatch.Client(served.url, tls=wrong, retry=ONCE)).code is grpc.StatusCode.UNAVAILABLE
    refused(pobatch.Client(served.endpoint, retry=ONCE))

    old = Mount(tmp_path / "old", **pair(authority, expired=True))
    expired = serve("--tls-cert", old.crt, "--tls-key", old.key)
    assert "expired" in refused(pobatch.Client(expired.url, tls=Tls(ca=mount.ca), retry=ONCE)).message


def test_a_client_shows_a_certificate_where_one_is_wanted(
    serve: Serve, ours: tuple[trustme.CA, Mount], tmp_path: Path
) -> None:
    _, mount = ours
    clients = trustme.CA()
    right = Mount(tmp_path / "right", **pair(clients), ca=clients.cert_pem.bytes())
    served = serve("--tls-cert", mount.crt, "--tls-key", mount.key, "--tls-client-ca", right.ca)

    def client(shown: Mount | None) -> pobatch.Client:
        files = (shown.crt, shown.key) if shown else (None, None)
        return pobatch.Client(served.url, tls=Tls(mount.ca, *files), retry=ONCE)

    assert works(client(right))
    refused(client(None))
    refused(client(Mount(tmp_path / "strange", **pair(trustme.CA()))))
    refused(client(Mount(tmp_path / "old", **pair(clients, expired=True))))


def test_the_server_changes_its_certificate_while_a_stream_runs(
    serve: Serve, ours: tuple[trustme.CA, Mount]
) -> None:
    _, mount = ours
    served = serve("--tls-cert", mount.crt, "--tls-key", mount.key)
    endless = (Variation(level=at % 90 + 1) for at in range(1_000_000))
    with (
        pobatch.Client(served.url, tls=Tls(ca=mount.ca)) as client,
        client.evaluate(WITCH, endless, in_flight_max=1) as evaluation,
    ):
        assert next(evaluation).ok
        new = trustme.CA()
        mount.swap(**pair(new), ca=new.cert_pem.bytes())
        eventually(lambda: works(pobatch.Client(served.url, tls=Tls(ca=mount.ca), retry=ONCE)))
        assert next(evaluation).ok and evaluation.summary.resumed == 0


def test_a_token_lets_in(serve: Serve, tmp_path: Path) -> None:
    mount = Mount(tmp_path / "mount", tokens=tenant("alpha", ALPHA), good=f"{ALPHA}\n")
    served = serve("--tokens", mount.tokens)
    for client in (pobatch.Client(served.url, token=ALPHA), pobatch.Client(served.url, token_file=mount.good)):
        with client:
            assert client.evaluate_all(WITCH, [Variation(level=90)], stats=["Life"])[0].ok
            # Each way to call sends it.
            assert all(outcome.ok for outcome in client.evaluate_sweep(WITCH, Sweep.passives(1), stats=["Life"]))
    for wrong in (None, BETA):
        # Not tried again: the policy is the usual one.
        error = refused(pobatch.Client(served.url, token=wrong))
        assert error.code is grpc.StatusCode.UNAUTHENTICATED
        assert BETA not in str(error)


async def test_the_asynchronous_client_has_the_same_keys(
    serve: Serve, ours: tuple[trustme.CA, Mount], tmp_path: Path
) -> None:
    _, mount = ours
    clients = trustme.CA()
    right = Mount(
        tmp_path / "right", **pair(clients), ca=clients.cert_pem.bytes(), tokens=tenant("alpha", ALPHA), good=ALPHA
    )
    served = serve(
        *("--tls-cert", mount.crt, "--tls-key", mount.key, "--tls-client-ca", right.ca, "--tokens", right.tokens)
    )
    tls = Tls(mount.ca, right.crt, right.key)
    async with pobatch.AsyncClient(served.url, tls=tls, token_file=right.good) as client:
        results = await client.evaluate_all(WITCH, [Variation(level=at) for at in range(1, 50)], stats=["Life"])
        assert all(outcome.ok for outcome in results)
    async with pobatch.AsyncClient(served.url, tls=tls) as client:
        with pytest.raises(pobatch.CallError) as caught:
            await client.engine()
        assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
    async with pobatch.AsyncClient(served.url, tls=Tls(mount.ca), token=ALPHA, retry=ONCE) as client:
        with pytest.raises(pobatch.CallError):
            await client.engine()


def test_tokens_change_while_a_stream_runs(serve: Serve, tmp_path: Path) -> None:
    both = tenant("alpha", ALPHA) + tenant("beta", BETA)
    mount = Mount(tmp_path / "mount", tokens=tenant("alpha", ALPHA))
    served = serve("--tokens", mount.tokens)
    endless = (Variation(level=at % 90 + 1) for at in range(1_000_000))
    with (
        pobatch.Client(served.url, token=ALPHA) as client,
        client.evaluate(WITCH, endless, in_flight_max=1) as evaluation,
    ):
        assert next(evaluation).ok
        mount.swap(tokens=both)
        eventually(lambda: works(pobatch.Client(served.url, token=BETA, retry=ONCE)))
        assert next(evaluation).ok and evaluation.summary.resumed == 0
        mount.swap(tokens=tenant("beta", BETA))
        with pytest.raises(pobatch.CallError) as caught:
            for outcome in evaluation:
                assert outcome.ok
        assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED


def test_quotas_slow_a_stream_down_and_refuse_a_call_too_many(serve: Serve, tmp_path: Path) -> None:
    table = tenant("alpha", ALPHA, "calls_max = 1", "in_flight_max = 4", "variations_per_second = 40")
    served = serve("--tokens", Mount(tmp_path / "mount", tokens=table).tokens)
    variations = [Variation(level=at % 90 + 1) for at in range(60)]
    with pobatch.Client(served.url, token=ALPHA) as client:
        results = client.evaluate_all(WITCH, variations, stats=["Life"])
        assert len(results) == 60 and all(outcome.ok for outcome in results)
        assert results.summary.resumed == 0
        with client.evaluate(WITCH, iter(variations), in_flight_max=1) as evaluation:
            next(evaluation)
            error = refused(pobatch.Client(served.url, token=ALPHA, retry=ONCE))
            assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.pushback_seconds == 1.0 and "calls_max" in error.message


def test_a_token_goes_over_tls_or_stays_on_this_machine() -> None:
    for endpoint in ("http://example.com:1", "example.com:1", "10.0.0.1:1", "dns:///localhost.example.com:1"):
        with pytest.raises(ValueError, match="no token is sent"):
            pobatch.Client(endpoint, token=ALPHA)
        pobatch.Client(endpoint, token=ALPHA, allow_plaintext=True).close()
        pobatch.Client(endpoint).close()
    for endpoint in ("https://example.com:1", "localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/nowhere"):
        pobatch.Client(endpoint, token=ALPHA).close()
    with pytest.raises(ValueError, match="no token is sent"):
        pobatch.Client(["127.0.0.1:1", "10.0.0.1:1"], token=ALPHA)


def test_what_contradicts_itself_is_refused_and_no_token_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text(f"{ALPHA}\n{ALPHA}")
    contradictions: list[Callable[[], object]] = [
        lambda: pobatch.Client("http://127.0.0.1:1", tls=Tls()),
        lambda: pobatch.Client("x:1", tls=Tls(), credentials=grpc.ssl_channel_credentials()),
        lambda: pobatch.Client("x:1", tls=Tls(certificate="c")),
        lambda: pobatch.Client([]),
        lambda: pobatch.Client("127.0.0.1:1", token=ALPHA, token_file=tmp_path / "broken"),
        lambda: pobatch.Client("127.0.0.1:1", token_file=tmp_path / "broken"),
        lambda: pobatch.Client("127.0.0.1:1", token=f"{ALPHA} "),
    ]
    for make in contradictions:
        with pytest.raises(ValueError) as caught:
            make()
        assert ALPHA not in str(caught.value)
    with pobatch.Client("127.0.0.1:1", token=ALPHA) as client:
        assert ALPHA not in repr(client) + repr(client._connection)
