"""Channels to servers: which one the next call is made on, and when one that was left is closed.

That a call fails says nothing of its neighbours: whoever tries again gets a connection of its own, which behind a load
balancer may lead to another server, and the one that was left stays open until its last call has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from pobatch._access import Access, Target

ChannelT = TypeVar("ChannelT")


class Link(Generic[ChannelT]):
    """A channel, and how many calls are on it."""

    def __init__(self, channel: ChannelT) -> None:
        self.channel = channel
        self.calls = 0


class Links(Generic[ChannelT]):
    """The link in use, and those that were left. Several threads may share it."""

    def __init__(self, access: Access, connect: Callable[[Target], ChannelT]) -> None:
        self._access = access
        self._connect = connect
        self._lock = threading.Lock()
        self._left: list[Link[ChannelT]] = []
        self._current = self._next()

    def _next(self) -> Link[ChannelT]:
        return Link(self._connect(self._access.next_target()))

    def take(self) -> Link[ChannelT]:
        """The link that a call is made on. Behind it, it is given back."""
        with self._lock:
            self._current.calls += 1
            return self._current

    def give_back(self, link: Link[ChannelT]) -> None:
        """A call on that link has ended."""
        with self._lock:
            link.calls -= 1

    def leave(self, link: Link[ChannelT]) -> list[ChannelT]:
        """Moves on to the next server, unless somebody has left that link before. Gives what is to be closed."""
        with self._lock:
            if link is self._current:
                self._left.append(link)
                self._current = self._next()
            idle = [one.channel for one in self._left if one.calls == 0]
            self._left = [one for one in self._left if one.calls > 0]
            return idle

    def all(self) -> list[ChannelT]:
        """Every channel that is open."""
        with self._lock:
            return [one.channel for one in (*self._left, self._current)]
