"""The client that does not block: the same calls as :class:`pobatch.Client`, to be awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import TracebackType

import grpc
import grpc.aio

from pobatch import _calls as calls
from pobatch._access import Access, Tls
from pobatch._build import Build
from pobatch._calls import Bar, Given, Method, RequestT, ResponseT, Scenarios
from pobatch._catalog import BuildFile, EngineDescription, Passive, PassiveTree, Points, StatInfo
from pobatch._errors import CallError
from pobatch._exchange import Exchange, Request, Response, SweepAnswer
from pobatch._explain import Explanation
from pobatch._outcome import Header, Outcome, Results, Summary
from pobatch._reduction import Reduction
from pobatch._retry import RetryPolicy
from pobatch._sweep import Sweep
from pobatch._variation import Variation
from pobatch.v1 import (
    catalog_pb2,
    data_pb2,
    description_pb2,
    evaluation_pb2,
    explain_pb2,
    passives_pb2,
    transfer_pb2,
)


class AsyncClient:
    """A connection to a server, or to one of several that serve alike: when one does not answer the next is asked."""

    def __init__(
        self,
        endpoints: str | Sequence[str] = "127.0.0.1:50051",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        tls: Tls | None = None,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        allow_plaintext: bool = False,
        metadata: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._access = Access(
            endpoints,
            credentials=credentials,
            tls=tls,
            token=token,
            token_file=token_file,
            metadata=metadata,
            allow_plaintext=allow_plaintext,
        )
        self._policy = retry or RetryPolicy()
        self._channel = self._connect()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; evaluations that still run are given up."""
        await self._channel.close()

    def _connect(self) -> grpc.aio.Channel:
        target = self._access.next_target()
        if target.credentials is None:
            return grpc.aio.insecure_channel(target.address, options=calls.OPTIONS)
        return grpc.aio.secure_channel(target.address, target.credentials, options=calls.OPTIONS)

    async def _move_on(self) -> None:
        await self._channel.close()
        self._channel = self._connect()

    async def _pages(
        self, method: Method[RequestT, ResponseT], request: RequestT
    ) -> AsyncIterator[ResponseT]:
        """The answers to a request for a list, page by page."""
        more = True
        while more:
            answer = await self._ask(method, request)
            yield answer
            more = calls.turn_page(request, answer)

    async def _ask(
        self, method: Method[RequestT, ResponseT], request: RequestT, timeout: float | None = None
    ) -> ResponseT:
        attempt = 0
        while True:
            call = self._channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            try:
                response: ResponseT = await call(request, timeout=timeout, metadata=self._access.metadata)
                return response
            except grpc.RpcError as error:
                failed = CallError.of(error)
            attempt += 1
            if attempt >= self._policy.attempts or not self._policy.may_help(failed.code):
                raise failed
            await asyncio.sleep(self._policy.pause(attempt, failed.pushback_seconds))
            await self._move_on()

    def evaluate(
        self,
        build: Build | str,
        variations: Iterable[Given] | AsyncIterable[Given],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        ordered: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        in_flight_max: int = calls.IN_FLIGHT_MAX,
        engine: str = "",
        progress: bool | str = False,
    ) -> AsyncEvaluation:
        """See :meth:`pobatch.Client.evaluate`. The outcomes are for ``async for``."""
        given = Build.of(build)
        options = calls.options(
            differences=differences, ordered=ordered, strict=strict, budget_seconds=budget_seconds
        )
        start = calls.start(given, engine, stats, options, reduction, scenarios)
        exchange = Exchange(given, start, in_flight_max, self._policy)
        return AsyncEvaluation(self, exchange, variations, timeout, calls.bar(progress, variations))

    async def evaluate_all(
        self,
        build: Build | str,
        variations: Iterable[Given] | AsyncIterable[Given],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        engine: str = "",
        progress: bool | str = False,
    ) -> Results:
        """See :meth:`pobatch.Client.evaluate_all`."""
        evaluation = self.evaluate(
            build,
            variations,
            stats=stats,
            reduction=reduction,
            scenarios=scenarios,
            differences=differences,
            strict=strict,
            budget_seconds=budget_seconds,
            timeout=timeout,
            engine=engine,
            progress=progress,
        )
        outcomes = [outcome async for outcome in evaluation]
        if reduction is None or (reduction.top is None and reduction.pareto_front is None):
            outcomes.sort(key=lambda outcome: outcome.index)
        return Results(await evaluation.header(), tuple(outcomes), evaluation.summary)

    async def evaluate_one(
        self,
        build: Build | str,
        variation: Given | None = None,
        *,
        stats: Iterable[str] | str = "main",
        scenarios: Scenarios | None = None,
        strict: bool = False,
        timeout: float | None = None,
        engine: str = "",
    ) -> Outcome:
        """See :meth:`pobatch.Client.evaluate_one`."""
        request = evaluation_pb2.EvaluateRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stats=calls.selection(stats),
            options=calls.options(strict=strict),
            scenarios=calls.scenarios(scenarios),
        )
        answer = await self._ask(calls.EVALUATE, request, timeout)
        names = [one.name for one in answer.header.scenarios]
        return Outcome.of(answer.header.stats, answer.outcome, 0, names)

    async def evaluate_sweep(
        self,
        build: Build | str,
        sweeps: Sweep | Iterable[Sweep],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        engine: str = "",
        progress: bool | str = False,
    ) -> Results:
        """See :meth:`pobatch.Client.evaluate_sweep`."""
        options = calls.options(differences=differences, strict=strict, budget_seconds=budget_seconds)
        request = calls.sweep(Build.of(build), sweeps, engine, stats, options, reduction, scenarios)
        deadline = None if timeout is None else time.monotonic() + timeout
        held = reduction is not None and (reduction.top is not None or reduction.pareto_front is not None)
        attempt = 0
        while True:
            method = calls.EVALUATE_SWEEP
            call = self._channel.unary_stream(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            answer, bar = SweepAnswer(held), calls.bar(progress, None)
            try:
                async for response in call(request, timeout=left, metadata=self._access.metadata):
                    bar.update(answer.receive(response))
                return answer.results()
            except grpc.RpcError as error:
                failed = CallError.of(error)
            finally:
                bar.close()
            attempt += 1
            if attempt >= self._policy.attempts or not self._policy.may_help(failed.code):
                raise failed
            await asyncio.sleep(self._policy.pause(attempt, failed.pushback_seconds))
            await self._move_on()

    async def explain(
        self,
        build: Build | str,
        stat: str,
        variation: Given | None = None,
        *,
        timeout: float | None = None,
        engine: str = "",
    ) -> Explanation:
        """See :meth:`pobatch.Client.explain`."""
        request = explain_pb2.ExplainRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stat=stat,
        )
        return Explanation.of(stat, await self._ask(calls.EXPLAIN, request, timeout))

    async def engine(self) -> EngineDescription:
        """See :meth:`pobatch.Client.engine`."""
        return EngineDescription.of(await self._ask(calls.DESCRIBE_ENGINE, catalog_pb2.DescribeEngineRequest()))

    async def stats(self) -> list[StatInfo]:
        """See :meth:`pobatch.Client.stats`."""
        answer = await self._ask(calls.LIST_STATS, catalog_pb2.ListStatsRequest())
        return [StatInfo.of(one) for one in answer.stats]

    async def passives(self, build: Build | str, *, distance_max: int | None = None) -> PassiveTree:
        """See :meth:`pobatch.Client.passives`."""
        request = passives_pb2.ListPassivesRequest(base=Build.of(build).to_proto(), distance_max=distance_max)
        nodes: dict[int, Passive] = {}
        async for answer in self._pages(calls.LIST_PASSIVES, request):
            nodes.update((one.id, Passive.of(one)) for one in answer.passives)
        spent = answer.points
        points = Points(spent.used, spent.available, spent.ascendancy_used, spent.ascendancy_available)
        return PassiveTree(answer.base_id, answer.tree_version, points, nodes)

    async def config_options(self, *, contains: str = "") -> list[data_pb2.ConfigOption]:
        """The config options of the engine: name, label, what they take."""
        request = data_pb2.ListConfigOptionsRequest(contains=contains)
        return [one async for page in self._pages(calls.LIST_CONFIG_OPTIONS, request) for one in page.options]

    async def gems(self, *, contains: str = "", support: bool | None = None) -> list[data_pb2.Gem]:
        """The gems that the engine knows."""
        request = data_pb2.ListGemsRequest(contains=contains, support=support)
        return [one async for page in self._pages(calls.LIST_GEMS, request) for one in page.gems]

    async def item_bases(self, *, contains: str = "", slot: str = "") -> list[data_pb2.ItemBase]:
        """The kinds of items that the engine knows."""
        request = data_pb2.ListItemBasesRequest(contains=contains, slot=slot)
        return [one async for page in self._pages(calls.LIST_ITEM_BASES, request) for one in page.bases]

    async def uniques(self, *, contains: str = "", slot: str = "") -> list[data_pb2.Unique]:
        """The unique items that the engine knows, with their texts."""
        request = data_pb2.ListUniquesRequest(contains=contains, slot=slot)
        return [one async for page in self._pages(calls.LIST_UNIQUES, request) for one in page.uniques]

    async def describe_build(self, build: Build | str) -> description_pb2.BuildDescription:
        """What a build is made of: class, nodes, items, gems, config."""
        request = description_pb2.DescribeBuildRequest(base=Build.of(build).to_proto())
        return (await self._ask(calls.DESCRIBE_BUILD, request)).build

    async def import_build(self, build: Build | str) -> BuildFile:
        """See :meth:`pobatch.Client.import_build`."""
        request = transfer_pb2.ImportBuildRequest(base=Build.of(build).to_proto())
        return BuildFile.imported(await self._ask(calls.IMPORT_BUILD, request))

    async def export_build(
        self, build: Build | str, variation: Given | None = None, *, check: Iterable[str] | str | None = None
    ) -> BuildFile:
        """See :meth:`pobatch.Client.export_build`."""
        request = transfer_pb2.ExportBuildRequest(
            base=Build.of(build).to_proto(),
            variation=calls.variation(variation or {}).to_proto(),
            check=calls.selection(check) if check is not None else None,
        )
        return BuildFile.exported(await self._ask(calls.EXPORT_BUILD, request))


class AsyncEvaluation(AsyncIterator[Outcome]):
    """A running evaluation: an asynchronous iterator over outcomes."""

    def __init__(
        self,
        client: AsyncClient,
        exchange: Exchange,
        variations: Iterable[Given] | AsyncIterable[Given],
        timeout: float | None,
        bar: Bar,
    ) -> None:
        self._client = client
        self._exchange = exchange
        self._given = variations.__aiter__() if isinstance(variations, AsyncIterable) else iter(variations)
        #: Taken from the caller, and not yet by the exchange.
        self._ahead: list[Variation] = []
        self._is_given_at_an_end = False
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._bar = bar
        self._call: grpc.aio.StreamStreamCall[Request, Response] | None = None
        self._requests: asyncio.Queue[Request | None] = asyncio.Queue()
        self._is_half_closed = False
        self._rest: Iterator[Outcome] | None = None

    async def header(self) -> Header:
        """What all outcomes refer to. Waits for it."""
        while self._exchange.header is None:
            await self._step()
        return self._exchange.header

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._exchange.summary

    async def __anext__(self) -> Outcome:
        while self._rest is None:
            outcome = await self._step()
            if outcome is not None:
                self._bar.update(1)
                return outcome
        for outcome in self._rest:
            return outcome
        self._bar.close()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Gives it up: the server stops behind the variation that it is at."""
        self._end_call()
        self._rest = iter(())
        self._bar.close()

    async def _step(self) -> Outcome | None:
        """Sends what there is room for, and takes one message."""
        try:
            if self._call is None:
                self._call = self._open()
            await self._send()
            response = await self._call.read()
        except grpc.RpcError as error:
            self._end_call()
            try:
                pause = self._exchange.broken(CallError.of(error))
            except CallError:
                self._bar.close()
                raise
            await asyncio.sleep(pause)
            await self._client._move_on()
            return None
        if isinstance(response, Response):
            return self._exchange.receive(response)
        self._end_call()
        ended = self._exchange.ended()
        if ended is None:
            self._rest = self._exchange.given_up()
        else:
            await asyncio.sleep(ended)
        return None

    def _open(self) -> grpc.aio.StreamStreamCall[Request, Response]:
        requests: asyncio.Queue[Request | None] = asyncio.Queue()
        requests.put_nowait(self._exchange.begin())
        self._requests, self._is_half_closed = requests, False

        async def outbound() -> AsyncIterator[Request]:
            while (request := await requests.get()) is not None:
                yield request

        method = calls.EVALUATE_STREAM
        stream: grpc.aio.StreamStreamMultiCallable[Request, Response] = self._client._channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        timeout = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        return stream(outbound(), timeout=timeout, metadata=self._client._access.metadata)

    async def _send(self) -> None:
        while True:
            # The exchange takes without waiting, so one is always ready for it.
            if not self._ahead and not self._is_given_at_an_end:
                given = await self._next_given()
                if given is None:
                    self._is_given_at_an_end = True
                else:
                    self._ahead.append(calls.variation(given))
            request = self._exchange.next_message(lambda: self._ahead.pop() if self._ahead else None)
            if request is None:
                break
            self._requests.put_nowait(request)
        if self._exchange.is_all_sent and not self._is_half_closed:
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
        if self._call is not None:
            self._call.cancel()
            self._call = None
