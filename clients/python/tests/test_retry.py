"""What a client does when calls break: a scripted server breaks them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest
from conftest import WITCH, Served

import pobatch
from pobatch import Reduction, RetryPolicy, Variation
from pobatch.v1 import evaluation_pb2, outcome_pb2, stats_pb2

QUICK = RetryPolicy(attempts=3, first_pause_seconds=0.001)
Messages = Iterator[evaluation_pb2.EvaluateStreamRequest]
Script = Callable[[Messages, grpc.ServicerContext], Iterator[evaluation_pb2.EvaluateStreamResponse]]


class Scripted:
    """A server that plays one script for each call, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self.calls: list[list[str]] = []
        self._scripts = list(scripts)
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.stream_stream_rpc_method_handler(
            self._play,
            request_deserializer=evaluation_pb2.EvaluateStreamRequest.FromString,
            response_serializer=evaluation_pb2.EvaluateStreamResponse.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(
            "pobatch.v1.EvaluationService", {"EvaluateStream": handler}
        )
        self._server.add_generic_rpc_handlers((service,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"127.0.0.1:{port}"
        self._server.start()

    def _play(
        self, requests: Messages, context: grpc.ServicerContext
    ) -> Iterator[evaluation_pb2.EvaluateStreamResponse]:
        seen: list[str] = []
        self.calls.append(seen)
        assert next(requests).HasField("start")
        layout = [stats_pb2.ResolvedStat(name="Life", kind=stats_pb2.STAT_KIND_NUMBER)]
        header = evaluation_pb2.EvaluationHeader(stats=layout, base_stats=stats_pb2.Stats(values=[1.0]))
        yield evaluation_pb2.EvaluateStreamResponse(header=header)

        def noted() -> Messages:
            for request in requests:
                seen.append(request.variation.id)
                yield request

        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        yield from script(noted(), context)

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


def test_a_sweep_begins_again_when_its_server_is_gone(server: Served) -> None:
    gone = Served()
    gone.stop()
    with pobatch.Client([gone.endpoint, server.endpoint], retry=QUICK) as client:
        swept = client.evaluate_sweep(WITCH, pobatch.Sweep.removable(), stats=["Life"])
    assert swept.summary.succeeded == len(swept) > 0
