"""What a client does when calls break: a scripted server breaks them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import TypeVar

import grpc
import pytest
from conftest import WITCH, Served

import pobatch
from pobatch import Reduction, RetryPolicy, Sweep, Variation
from pobatch.v1 import engine_pb2, evaluation_pb2, outcome_pb2, stats_pb2

T = TypeVar("T")
QUICK = RetryPolicy(attempts=3, first_pause_seconds=0.001)
Messages = Iterator[evaluation_pb2.EvaluateStreamRequest]
Script = Callable[[Messages, grpc.ServicerContext], Iterator[evaluation_pb2.EvaluateStreamResponse]]


class Scripted:
    """A server that plays one script for each call, the last one again and again. Its sweeps are of ``VARIATIONS``."""

    def __init__(self, *scripts: Script, versions: tuple[str, ...] = ("1",)) -> None:
        self.calls: list[list[str]] = []
        self._scripts = list(scripts)
        #: Of its engine, in each call; the last one again and again.
        self._versions = list(versions)
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        session = grpc.stream_stream_rpc_method_handler(
            self._play,
            request_deserializer=evaluation_pb2.EvaluateStreamRequest.FromString,
            response_serializer=evaluation_pb2.EvaluateStreamResponse.SerializeToString,
        )
        sweep = grpc.unary_stream_rpc_method_handler(
            self._sweep,
            request_deserializer=evaluation_pb2.EvaluateSweepRequest.FromString,
            response_serializer=evaluation_pb2.EvaluateSweepResponse.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(
            "pobatch.v1.EvaluationService", {"EvaluateStream": session, "EvaluateSweep": sweep}
        )
        self._server.add_generic_rpc_handlers((service,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"127.0.0.1:{port}"
        self._server.start()

    def _sweep(
        self, request: evaluation_pb2.EvaluateSweepRequest, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateSweepResponse]:
        start = evaluation_pb2.EvaluateStreamStart(base=request.base)
        made = (evaluation_pb2.EvaluateStreamRequest(variation=one.to_proto()) for one in VARIATIONS)
        requests = itertools.chain([evaluation_pb2.EvaluateStreamRequest(start=start)], made)
        for response in self._play(requests, context):
            # Both answers are alike, number by number.
            yield evaluation_pb2.EvaluateSweepResponse.FromString(response.SerializeToString())

    def _play(
        self, requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        seen: list[str] = []
        self.calls.append(seen)
        assert next(requests).HasField("start")
        layout = [stats_pb2.ResolvedStat(name="Life", kind=stats_pb2.STAT_KIND_NUMBER)]
        engine = engine_pb2.Engine(name="scripted", version=self._next(self._versions))
        base_stats = stats_pb2.Stats(values=[1.0])
        header = evaluation_pb2.EvaluationHeader(engine=engine, stats=layout, base_stats=base_stats)
        yield evaluation_pb2.EvaluateStreamResponse(header=header)

        def noted() -> Messages:
            for request in requests:
                seen.append(request.variation.id)
                yield request

        yield from self._next(self._scripts)(noted(), context)

    @staticmethod
    def _next(these: list[T]) -> T:
        return these.pop(0) if len(these) > 1 else these[0]

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None)


def answer(
    index: int, request: evaluation_pb2.EvaluateStreamRequest
) -> evaluation_pb2.EvaluateStreamResponse:
    outcome = outcome_pb2.Outcome(
        variation_id=request.variation.id,
        index=index,
        stats=stats_pb2.Stats(values=[float(request.variation.level)]),
    )
    return evaluation_pb2.EvaluateStreamResponse(outcome=outcome)


def all_of_them(
    requests: Messages, context: grpc.ServicerContext
) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
    for index, request in enumerate(requests):
        yield answer(index, request)
    yield evaluation_pb2.EvaluateStreamResponse(summary=evaluation_pb2.EvaluationSummary())


def so_many_and_then(count: int, code: grpc.StatusCode) -> Script:
    def script(
        requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        for index in range(count):
            yield answer(index, next(requests))
        context.abort(code, "as the script says")

    return script


def unavailable(
    requests: Messages, context: grpc.ServicerContext
) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
    for index, request in enumerate(requests):
        failure = outcome_pb2.Failure(reason=outcome_pb2.FAILURE_REASON_UNAVAILABLE, message="stopping")
        outcome = outcome_pb2.Outcome(variation_id=request.variation.id, index=index, failure=failure)
        yield evaluation_pb2.EvaluateStreamResponse(outcome=outcome)
    yield evaluation_pb2.EvaluateStreamResponse(summary=evaluation_pb2.EvaluationSummary())


VARIATIONS = [Variation(id=f"v{level}", level=level) for level in range(1, 21)]
LIVES = {f"v{level}": float(level) for level in range(1, 21)}


def test_what_has_no_outcome_is_sent_again_and_nothing_else() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking, breaking, all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        results = client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
        assert {one.id: one["Life"] for one in results} == LIVES
        assert [one.index for one in results] == list(range(20)), "places are those of the caller's list"
        assert results.summary.resumed == 2 and results.summary.succeeded == 20
        assert len(server.calls[2]) == 10


def test_what_the_server_did_not_come_to_is_sent_again() -> None:
    with Scripted(unavailable, all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        results = client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
        assert {one.id: one["Life"] for one in results} == LIVES
    with Scripted(unavailable) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        results = client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
        assert [one.failure.reason for one in results if one.failure] == ["unavailable"] * 20
        assert len(server.calls) == QUICK.attempts


def test_a_reduction_is_taken_up_from_the_start_and_hands_nothing_out_twice() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking, all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        reduction = Reduction(constraints=["Life > 0"])
        ids = [one.id for one in client.evaluate(WITCH, VARIATIONS, stats=["Life"], reduction=reduction)]
        assert sorted(ids) == sorted(LIVES)
        assert len(server.calls[1]) == 20


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL])
def test_what_would_fail_the_same_way_is_not_tried_again(code: grpc.StatusCode) -> None:
    with Scripted(so_many_and_then(1, code)) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        with pytest.raises(pobatch.CallError) as caught:
            client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
        assert caught.value.code is code and len(server.calls) == 1


def test_tries_without_progress_end() -> None:
    breaking = so_many_and_then(0, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        with pytest.raises(pobatch.ConnectionLost):
            client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
        assert len(server.calls) == QUICK.attempts


def test_a_status_that_the_library_lost_is_asked_for_again() -> None:
    def ended(code: grpc.StatusCode, details: str) -> pobatch.CallError:
        nothing = grpc.aio.Metadata()
        return pobatch.CallError.of(grpc.aio.AioRpcError(code, nothing, nothing, details=details))

    assert ended(grpc.StatusCode.INTERNAL, "Internal error from Core").code is grpc.StatusCode.UNAVAILABLE
    assert ended(grpc.StatusCode.INTERNAL, "a defect").code is grpc.StatusCode.INTERNAL


async def test_the_one_that_does_not_block_does_the_same() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking, unavailable, all_of_them) as server:
        async with pobatch.AsyncClient(server.endpoint, retry=QUICK) as client:
            results = await client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
            assert {one.id: one["Life"] for one in results} == LIVES
            assert results.summary.resumed == 2


def test_the_next_endpoint_is_asked_when_one_is_gone(server: Served) -> None:
    gone = Served()
    with pobatch.Client([gone.endpoint, server.endpoint], retry=QUICK) as client:
        evaluation = client.evaluate(WITCH, (Variation(level=50 + at % 40) for at in range(4000)), stats=["Life"])
        first = next(evaluation)
        killer = threading.Thread(target=gone.stop)
        killer.start()
        rest = list(evaluation)
        killer.join()
        assert sorted(one.index for one in [first, *rest]) == list(range(4000))
        assert client.engine().engine.name == "sample"


def test_a_sweep_hands_out_what_has_come() -> None:
    seen = threading.Event()

    def hesitant(
        requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        for index, request in enumerate(requests):
            yield answer(index, request)
            # It goes on when the client has that.
            if index == 4 and not seen.wait(60):
                context.abort(grpc.StatusCode.INTERNAL, "nothing was handed out")
        yield evaluation_pb2.EvaluateStreamResponse(summary=evaluation_pb2.EvaluationSummary(succeeded=20))

    with Scripted(hesitant) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        with client.sweep(WITCH, Sweep.removable(), stats=["Life"], timeout=60) as evaluation:
            first = list(itertools.islice(evaluation, 5))
            seen.set()
            rest = list(evaluation)
        assert {one.id: one["Life"] for one in [*first, *rest]} == LIVES
        assert evaluation.summary.succeeded == 20


def test_a_broken_sweep_begins_again_and_hands_nothing_out_twice() -> None:
    scripts = [so_many_and_then(count, grpc.StatusCode.UNAVAILABLE) for count in (5, 12, 13)]
    # Only tries without anything new count.
    with Scripted(*scripts, all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        evaluation = client.sweep(WITCH, Sweep.removable(), stats=["Life"])
        assert [one.index for one in evaluation] == list(range(20))
        assert evaluation.summary.resumed == 3
        assert [len(seen) for seen in server.calls] == [5, 12, 13, 20]


def test_an_end_without_a_summary_is_none() -> None:
    def cut_off(
        requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        yield answer(0, next(requests))

    for is_sweep in (False, True):
        with Scripted(cut_off, all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
            if is_sweep:
                results = client.evaluate_sweep(WITCH, Sweep.removable(), stats=["Life"])
            else:
                results = client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])
            assert {one.id: one["Life"] for one in results} == LIVES and results.summary.resumed == 1


def test_a_sweep_without_anything_new_is_given_up() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        evaluation = client.sweep(WITCH, Sweep.removable(), stats=["Life"])
        assert [one.index for one in itertools.islice(evaluation, 5)] == list(range(5))
        with pytest.raises(pobatch.ConnectionLost):
            next(evaluation)
        assert len(server.calls) == QUICK.attempts
        assert list(evaluation) == [], "it is over"


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL])
def test_a_sweep_that_would_fail_the_same_way_is_not_tried_again(code: grpc.StatusCode) -> None:
    with Scripted(so_many_and_then(1, code)) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        with pytest.raises(pobatch.CallError) as caught:
            client.evaluate_sweep(WITCH, Sweep.removable())
        assert caught.value.code is code and len(server.calls) == 1


def only(*indexes: int, code: grpc.StatusCode | None = None) -> Script:
    """Keeps these, as a reduction does, and says so at the end."""

    def script(
        requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        read = list(requests)
        for index in indexes:
            yield answer(index, read[index])
        if code is not None:
            context.abort(code, "as the script says")
        yield evaluation_pb2.EvaluateStreamResponse(summary=evaluation_pb2.EvaluationSummary(succeeded=20))

    return script


def test_of_the_best_only_those_of_a_whole_call_count() -> None:
    best = Reduction(objectives=["Life"], top=3)
    for is_sweep in (False, True):
        broken = only(7, 8, code=grpc.StatusCode.UNAVAILABLE)
        with Scripted(broken, only(3, 9, 2)) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
            if is_sweep:
                results = client.evaluate_sweep(WITCH, Sweep.removable(), reduction=best)
            else:
                results = client.evaluate_all(WITCH, VARIATIONS, reduction=best)
            assert [one.index for one in results] == [3, 9, 2]
            assert (results.summary.succeeded, results.summary.resumed) == (20, 1)


def unavailable_at(place: int) -> Script:
    def script(
        requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        for index, request in enumerate(requests):
            response = answer(index, request)
            if index == place:
                failure = outcome_pb2.Failure(reason=outcome_pb2.FAILURE_REASON_UNAVAILABLE)
                response.outcome.failure.CopyFrom(failure)
            yield response
        summary = evaluation_pb2.EvaluationSummary(succeeded=19, failed=1)
        yield evaluation_pb2.EvaluateStreamResponse(summary=summary)

    return script


def test_an_order_is_kept_whatever_the_server_did_not_come_to() -> None:
    with Scripted(unavailable_at(5), all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        evaluation = client.evaluate(WITCH, VARIATIONS, stats=["Life"], ordered=True)
        assert [one.index for one in evaluation if one.ok] == list(range(20))
    with Scripted(unavailable_at(5), all_of_them) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        evaluation = client.sweep(WITCH, Sweep.removable(), stats=["Life"], ordered=True)
        assert [one.index for one in evaluation if one.ok] == list(range(20))
    with Scripted(unavailable_at(5)) as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        results = client.evaluate_sweep(WITCH, Sweep.removable(), stats=["Life"])
        assert [one.index for one in results if not one.ok] == [5] and len(results) == 20
        assert (results.summary.succeeded, results.summary.failed) == (19, 1)
        assert len(server.calls) == QUICK.attempts


def test_outcomes_of_two_engines_are_not_mixed() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    for is_sweep in (False, True):
        scripted = Scripted(breaking, all_of_them, versions=("1", "2"))
        with scripted as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
            running = (
                client.sweep(WITCH, Sweep.removable()) if is_sweep else client.evaluate(WITCH, VARIATIONS)
            )
            assert len(list(itertools.islice(running, 5))) == 5
            with pytest.raises(pobatch.EngineDiffers, match="scripted 1.*scripted 2"):
                next(running)
            assert list(running) == [], "it is over"


async def test_a_sweep_that_does_not_block_does_the_same() -> None:
    breaking = so_many_and_then(5, grpc.StatusCode.UNAVAILABLE)
    with Scripted(breaking, unavailable_at(7), all_of_them) as server:
        async with pobatch.AsyncClient(server.endpoint, retry=QUICK) as client:
            evaluation = client.sweep(WITCH, Sweep.removable(), stats=["Life"])
            assert (await evaluation.header()).engine == "scripted"
            outcomes = [one async for one in evaluation]
            assert len(outcomes) == 20 and {one.id: one["Life"] for one in outcomes} == LIVES
            assert evaluation.summary.resumed == 2
    with Scripted(breaking, all_of_them, versions=("1", "2")) as server:
        async with pobatch.AsyncClient(server.endpoint, retry=QUICK) as client:
            with pytest.raises(pobatch.EngineDiffers):
                await client.evaluate_sweep(WITCH, Sweep.removable())


class Halting:
    """A script that goes on behind its first answer when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(
        self, requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        yield answer(0, next(requests))
        if not self.go_on.wait(60):
            context.abort(grpc.StatusCode.INTERNAL, "it was never told to go on")
        for index, request in enumerate(requests, 1):
            yield answer(index, request)
        yield evaluation_pb2.EvaluateStreamResponse(summary=evaluation_pb2.EvaluationSummary())


def test_a_call_that_breaks_leaves_its_neighbours_alone() -> None:
    halting, breaking = Halting(), so_many_and_then(5, grpc.StatusCode.RESOURCE_EXHAUSTED)
    scripted = Scripted(halting, breaking, all_of_them)
    with scripted as server, pobatch.Client(server.endpoint, retry=QUICK) as client:
        neighbour = client.evaluate(WITCH, VARIATIONS, stats=["Life"])
        first = next(neighbour)
        assert client.evaluate_all(WITCH, VARIATIONS, stats=["Life"]).summary.resumed == 1
        halting.go_on.set()
        assert {one.id: one["Life"] for one in [first, *neighbour]} == LIVES
        assert neighbour.summary.resumed == 0


async def test_so_does_one_of_those_that_do_not_block() -> None:
    halting, breaking = Halting(), so_many_and_then(5, grpc.StatusCode.RESOURCE_EXHAUSTED)
    with Scripted(halting, breaking, all_of_them) as server:
        async with pobatch.AsyncClient(server.endpoint, retry=QUICK) as client:
            neighbour = client.evaluate(WITCH, VARIATIONS, stats=["Life"])
            outcomes = [await neighbour.__anext__()]
            assert (await client.evaluate_all(WITCH, VARIATIONS, stats=["Life"])).summary.resumed == 1
            halting.go_on.set()
            outcomes += [one async for one in neighbour]
            assert {one.id: one["Life"] for one in outcomes} == LIVES
            assert neighbour.summary.resumed == 0


#: More than fits on the way to a client that does not read.
LARGE = Sweep.gems(levels=range(1, 21), qualities=range(24))


def test_a_sweep_goes_on_when_its_server_is_gone(server: Served) -> None:
    gone = Served()
    with pobatch.Client([gone.endpoint, server.endpoint], retry=QUICK) as client:
        expected = client.evaluate_sweep(WITCH, LARGE, stats=["Life", "TotalDPS"])
        assert len(expected) > 4000
        with client.sweep(WITCH, LARGE, stats=["Life", "TotalDPS"]) as evaluation:
            outcomes = [next(evaluation)]
            gone.stop()
            outcomes += evaluation
        summary = evaluation.summary
        assert summary.resumed == 1 and summary.succeeded + summary.failed == len(expected)
        outcomes.sort(key=lambda one: one.index)
        assert [(one.id, one.stats) for one in outcomes] == [(one.id, one.stats) for one in expected]


async def test_so_does_one_that_does_not_block(server: Served) -> None:
    gone = Served()
    async with pobatch.AsyncClient([gone.endpoint, server.endpoint], retry=QUICK) as client:
        async with client.sweep(WITCH, LARGE, stats=["Life"]) as evaluation:
            indexes = [(await evaluation.__anext__()).index]
            gone.stop()
            indexes += [one.index async for one in evaluation]
        summary = evaluation.summary
        assert summary.resumed == 1
        assert sorted(indexes) == list(range(summary.succeeded + summary.failed))
