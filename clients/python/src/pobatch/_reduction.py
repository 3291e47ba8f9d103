"""Reductions: the server judges outcomes and sends back what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pobatch.v1 import reduction_pb2


@dataclass(frozen=True)
class Objective:
    """Something to maximise, or to minimise: an expression over stats, or stats with weights."""

    expression: str | None = None
    weights: Mapping[str, float] | None = None
    #: Of ``weights``: each stat counts as its ratio to the base's value.
    relative_to_base: bool = False
    minimize: bool = False

    def __post_init__(self) -> None:
        if (self.expression is None) == (self.weights is None):
            raise ValueError("an objective is an expression or a weighted sum")

    def to_proto(self) -> reduction_pb2.Objective:
        """The message."""
        if self.weights is None:
            return reduction_pb2.Objective(expression=self.expression, minimize=self.minimize)
        terms = [reduction_pb2.WeightedStat(stat=stat, weight=weight) for stat, weight in self.weights.items()]
        weighted = reduction_pb2.WeightedSum(terms=terms, relative_to_base=self.relative_to_base)
        return reduction_pb2.Objective(weighted_sum=weighted, minimize=self.minimize)


@dataclass(frozen=True)
class Reduction:
    """Which outcomes come back; ``proto/pobatch/v1/reduction.proto`` has the language and its rules."""

    #: Expressions that must hold: ``"Life >= 4500"``.
    constraints: Sequence[str] = ()
    #: What is scored; a text is an expression to maximise.
    objectives: Sequence[Objective | str] = ()
    #: Keeps the best so many by the first objective.
    top: int | None = None
    #: Keeps at most so many that no other outdoes.
    pareto_front: int | None = None
    #: It is enough when the first objective reaches this.
    stop_at_score: float | None = None
    #: It is enough after so many outcomes in a row without a better score.
    stop_without_improvement: int = 0
    #: Failed outcomes come back, too.
    with_failures: bool = False

    def to_proto(self) -> reduction_pb2.Reduction:
        """The message."""
        objectives = [Objective(one) if isinstance(one, str) else one for one in self.objectives]
        message = reduction_pb2.Reduction(
            constraints=self.constraints,
            objectives=[one.to_proto() for one in objectives],
            top=self.top,
            pareto_front=self.pareto_front,
            with_failures=self.with_failures,
        )
        if self.stop_at_score is not None or self.stop_without_improvement:
            message.stop.CopyFrom(
                reduction_pb2.EarlyStop(
                    score=self.stop_at_score, without_improvement=self.stop_without_improvement
                )
            )
        return message
