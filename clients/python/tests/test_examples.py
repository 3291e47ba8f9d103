"""The examples run, and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
from conftest import ROOT, Served

import pobatch


def test_the_tree_optimizer_improves_a_build_and_keeps_its_promise(
    server: Served, client: pobatch.Client, tmp_path: Path
) -> None:
    code, picture = tmp_path / "code.txt", tmp_path / "tree.png"
    command = [sys.executable, str(ROOT / "examples/python/tree_optimizer.py"), "--endpoint", server.endpoint]
    command += ["--base", str(ROOT / "examples/witch.xml"), "--seconds", "2", "--out", str(code), "--plot", str(picture)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "stats are as promised" in ended.stdout
    before = client.evaluate_one((ROOT / "examples/witch.xml").read_text(), stats=["TotalEHP", "TotalDPS"])
    after = client.evaluate_one(code.read_text(), stats=["TotalEHP", "TotalDPS"])
    assert after.number("TotalEHP") > before.number("TotalEHP")
    assert after.number("TotalDPS") >= before.number("TotalDPS")
    assert picture.stat().st_size > 10_000


def test_the_tree_optimizer_reaches_a_guarded_server_and_one_of_its_engines(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, token = authority.issue_cert("localhost"), "a-token-of-an-example"
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    (tmp_path / "tokens.toml").write_text(f'[[tenant]]\nname = "alpha"\ntokens = ["{token}"]\n')
    (tmp_path / "token").write_text(token)
    guards = ["--tls-cert", "server.crt", "--tls-key", "server.key", "--tokens", "tokens.toml"]
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in guards]
    served = Served("--engine", "pob=sample", "--engine", "next=sample", *paths)

    def ended(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "examples/python/tree_optimizer.py"), "--seconds", "1", *more]
        command += ["--base", str(ROOT / "examples/witch.xml"), "--tls-ca", str(tmp_path / "ca.crt")]
        port = served.endpoint.rpartition(":")[2]
        command += ["--endpoint", f"https://localhost:{port}", "--token-file", str(tmp_path / "token")]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    try:
        done = ended("--engine", "next")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "engine next 1.0.0" in done.stdout and "stats are as promised" in done.stdout
        refused = ended("--engine", "third")
        assert refused.returncode == 1 and refused.stderr.startswith("tree_optimizer.py: NOT_FOUND: ")
        (tmp_path / "token").write_text("another-token-of-somebody")
        assert "UNAUTHENTICATED" in ended().stderr
        (tmp_path / "token").unlink()
        assert ended().returncode == 2, "no such file is a mistake on the command line"
    finally:
        served.stop()


def said(notebook: Any) -> list[list[str]]:
    """What each cell printed, word by word: how wide columns are is up to pandas. Pictures are left out."""
    cells = []
    for cell in notebook.cells:
        words: list[str] = []
        for output in cell.get("outputs", []):
            words += (output.get("text") or output.get("data", {}).get("text/plain", "")).split()
        cells.append(words)
    return cells


def test_the_notebook_says_again_what_is_in_it(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    # `.ci/run` says so loudly where they cannot be had.
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setitem(os.environ, "POBATCH_ENDPOINT", server.endpoint)
    path = ROOT / "examples/python/compare_rings.ipynb"
    written, run = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(run, timeout=120, kernel_name="python3", resources=where).execute()
    assert said(run) == said(written)
    assert sum(bool(words) for words in said(written)) >= 7, "outputs are committed"
