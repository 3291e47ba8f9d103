"""Builds, as the server is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pobatch.v1 import base_pb2

_BASE_ID_DIGITS = 64


@dataclass(frozen=True)
class Build:
    """A build: XML, a share code, or the id that the server gave it. Exactly one of them."""

    xml: str | None = None
    share_code: str | None = None
    base_id: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.xml, self.share_code, self.base_id)) != 1:
            raise ValueError("a build is XML, a share code or a base id")

    @staticmethod
    def read(path: str | Path) -> Build:
        """The build in a file: XML or a share code."""
        return Build.of(Path(path).read_text(encoding="utf-8-sig"))

    @staticmethod
    def of(text: str | Build) -> Build:
        """The build that a text is: XML begins with ``<``, an id has 64 hexadecimal digits, all else is a code."""
        if isinstance(text, Build):
            return text
        stripped = text.strip()
        if stripped.startswith("<"):
            return Build(xml=text)
        if len(stripped) == _BASE_ID_DIGITS and all(digit in "0123456789abcdef" for digit in stripped):
            return Build(base_id=stripped)
        return Build(share_code=stripped)

    def to_proto(self, engine: str = "") -> base_pb2.Base:
        """The message."""
        return base_pb2.Base(xml=self.xml, share_code=self.share_code, base_id=self.base_id, engine=engine)
