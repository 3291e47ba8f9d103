"""What comes back: headers, outcomes, summaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from google.protobuf import duration_pb2

from pobatch._variation import Variation
from pobatch.v1 import evaluation_pb2, outcome_pb2, stats_pb2

if TYPE_CHECKING:
    import pandas

#: The value of a stat.
Value = float | bool | str


@dataclass(frozen=True)
class Warning:
    """Something to be known beside a result."""

    kind: str
    message: str
    field_path: str

    @staticmethod
    def of(message: outcome_pb2.Warning) -> Warning:
        """The warning of a message."""
        name = outcome_pb2.WarningKind.Name(message.kind)
        return Warning(name.removeprefix("WARNING_KIND_").lower(), message.message, message.field_path)


def _warnings(messages: Iterable[Any]) -> tuple[Warning, ...]:
    # `Any`: to mypy the generated `Warning` is Python's own.
    return tuple(Warning.of(one) for one in messages)


@dataclass(frozen=True)
class Failure:
    """Why a variation has no values."""

    reason: str
    message: str
    field_path: str

    @staticmethod
    def of(message: outcome_pb2.Failure) -> Failure:
        """The failure of a message."""
        return Failure(_reason(message.reason), message.message, message.field_path)

    def __str__(self) -> str:
        where = f" ({self.field_path})" if self.field_path else ""
        return f"{self.reason}: {self.message}{where}"


def _reason(reason: outcome_pb2.FailureReason) -> str:
    return outcome_pb2.FailureReason.Name(reason).removeprefix("FAILURE_REASON_").lower()


def read_stats(layout: Sequence[stats_pb2.ResolvedStat], message: stats_pb2.Stats) -> dict[str, Value]:
    """The values of a message by name. Stats that the output does not have are left out."""
    extra = {one.name: read_value(one) for one in message.extra}
    absent = set(message.absent)
    values: dict[str, Value] = {}
    for place, (stat, packed) in enumerate(zip(layout, message.values, strict=True)):
        if stat.name in extra:
            values[stat.name] = extra.pop(stat.name)
        elif place in absent or stat.kind == stats_pb2.STAT_KIND_TEXT:
            continue
        elif stat.kind == stats_pb2.STAT_KIND_BOOLEAN:
            values[stat.name] = packed != 0.0
        else:
            values[stat.name] = packed
    values.update(extra)
    return values


def read_value(message: stats_pb2.NamedValue) -> Value:
    """The value of a message."""
    match message.WhichOneof("value"):
        case "boolean":
            return message.boolean
        case "text":
            return message.text
        case _:
            return message.number


def seconds(message: duration_pb2.Duration) -> float:
    """A time in seconds."""
    return message.seconds + message.nanos / 1e9


@dataclass(frozen=True)
class ScenarioBase:
    """The base under a scenario."""

    stats: Mapping[str, Value]
    warnings: tuple[Warning, ...]


@dataclass(frozen=True)
class ScenarioResult:
    """What came of a variation under a scenario: ``stats``, or a ``failure``."""

    stats: Mapping[str, Value]
    failure: Failure | None
    warnings: tuple[Warning, ...]

    @staticmethod
    def of(layout: Sequence[stats_pb2.ResolvedStat], message: outcome_pb2.ScenarioResult) -> ScenarioResult:
        """The result of a message."""
        if message.WhichOneof("result") == "failure":
            return ScenarioResult({}, Failure.of(message.failure), _warnings(message.warnings))
        return ScenarioResult(read_stats(layout, message.stats), None, _warnings(message.warnings))


@dataclass(frozen=True)
class Header:
    """What all outcomes of an evaluation refer to."""

    base_id: str
    #: Name, version and fingerprint of the engine.
    engine: str
    engine_version: str
    engine_fingerprint: str
    #: Names of the selected stats.
    stats: tuple[str, ...]
    #: The base's own values.
    base_stats: Mapping[str, Value]
    base_warnings: tuple[Warning, ...]
    #: The base under each scenario of the call, by name.
    scenarios: Mapping[str, ScenarioBase]
    #: The server loaded the base a moment ago: for the first seconds variations take it longer.
    warming_up: bool = False

    def agrees_with(self, other: Header) -> bool:
        """Whether outcomes of that header's call can stand beside those of this one's."""

        def key(header: Header) -> tuple[object, ...]:
            engine = header.engine, header.engine_version, header.engine_fingerprint
            return *engine, header.base_id, header.stats, tuple(header.scenarios)

        return key(self) == key(other)

    @staticmethod
    def of(message: evaluation_pb2.EvaluationHeader) -> Header:
        """The header of a message."""
        return Header(
            base_id=message.base_id,
            engine=message.engine.name,
            engine_version=message.engine.version,
            engine_fingerprint=message.engine.fingerprint,
            stats=tuple(stat.name for stat in message.stats),
            base_stats=read_stats(message.stats, message.base_stats),
            base_warnings=_warnings(message.base_warnings),
            scenarios={
                one.name: ScenarioBase(read_stats(message.stats, one.base_stats), _warnings(one.warnings))
                for one in message.scenarios
            },
            warming_up=message.warming_up,
        )


@dataclass(frozen=True)
class Outcome:
    """The result of one variation: ``stats``, or a ``failure``."""

    #: The client's name for the variation.
    id: str
    #: The variation's place among those of the call, from 0.
    index: int
    #: Values by name; empty if there is a failure. With scenarios the names are as in expressions, ``boss.Life``, and
    #: only those scenarios are missing that failed.
    stats: Mapping[str, Value]
    #: Why there are no values; with scenarios, why there are none under the first that failed.
    failure: Failure | None
    warnings: tuple[Warning, ...]
    #: With a reduction: what its objectives measured.
    scores: tuple[float, ...]
    queue_seconds: float
    compute_seconds: float
    #: ``fast``, ``plain``, ``cached`` or ``none``; with scenarios ``unspecified``.
    path: str
    #: ``same`` or ``different``, if the server computed it by both paths (``--verify-ratio``); otherwise ``unspecified``.
    verification: str
    shard: int | None
    generation: int | None
    #: What came of it under each scenario of the call, by name.
    scenarios: Mapping[str, ScenarioResult] = field(default_factory=dict)
    #: Of a sweep: the variation.
    variation: Variation | None = None

    @property
    def is_unavailable(self) -> bool:
        """Whether the server did not come to it, or not to all of it: sending it again may help."""
        failures = [self.failure, *(one.failure for one in self.scenarios.values())]
        return any(failure is not None and failure.reason == "unavailable" for failure in failures)

    @property
    def ok(self) -> bool:
        """Whether there are values."""
        return self.failure is None

    def __getitem__(self, stat: str) -> Value:
        return self.stats[stat]

    def number(self, stat: str) -> float:
        """A stat as a number: 0 where the output does not have it, as in the server's expressions."""
        value = self.stats.get(stat, 0.0)
        if isinstance(value, str):
            raise TypeError(f"{stat} is a text")
        return float(value)

    @staticmethod
    def of(
        layout: Sequence[stats_pb2.ResolvedStat],
        message: outcome_pb2.Outcome,
        index: int,
        scenarios: Iterable[str] = (),
    ) -> Outcome:
        """The outcome of a message, at that place of the client's, under scenarios of these names."""
        results = {
            name: ScenarioResult.of(layout, one)
            for name, one in zip(scenarios, message.scenarios, strict=True)
        }
        stats: dict[str, Value] = {}
        failure = None
        if message.WhichOneof("result") == "failure":
            failure = Failure.of(message.failure)
        elif results:
            failure = next((one.failure for one in results.values() if one.failure is not None), None)
            for name, one in results.items():
                stats.update((f"{name}.{stat}", value) for stat, value in one.stats.items())
        else:
            stats = read_stats(layout, message.stats)
        return Outcome(
            id=message.variation_id,
            index=index,
            stats=stats,
            failure=failure,
            warnings=_warnings(message.warnings),
            scores=tuple(message.scores),
            queue_seconds=seconds(message.queue_time),
            compute_seconds=seconds(message.compute_time),
            path=outcome_pb2.ComputePath.Name(message.path).removeprefix("COMPUTE_PATH_").lower(),
            verification=outcome_pb2.Verification.Name(message.verification).removeprefix("VERIFICATION_").lower(),
            shard=message.shard if message.HasField("shard") else None,
            generation=message.generation if message.HasField("generation") else None,
            scenarios=results,
            variation=Variation.of(message.variation) if message.HasField("variation") else None,
        )


@dataclass
class Summary:
    """What became of an evaluation. If it had to be taken up again, times and resets are sums over its calls, as far as
    those lived to tell."""

    succeeded: int = 0
    failed: int = 0
    warned: int = 0
    #: With a reduction: outcomes that broke a constraint or had no score.
    infeasible: int = 0
    resets: int = 0
    stopped_early: bool = False
    front_truncated: bool = False
    elapsed_seconds: float = 0.0
    compute_seconds: float = 0.0
    #: Failures by reason.
    failures: dict[str, int] = field(default_factory=dict)
    #: How often it was taken up again behind a broken call.
    resumed: int = 0

    def count(self, outcome: Outcome) -> None:
        """Counts an outcome."""
        if outcome.failure is None:
            self.succeeded += 1
        else:
            self.failed += 1
            self.failures[outcome.failure.reason] = self.failures.get(outcome.failure.reason, 0) + 1
        self.warned += bool(outcome.warnings) or any(one.warnings for one in outcome.scenarios.values())

    def take(self, message: evaluation_pb2.EvaluationSummary, counted: bool) -> None:
        """Takes over what a call says of itself; its counts too, if it was about all variations."""
        self.resets += message.resets
        self.elapsed_seconds += seconds(message.elapsed_time)
        self.compute_seconds += seconds(message.compute_time)
        self.infeasible = message.infeasible
        self.stopped_early = message.stopped_early
        self.front_truncated = message.front_truncated
        if counted:
            self.succeeded, self.failed, self.warned = message.succeeded, message.failed, message.warned
            self.failures = {_reason(one.reason): one.count for one in message.failures}


@dataclass(frozen=True)
class Results(Sequence[Outcome]):
    """All outcomes of an evaluation: in the order of the variations, or of the reduction, the best first."""

    header: Header
    outcomes: tuple[Outcome, ...]
    summary: Summary

    def __len__(self) -> int:
        return len(self.outcomes)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Outcome]: ...

    def __getitem__(self, place: int | slice) -> Outcome | Sequence[Outcome]:
        return self.outcomes[place]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    @property
    def best(self) -> Outcome | None:
        """The first one that has values."""
        return next((outcome for outcome in self.outcomes if outcome.ok), None)

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each outcome, named after its variation; a column for each stat, and ``failure``.

        Needs pandas (``pip install pobatch[pandas]``).
        """
        import pandas

        rows = [
            {
                "id": outcome.id,
                **({f"score {place}": score for place, score in enumerate(outcome.scores)}),
                **outcome.stats,
                "failure": str(outcome.failure) if outcome.failure else None,
            }
            for outcome in self.outcomes
        ]
        columns = ["id", *self.header.stats, "failure"]
        frame = pandas.DataFrame(rows, columns=columns if not rows else None)
        return frame.set_index("id")
