"""What clients/python/README.md says: its snippets run, one behind the other, as they stand there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from conftest import ROOT, Served

import pobatch

TEXT = (ROOT / "clients/python/README.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
#: What a line prints stands behind it, up to three points; words there are no output.
PRINTED = re.compile(r"^print\((.+)\) +# ((?:\{|\[|\w+ \d).*)$", re.M)
TOKEN = "a-token-of-the-readme"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, Served]]:
    """The servers that the snippets speak of, by what they call them; their files are in the directory."""
    authority, clients = trustme.CA(), trustme.CA()
    certificate, shown = authority.issue_cert("localhost", "127.0.0.1"), clients.issue_cert("somebody@example.com")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    clients.cert_pem.write_to_path(tmp_path / "clients.crt")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    shown.cert_chain_pems[0].write_to_path(tmp_path / "client.crt")
    shown.private_key_pem.write_to_path(tmp_path / "client.key")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "tokens.toml").write_text(f'[[tenant]]\nname = "reader"\ntokens = ["{TOKEN}"]\n')
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    tls = ("--tls-cert", str(tmp_path / "server.crt"), "--tls-key", str(tmp_path / "server.key"))
    started = {
        "127.0.0.1:50051": Served("--engine", "pob=sample", "--engine", "next=sample"),
        "pobatch.example.com:50051": Served(*tls, "--tokens", str(tmp_path / "tokens.toml")),
        "10.0.0.1:50051": Served(*tls, "--tls-client-ca", str(tmp_path / "clients.crt")),
    }
    yield started
    for served in started.values():
        served.stop()


def test_every_snippet_runs_as_it_stands(
    servers: dict[str, Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown: list[str] = []

    def check(line: str, *values: object) -> None:
        printed = " ".join(map(str, values))
        expected, cut, _ = line.partition("...")
        assert printed.startswith(expected) if cut else printed == expected
        shown.append(line)

    names: dict[str, Any] = {"check": check}
    for snippet in SNIPPETS:
        for name, served in servers.items():
            snippet = snippet.replace(name, served.endpoint)
        snippet = PRINTED.sub(lambda found: f"check({found[2].rstrip()!r}, {found[1]})", snippet)
        exec(compile(snippet, "README.md", "exec"), names)
    assert len(shown) == 2 and len(SNIPPETS) >= 10
    assert names["most"] > names["results"].header.base_stats["TotalDPS"], "the search of the README finds something"


@pytest.mark.parametrize("kind", [pobatch.Client, pobatch.AsyncClient])
def test_every_call_is_shown(kind: type) -> None:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and callable(member):
            assert inspect.getdoc(member), name
            assert re.search(rf"client\.{name}\(", TEXT), f"the README does not show {name}"


def test_every_option_is_in_the_table() -> None:
    for name, parameter in inspect.signature(pobatch.Client.evaluate).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            assert f"\n| `{name}` |" in TEXT
