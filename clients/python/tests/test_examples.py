"""The examples run, and do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
