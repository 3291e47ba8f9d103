"""The client that blocks."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Protocol

import grpc

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


class Client:
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

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; evaluations that still run are given up."""
        self._channel.close()

    def _connect(self) -> grpc.Channel:
        target = self._access.next_target()
        if target.credentials is None:
            return grpc.insecure_channel(target.address, options=calls.OPTIONS)
        return grpc.secure_channel(target.address, target.credentials, options=calls.OPTIONS)

    def _move_on(self) -> None:
        self._channel.close()
        self._channel = self._connect()

    def _pages(
        self, method: Method[RequestT, ResponseT], request: RequestT
    ) -> Iterator[ResponseT]:
        """The answers to a request for a list, page by page."""
        more = True
        while more:
            answer = self._ask(method, request)
            yield answer
            more = calls.turn_page(request, answer)

    def _ask(
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
                response: ResponseT = call(request, timeout=timeout, metadata=self._access.metadata)
                return response
            except grpc.RpcError as error:
                failed = CallError.of(error)
            attempt += 1
            if attempt >= self._policy.attempts or not self._policy.may_help(failed.code):
                raise failed
            time.sleep(self._policy.pause(attempt, failed.pushback_seconds))
            self._move_on()

    # Evaluating.

    def evaluate(
        self,
        build: Build | str,
        variations: Iterable[Given],
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
    ) -> Evaluation:
        """Evaluates variations and gives outcomes as they finish.

        ``variations`` may be a generator that looks at the outcomes so far: it is asked for more in the caller's own
        thread, whenever less than ``in_flight_max`` are on their way. If the connection breaks, the evaluation is taken
        up again with what has no outcome yet.
        """
        given = Build.of(build)
        options = calls.options(
            differences=differences, ordered=ordered, strict=strict, budget_seconds=budget_seconds
        )
        start = calls.start(given, engine, stats, options, reduction, scenarios)
        exchange = Exchange(given, start, in_flight_max, self._policy)
        return Evaluation(self, exchange, iter(variations), timeout, calls.bar(progress, variations))

    def evaluate_all(
        self,
        build: Build | str,
        variations: Iterable[Given],
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
        """Evaluates variations and gives all outcomes: in their order, or in the reduction's."""
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
        outcomes = list(evaluation)
        if reduction is None or (reduction.top is None and reduction.pareto_front is None):
            outcomes.sort(key=lambda outcome: outcome.index)
        return Results(evaluation.header, tuple(outcomes), evaluation.summary)

    def evaluate_one(
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
        """Evaluates one variation, ahead of what optimizers sent. Without one: the build itself."""
        request = evaluation_pb2.EvaluateRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stats=calls.selection(stats),
            options=calls.options(strict=strict),
            scenarios=calls.scenarios(scenarios),
        )
        answer = self._ask(calls.EVALUATE, request, timeout)
        names = [one.name for one in answer.header.scenarios]
        return Outcome.of(answer.header.stats, answer.outcome, 0, names)

    def evaluate_sweep(
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
        """Evaluates families of variations that the server makes, and gives all outcomes: in their order, or in the
        reduction's. Each carries its variation. If the connection breaks, the sweep begins again.
        """
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
                for response in call(request, timeout=left, metadata=self._access.metadata):
                    bar.update(answer.receive(response))
                return answer.results()
            except grpc.RpcError as error:
                failed = CallError.of(error)
            finally:
                bar.close()
            attempt += 1
            if attempt >= self._policy.attempts or not self._policy.may_help(failed.code):
                raise failed
            time.sleep(self._policy.pause(attempt, failed.pushback_seconds))
            self._move_on()

    def explain(
        self,
        build: Build | str,
        stat: str,
        variation: Given | None = None,
        *,
        timeout: float | None = None,
        engine: str = "",
    ) -> Explanation:
        """Says why a stat of a varied build is what it is: the engine's own breakdown, as data."""
        request = explain_pb2.ExplainRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stat=stat,
        )
        return Explanation.of(stat, self._ask(calls.EXPLAIN, request, timeout))

    # The catalogue.

    def engine(self) -> EngineDescription:
        """Facts about the server's engine."""
        return EngineDescription.of(self._ask(calls.DESCRIBE_ENGINE, catalog_pb2.DescribeEngineRequest()))

    def stats(self) -> list[StatInfo]:
        """The stats that the engine describes, in its display order."""
        answer = self._ask(calls.LIST_STATS, catalog_pb2.ListStatsRequest())
        return [StatInfo.of(one) for one in answer.stats]

    def passives(self, build: Build | str, *, distance_max: int | None = None) -> PassiveTree:
        """The passive tree of a build: what is allocated, what can be next, what each way costs."""
        request = passives_pb2.ListPassivesRequest(base=Build.of(build).to_proto(), distance_max=distance_max)
        nodes: dict[int, Passive] = {}
        for answer in self._pages(calls.LIST_PASSIVES, request):
            nodes.update((one.id, Passive.of(one)) for one in answer.passives)
        spent = answer.points
        points = Points(spent.used, spent.available, spent.ascendancy_used, spent.ascendancy_available)
        return PassiveTree(answer.base_id, answer.tree_version, points, nodes)

    def config_options(self, *, contains: str = "") -> list[data_pb2.ConfigOption]:
        """The config options of the engine: name, label, what they take."""
        request = data_pb2.ListConfigOptionsRequest(contains=contains)
        return [one for page in self._pages(calls.LIST_CONFIG_OPTIONS, request) for one in page.options]

    def gems(self, *, contains: str = "", support: bool | None = None) -> list[data_pb2.Gem]:
        """The gems that the engine knows."""
        request = data_pb2.ListGemsRequest(contains=contains, support=support)
        return [one for page in self._pages(calls.LIST_GEMS, request) for one in page.gems]

    def item_bases(self, *, contains: str = "", slot: str = "") -> list[data_pb2.ItemBase]:
        """The kinds of items that the engine knows."""
        request = data_pb2.ListItemBasesRequest(contains=contains, slot=slot)
        return [one for page in self._pages(calls.LIST_ITEM_BASES, request) for one in page.bases]

    def uniques(self, *, contains: str = "", slot: str = "") -> list[data_pb2.Unique]:
        """The unique items that the engine knows, with their texts."""
        request = data_pb2.ListUniquesRequest(contains=contains, slot=slot)
        return [one for page in self._pages(calls.LIST_UNIQUES, request) for one in page.uniques]

    def describe_build(self, build: Build | str) -> description_pb2.BuildDescription:
        """What a build is made of: class, nodes, items, gems, config."""
        request = description_pb2.DescribeBuildRequest(base=Build.of(build).to_proto())
        return self._ask(calls.DESCRIBE_BUILD, request).build

    # Builds in and out.

    def import_build(self, build: Build | str) -> BuildFile:
        """Loads a build and gives it back in the engine's own way of writing, with what is odd about it."""
        request = transfer_pb2.ImportBuildRequest(base=Build.of(build).to_proto())
        return BuildFile.imported(self._ask(calls.IMPORT_BUILD, request))

    def export_build(
        self, build: Build | str, variation: Given | None = None, *, check: Iterable[str] | str | None = None
    ) -> BuildFile:
        """Writes a varied build. With ``check`` the server loads it from scratch and says these stats of it."""
        request = transfer_pb2.ExportBuildRequest(
            base=Build.of(build).to_proto(),
            variation=calls.variation(variation or {}).to_proto(),
            check=calls.selection(check) if check is not None else None,
        )
        return BuildFile.exported(self._ask(calls.EXPORT_BUILD, request))


class _Stream(Protocol):
    """What is used of a call: gRPC's own class for it has no public name."""

    def __next__(self) -> Response: ...

    def cancel(self) -> object: ...


class Evaluation(Iterator[Outcome]):
    """A running evaluation: an iterator over outcomes. ``summary`` is complete when it is at its end."""

    def __init__(
        self,
        client: Client,
        exchange: Exchange,
        variations: Iterator[Given],
        timeout: float | None,
        bar: Bar,
    ) -> None:
        self._client = client
        self._exchange = exchange
        self._variations = variations
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._bar = bar
        self._call: _Stream | None = None
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._is_half_closed = False
        self._rest: Iterator[Outcome] | None = None

    @property
    def header(self) -> Header:
        """What all outcomes refer to. Waits for it."""
        while self._exchange.header is None:
            self._step()
        return self._exchange.header

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._exchange.summary

    def __next__(self) -> Outcome:
        while self._rest is None:
            outcome = self._step()
            if outcome is not None:
                self._bar.update(1)
                return outcome
        try:
            return next(self._rest)
        except StopIteration:
            self._bar.close()
            raise

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

    def _step(self) -> Outcome | None:
        """Sends what there is room for, and takes one message."""
        try:
            if self._call is None:
                self._call = self._open()
            self._send()
            response = next(self._call)
        except StopIteration:
            self._end_call()
            pause = self._exchange.ended()
            if pause is None:
                self._rest = self._exchange.given_up()
            else:
                time.sleep(pause)
        except grpc.RpcError as error:
            self._end_call()
            try:
                pause = self._exchange.broken(CallError.of(error))
            except CallError:
                self._bar.close()
                raise
            time.sleep(pause)
            self._client._move_on()
        else:
            return self._exchange.receive(response)
        return None

    def _open(self) -> _Stream:
        requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        requests.put(self._exchange.begin())
        self._requests, self._is_half_closed = requests, False

        def outbound() -> Iterator[Request]:
            while (request := requests.get()) is not None:
                yield request

        method = calls.EVALUATE_STREAM
        stream: grpc.StreamStreamMultiCallable[Request, Response] = self._client._channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        timeout = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        return stream(outbound(), timeout=timeout, metadata=self._client._access.metadata)

    def _send(self) -> None:
        while (request := self._exchange.next_message(self._take)) is not None:
            self._requests.put(request)
        if self._exchange.is_all_sent and not self._is_half_closed:
            self._is_half_closed = True
            self._requests.put(None)

    def _take(self) -> Variation | None:
        given = next(self._variations, None)
        return None if given is None else calls.variation(given)

    def _end_call(self) -> None:
        # Whoever waits for a request of this call has none to wait for.
        self._requests.put(None)
        if self._call is not None:
            self._call.cancel()
            self._call = None
