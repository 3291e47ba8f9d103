"""What can go wrong with a whole call. A bad variation is no error: it is an outcome with a failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc

#: When a client may try again (gRFC A6).
_PUSHBACK = "grpc-retry-pushback-ms"
#: What grpc.aio says itself, in place of the server's status, when it was writing while the call ended
#: (grpc/grpc#36066). No server says it.
_STATUS_LOST = "Internal error from Core"


class PobatchError(Exception):
    """Anything of this package."""


class CallError(PobatchError):
    """The server refused a call, or ended it early, and trying again did not help or would not."""

    def __init__(self, code: grpc.StatusCode, message: str, pushback_seconds: float | None = None) -> None:
        super().__init__(f"{code.name}: {message}")
        #: The gRPC code.
        self.code = code
        #: The server's words: the field, and what is wrong with it.
        self.message = message
        #: When the server asked to try again.
        self.pushback_seconds = pushback_seconds

    @staticmethod
    def of(error: grpc.RpcError) -> CallError:
        """The same error as one of ours."""
        code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
        message = error.details() if hasattr(error, "details") else str(error)
        trailers = error.trailing_metadata() if hasattr(error, "trailing_metadata") else None
        if code is grpc.StatusCode.INTERNAL and message == _STATUS_LOST:
            # The call ended, and why is lost. The next try hears it, if it is anything that stays.
            code, message = grpc.StatusCode.UNAVAILABLE, "the call ended while a message was being sent"
        return CallError(code, message or "", pushback(trailers))


class ConnectionLost(CallError):
    """The connection broke, or no server could be reached, more often than the policy allows."""


class EngineDiffers(PobatchError):
    """The server that was to go on with an evaluation computes with another engine than the one that it began with, or
    came back as another: its outcomes cannot stand beside those that were handed out."""


def pushback(metadata: Iterable[Any] | None) -> float | None:
    """When the server asked to try again, in seconds. Metadata are pairs of a name and a text, or bytes."""
    for name, value in metadata or ():
        if name == _PUSHBACK:
            text = value.decode() if isinstance(value, bytes) else value
            return int(text) / 1000 if text.isdigit() else None
    return None
