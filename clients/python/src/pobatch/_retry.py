"""When it is honest to try again.

A call is tried again when the server said that another try may help (it drains, is full, lost its session, was idle for
too long, no longer knows the base), or when the connection broke. Evaluating has no side effects, so nothing can be
done twice. It is not tried again when the same request would fail the same way, when the deadline has passed, or when
the server has a defect.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import grpc

_AGAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED})


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after which pauses."""

    #: Tries in a row without any progress, the first included.
    attempts: int = 6
    #: The pause before the second try; each further one is twice as long.
    first_pause_seconds: float = 0.1
    #: The longest pause, unless the server asks for a longer one.
    longest_pause_seconds: float = 5.0

    def may_help(self, code: grpc.StatusCode) -> bool:
        """Whether another try may help."""
        return code in _AGAIN

    def pause(self, attempt: int, pushback_seconds: float | None) -> float:
        """How long to wait behind that attempt (from 1): by chance up to the bound, so that clients spread."""
        bound = min(self.first_pause_seconds * 2.0 ** (attempt - 1), self.longest_pause_seconds)
        return max(bound * random.uniform(0.5, 1.0), pushback_seconds or 0.0)
