"""Running evaluations that do not block."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol

import grpc
import grpc.aio

from pobatch import _calls as calls
from pobatch._aio_connection import AsyncConnection
from pobatch._calls import Bar, Given
from pobatch._errors import CallError, PobatchError
from pobatch._exchange import Exchange, Response, Session, SessionRequest, SweepRequest, SweepRun
from pobatch._links import Link
from pobatch._outcome import Header, Outcome, Results, Summary
from pobatch._variation import Variation


class _Stream(Protocol):
    """What is used of a call."""

    async def read(self) -> Any: ...

    def cancel(self) -> bool: ...


class AsyncEvaluation(AsyncIterator[Outcome]):
    """A running evaluation: an asynchronous iterator over outcomes."""

    def __init__(self, connection: AsyncConnection, exchange: Exchange, timeout: float | None, bar: Bar) -> None:
        self._connection = connection
        self._exchange = exchange
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._bar = bar
        self._call: _Stream | None = None
        self._link: Link[grpc.aio.Channel] | None = None
        self._rest: Iterator[Outcome] | None = None

    async def header(self) -> Header:
        """What all outcomes refer to. Waits for it."""
        while self._exchange.header is None:
            if self._rest is not None:
                raise PobatchError("it ended before it had begun")
            await self._step()
        return self._exchange.header

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._exchange.summary

    async def __anext__(self) -> Outcome:
        outcome = None
        while outcome is None and self._rest is None:
            outcome = await self._step()
        if outcome is None and self._rest is not None:
            outcome = next(self._rest, None)
        if outcome is None:
            self._bar.close()
            raise StopAsyncIteration
        self._bar.update(1)
        return outcome

    async def close(self) -> None:
        """Gives it up: the server stops behind the variation that it is at."""
        self._give_up()

    async def __aenter__(self) -> AsyncEvaluation:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._give_up()

    def _give_up(self) -> None:
        self._end_call()
        self._rest = iter(())
        self._bar.close()

    async def results(self) -> Results:
        """All that is to come: in the order of the variations, or of what the reduction kept."""
        return self._exchange.results([outcome async for outcome in self])

    async def _step(self) -> Outcome | None:
        """Sends what there is room for, and takes one message."""
        try:
            response = await self._read()
            if isinstance(response, Response):
                return self._exchange.receive(response)
            link = self._link
            self._end_call()
            pause = self._exchange.ended(response)
        except PobatchError:
            self._give_up()
            raise
        if pause is None:
            self._rest = self._exchange.rest()
        else:
            await asyncio.sleep(pause)
            if link is not None:
                await self._connection.move_on(link)
        return None

    async def _read(self) -> Response | CallError | None:
        """The next message, or how the call ended; ``None``: well."""
        try:
            if self._call is None:
                left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
                self._link = self._connection.links.take()
                self._call = self._open(self._link.channel, left)
            await self._send()
            response = await self._call.read()
        except grpc.RpcError as error:
            return CallError.of(error)
        return response if isinstance(response, Response) else None

    @abstractmethod
    def _open(self, channel: grpc.aio.Channel, timeout: float | None) -> _Stream:
        """Begins a call."""

    async def _send(self) -> None:
        """Sends what there is room for."""

    def _end_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._link is not None:
            self._connection.links.give_back(self._link)
            self._link = None


class AsyncSessionEvaluation(AsyncEvaluation):
    """Of variations that the caller makes."""

    def __init__(
        self,
        connection: AsyncConnection,
        session: Session,
        variations: Iterable[Given] | AsyncIterable[Given],
        timeout: float | None,
        bar: Bar,
    ) -> None:
        super().__init__(connection, session, timeout, bar)
        self._session = session
        self._given = variations.__aiter__() if isinstance(variations, AsyncIterable) else iter(variations)
        #: Taken from the caller, and not yet by the exchange.
        self._ahead: list[Variation] = []
        self._is_given_at_an_end = False
        self._requests: asyncio.Queue[SessionRequest | None] = asyncio.Queue()
        self._is_half_closed = False

    def _open(self, channel: grpc.aio.Channel, timeout: float | None) -> _Stream:
        requests: asyncio.Queue[SessionRequest | None] = asyncio.Queue()
        requests.put_nowait(self._session.begin())
        self._requests, self._is_half_closed = requests, False

        async def outbound() -> AsyncIterator[SessionRequest]:
            while (request := await requests.get()) is not None:
                yield request

        method = calls.EVALUATE_STREAM
        stream: grpc.aio.StreamStreamMultiCallable[SessionRequest, Response] = (
            channel.stream_stream(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        )
        return stream(outbound(), timeout=timeout, metadata=self._connection.metadata)

    async def _send(self) -> None:
        while True:
            # The exchange takes without waiting, so one is always ready for it.
            if not self._ahead and not self._is_given_at_an_end:
                given = await self._next_given()
                if given is None:
                    self._is_given_at_an_end = True
                else:
                    self._ahead.append(calls.variation(given))
            request = self._session.next_message(lambda: self._ahead.pop() if self._ahead else None)
            if request is None:
                break
            self._requests.put_nowait(request)
        if self._session.is_all_sent and not self._is_half_closed:
            self._is_half_closed = True
            self._requests.put_nowait(None)

    async def _next_given(self) -> Given | None:
        if isinstance(self._given, AsyncIterator):
            try:
                return await self._given.__anext__()
            except StopAsyncIteration:
                return None
        return next(self._given, None)

    def _end_call(self) -> None:
        # Whoever waits for a request of this call has none to wait for.
        self._requests.put_nowait(None)
        super()._end_call()


class AsyncSweepEvaluation(AsyncEvaluation):
    """Of variations that the server makes."""

    def __init__(self, connection: AsyncConnection, sweep: SweepRun, timeout: float | None, bar: Bar) -> None:
        super().__init__(connection, sweep, timeout, bar)
        self._sweep = sweep

    def _open(self, channel: grpc.aio.Channel, timeout: float | None) -> _Stream:
        method = calls.EVALUATE_SWEEP
        stream: grpc.aio.UnaryStreamMultiCallable[SweepRequest, Response] = channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return stream(self._sweep.begin(), timeout=timeout, metadata=self._connection.metadata)
