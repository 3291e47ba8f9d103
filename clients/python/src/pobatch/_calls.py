"""What both clients share: endpoints, method paths, requests."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf import duration_pb2
from google.protobuf.message import Message

from pobatch._build import Build
from pobatch._reduction import Reduction
from pobatch._variation import Variation
from pobatch.v1 import catalog_pb2, data_pb2, description_pb2, evaluation_pb2, passives_pb2, stats_pb2, transfer_pb2

#: Variations that are sent ahead of their outcomes, by default: a few assignments for each shard.
IN_FLIGHT_MAX = 512
#: Largest message in either direction: the server's default.
MESSAGE_BYTES_MAX = 16 << 20
OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 60_000),
]

#: What variations may be given as: ready ones, or the form of a JSON file.
Given = Variation | dict[str, Any]

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class Method(Generic[RequestT, ResponseT]):
    """A call of the API, and its types."""

    def __init__(self, path: str, request: type[RequestT], response: type[ResponseT]) -> None:
        self.path = f"/pobatch.v1.{path}"
        self.request = request
        self.response = response


EVALUATE_STREAM = Method(
    "EvaluationService/EvaluateStream",
    evaluation_pb2.EvaluateStreamRequest,
    evaluation_pb2.EvaluateStreamResponse,
)
EVALUATE = Method("EvaluationService/Evaluate", evaluation_pb2.EvaluateRequest, evaluation_pb2.EvaluateResponse)
DESCRIBE_ENGINE = Method(
    "CatalogService/DescribeEngine", catalog_pb2.DescribeEngineRequest, catalog_pb2.DescribeEngineResponse
)
LIST_STATS = Method("CatalogService/ListStats", catalog_pb2.ListStatsRequest, catalog_pb2.ListStatsResponse)
LIST_PASSIVES = Method(
    "CatalogService/ListPassives", passives_pb2.ListPassivesRequest, passives_pb2.ListPassivesResponse
)
LIST_CONFIG_OPTIONS = Method(
    "CatalogService/ListConfigOptions", data_pb2.ListConfigOptionsRequest, data_pb2.ListConfigOptionsResponse
)
LIST_GEMS = Method("CatalogService/ListGems", data_pb2.ListGemsRequest, data_pb2.ListGemsResponse)
LIST_ITEM_BASES = Method(
    "CatalogService/ListItemBases", data_pb2.ListItemBasesRequest, data_pb2.ListItemBasesResponse
)
LIST_UNIQUES = Method("CatalogService/ListUniques", data_pb2.ListUniquesRequest, data_pb2.ListUniquesResponse)
DESCRIBE_BUILD = Method(
    "CatalogService/DescribeBuild", description_pb2.DescribeBuildRequest, description_pb2.DescribeBuildResponse
)
IMPORT_BUILD = Method(
    "CatalogService/ImportBuild", transfer_pb2.ImportBuildRequest, transfer_pb2.ImportBuildResponse
)
EXPORT_BUILD = Method(
    "CatalogService/ExportBuild", transfer_pb2.ExportBuildRequest, transfer_pb2.ExportBuildResponse
)


def turn_page(request: Any, answer: Any) -> bool:
    """Makes a request for a list ask for the page behind the one that came; false if that was the last."""
    request.page_token = answer.next_page_token
    return bool(request.page_token)


def targets(endpoints: str | Sequence[str]) -> list[str]:
    """The endpoints as gRPC wants them: without a scheme."""
    given = [endpoints] if isinstance(endpoints, str) else list(endpoints)
    if not given:
        raise ValueError("at least one endpoint is needed")
    return [one.removeprefix("http://").removeprefix("https://").rstrip("/") for one in given]


def selection(stats: Iterable[str] | str) -> stats_pb2.StatSelection:
    """Names of stats, or one of the presets ``main`` and ``all``."""
    if isinstance(stats, str):
        presets = {"main": stats_pb2.STAT_PRESET_MAIN, "all": stats_pb2.STAT_PRESET_ALL}
        if stats not in presets:
            raise ValueError("stats are a list of names, 'main' or 'all'")
        return stats_pb2.StatSelection(preset=presets[stats])
    return stats_pb2.StatSelection(names=list(stats))


def options(
    *, differences: bool = False, ordered: bool = False, strict: bool = False, budget_seconds: float | None = None
) -> evaluation_pb2.EvaluationOptions:
    """Options of an evaluation."""
    message = evaluation_pb2.EvaluationOptions(difference_to_base=differences, ordered=ordered, strict=strict)
    if budget_seconds is not None:
        nanos = round(budget_seconds * 1e9)
        message.variation_time_budget.CopyFrom(
            duration_pb2.Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
        )
    return message


def start(
    build: Build,
    engine: str,
    stats: Iterable[str] | str,
    options: evaluation_pb2.EvaluationOptions,
    reduction: Reduction | None,
) -> evaluation_pb2.EvaluateStreamStart:
    """The first message of a session."""
    return evaluation_pb2.EvaluateStreamStart(
        base=build.to_proto(engine),
        stats=selection(stats),
        options=options,
        reduction=reduction.to_proto() if reduction is not None else None,
    )


def variation(given: Given) -> Variation:
    """A variation, from whichever form."""
    return given if isinstance(given, Variation) else Variation.from_json(given)


class Bar(Protocol):
    """What is used of tqdm."""

    def update(self, n: float = 1) -> Any: ...

    def close(self) -> None: ...


class _NoBar:
    def update(self, n: float = 1) -> None:
        pass

    def close(self) -> None:
        pass


def bar(progress: bool | str, variations: object) -> Bar:
    """A progress bar, if it is wanted. Needs tqdm (``pip install pobatch[progress]``)."""
    if not progress:
        return _NoBar()
    tqdm = importlib.import_module("tqdm.auto").tqdm
    total = len(variations) if isinstance(variations, Sized) else None
    made: Bar = tqdm(total=total, desc=progress if isinstance(progress, str) else "evaluate", unit="var")
    return made


def rotate(targets: Sequence[str]) -> Iterator[str]:
    """The endpoints, over and over."""
    while True:
        yield from targets
