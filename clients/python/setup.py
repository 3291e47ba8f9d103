"""Makes the message classes out of the repository's protos when the package is built.

They are never committed: what the server speaks is written down in one place. A source distribution carries a copy of
the protos, because it is built where there is no repository.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import google.protobuf
import grpc_tools
from grpc_tools import protoc
from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
COPY = HERE / "proto"
PACKAGE = Path("pobatch/v1")


def protos() -> Path:
    """The folder that the protos' import paths begin in."""
    for root in (HERE.parent.parent / "proto", COPY):
        if (root / PACKAGE).is_dir():
            return root
    raise SystemExit("the protos are neither in the repository nor in this distribution")


def version() -> str:
    """The server's: both speak the same protos."""
    cargo = HERE.parent.parent / "Cargo.toml"
    text = cargo.read_text() if cargo.exists() else (COPY / "VERSION").read_text()
    found = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    return found.group(1) if found else text.strip()


def generate(target: Path) -> None:
    """Writes the message classes and their types below ``target``."""
    root = protos()
    # Protoc's own protos (durations) are beside it.
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(str(path.relative_to(root)) for path in (root / PACKAGE).glob("*.proto"))
    target.mkdir(parents=True, exist_ok=True)
    arguments = ["protoc", f"-I{root}", f"-I{well_known}", f"--python_out={target}", f"--pyi_out={target}", *files]
    if protoc.main(arguments) != 0:
        raise SystemExit("the protos do not compile")
    (target / PACKAGE / "__init__.py").write_text('"""The API\'s messages, generated from `proto/pobatch/v1`."""\n')


class Build(build_py):
    """Makes the message classes, too."""

    def run(self) -> None:
        super().run()
        generate(HERE / "src" if self.editable_mode else Path(self.build_lib))


class Source(sdist):
    """Takes the protos along."""

    def run(self) -> None:
        if protos() != COPY:
            shutil.rmtree(COPY, ignore_errors=True)
            shutil.copytree(protos() / PACKAGE, COPY / PACKAGE)
            (COPY / "VERSION").write_text(version())
        super().run()


setup(
    version=version(),
    install_requires=["grpcio>=1.62", f"protobuf>={google.protobuf.__version__}"],
    cmdclass={"build_py": Build, "sdist": Source},
)
