"""Running evaluations that block."""

from __future__ import annotations

import queue
import time
from abc import abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

import grpc

from pobatch import _calls as calls
from pobatch._calls import Bar, Given
from pobatch._connection import Connection
from pobatch._errors import CallError, PobatchError
from pobatch._exchange import Exchange, Response, Session, SessionRequest, SweepRequest, SweepRun
from pobatch._links import Link
from pobatch._outcome import Header, Outcome, Results, Summary
from pobatch._variation import Variation


class _Stream(Protocol):
    """What is used of a call: gRPC's own class for it has no public name."""

    def __next__(self) -> Response: ...

    def cancel(self) -> object: ...


class Evaluation(Iterator[Outcome]):
    """A running evaluation: an iterator over outcomes. ``summary`` is complete when it is at its end."""

    def __init__(self, connection: Connection, exchange: Exchange, timeout: float | None, bar: Bar) -> None:
        self._connection = connection
        self._exchange = exchange
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._bar = bar
        self._call: _Stream | None = None
        self._link: Link[grpc.Channel] | None = None
        self._rest: Iterator[Outcome] | None = None

    @property
    def header(self) -> Header:
        """What all outcomes refer to. Waits for it."""
        while self._exchange.header is None:
            if self._rest is not None:
                raise PobatchError("it ended before it had begun")
            self._step()
        return self._exchange.header

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._exchange.summary

    def __next__(self) -> Outcome:
        outcome = None
        while outcome is None and self._rest is None:
            outcome = self._step()
        if outcome is None and self._rest is not None:
            outcome = next(self._rest, None)
        if outcome is None:
            self._bar.close()
            raise StopIteration
        self._bar.update(1)
        return outcome

    def close(self) -> None:
        """Gives it up: the server stops behind the variation that it is at."""
        self._end_call()
        self._rest = iter(())
        self._bar.close()

    def __enter__(self) -> Evaluation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def results(self) -> Results:
        """All that is to come: in the order of the variations, or of what the reduction kept."""
        return self._exchange.results(list(self))

    def _step(self) -> Outcome | None:
        """Sends what there is room for, and takes one message."""
        try:
            response = self._read()
            if isinstance(response, Response):
                return self._exchange.receive(response)
            link = self._link
            self._end_call()
            pause = self._exchange.ended(response)
        except PobatchError:
            self.close()
            raise
        if pause is None:
            self._rest = self._exchange.rest()
        else:
            time.sleep(pause)
            if link is not None:
                self._connection.move_on(link)
        return None

    def _read(self) -> Response | CallError | None:
        """The next message, or how the call ended; ``None``: well."""
        try:
            if self._call is None:
                left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
                self._link = self._connection.links.take()
                self._call = self._open(self._link.channel, left)
            self._send()
            return next(self._call)
        except StopIteration:
            return None
        except grpc.RpcError as error:
            return CallError.of(error)

    @abstractmethod
    def _open(self, channel: grpc.Channel, timeout: float | None) -> _Stream:
        """Begins a call."""

    def _send(self) -> None:
        """Sends what there is room for."""

    def _end_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._link is not None:
            self._connection.links.give_back(self._link)
            self._link = None


class SessionEvaluation(Evaluation):
    """Of variations that the caller makes."""

    def __init__(
        self,
        connection: Connection,
        session: Session,
        variations: Iterator[Given],
        timeout: float | None,
        bar: Bar,
    ) -> None:
        super().__init__(connection, session, timeout, bar)
        self._session = session
        self._variations = variations
        self._requests: queue.SimpleQueue[SessionRequest | None] = queue.SimpleQueue()
        self._is_half_closed = False

    def _open(self, channel: grpc.Channel, timeout: float | None) -> _Stream:
        requests: queue.SimpleQueue[SessionRequest | None] = queue.SimpleQueue()
        requests.put(self._session.begin())
        self._requests, self._is_half_closed = requests, False

        def outbound() -> Iterator[SessionRequest]:
            while (request := requests.get()) is not None:
                yield request

        method = calls.EVALUATE_STREAM
        stream: grpc.StreamStreamMultiCallable[SessionRequest, Response] = channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return stream(outbound(), timeout=timeout, metadata=self._connection.metadata)

    def _send(self) -> None:
        while (request := self._session.next_message(self._take)) is not None:
            self._requests.put(request)
        if self._session.is_all_sent and not self._is_half_closed:
            self._is_half_closed = True
            self._requests.put(None)

    def _take(self) -> Variation | None:
        given = next(self._variations, None)
        return None if given is None else calls.variation(given)

    def _end_call(self) -> None:
        # Whoever waits for a request of this call has none to wait for.
        self._requests.put(None)
        super()._end_call()


class SweepEvaluation(Evaluation):
    """Of variations that the server makes."""

    def __init__(self, connection: Connection, sweep: SweepRun, timeout: float | None, bar: Bar) -> None:
        super().__init__(connection, sweep, timeout, bar)
        self._sweep = sweep

    def _open(self, channel: grpc.Channel, timeout: float | None) -> _Stream:
        method = calls.EVALUATE_SWEEP
        stream: grpc.UnaryStreamMultiCallable[SweepRequest, Response] = channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return stream(self._sweep.begin(), timeout=timeout, metadata=self._connection.metadata)
