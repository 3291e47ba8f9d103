"""A real server on the sample engine, for all tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import pobatch

ROOT = Path(__file__).resolve().parents[3]
WITCH = (ROOT / "examples/witch.xml").read_text()


def program() -> Path:
    """The server's program: ``POBATCH_BIN``, or what cargo built."""
    given = os.environ.get("POBATCH_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    candidates = [Path(given)] if given else [target / "release/pobatch", target / "debug/pobatch"]
    found = [path for path in candidates if path.exists()]
    if not found:
        pytest.fail("no server: build it with `cargo build`, or name it in POBATCH_BIN")
    return max(found, key=lambda path: path.stat().st_mtime)


class Served:
    """A server that does not outlive its test."""

    def __init__(self, *arguments: str) -> None:
        command = [str(program()), "serve", "--listen", "127.0.0.1:0", "--shards", "2", *arguments]
        environment = {"PATH": os.environ.get("PATH", "")}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().rsplit(" ", 1)[-1]
        self.endpoint = self.url.rsplit("/", 1)[-1]
        #: Where the admin service is, which the second line says last.
        self.admin = self.process.stdout.readline().strip().rsplit("/", 1)[-1]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop()


@pytest.fixture
def client(server: Served) -> Iterator[pobatch.Client]:
    with pobatch.Client(server.endpoint) as client:
        yield client
