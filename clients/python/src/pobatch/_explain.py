"""Explanations: why a stat of a varied build is what it is, in the engine's own words."""

from __future__ import annotations

from dataclasses import dataclass

from pobatch._outcome import Value, Warning, read_value
from pobatch.v1 import explain_pb2


@dataclass(frozen=True)
class ExplanationTable:
    """A table of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footer: str


@dataclass(frozen=True)
class ExplainedModifier:
    """A modifier that counts."""

    #: What it modifies, by the engine's name.
    stat: str
    #: ``base``, ``increased``, ``more``, ``override``, ``flag``, or ``unspecified`` where ``value`` says it.
    kind: str
    number: float | None
    #: Its value for people.
    value: str
    #: Where it comes from: ``Item``, ``Tree``, ``Skill``, ...
    source: str
    source_name: str
    node: int | None
    item: int | None
    applies_to: str
    conditions: str

    @staticmethod
    def of(message: explain_pb2.ExplainedModifier) -> ExplainedModifier:
        """The modifier of a message."""
        kind = explain_pb2.ModifierKind.Name(message.kind)
        return ExplainedModifier(
            stat=message.stat,
            kind=kind.removeprefix("MODIFIER_KIND_").lower(),
            number=message.number if message.HasField("number") else None,
            value=message.value,
            source=message.source,
            source_name=message.source_name,
            node=message.node if message.HasField("node") else None,
            item=message.item if message.HasField("item") else None,
            applies_to=message.applies_to,
            conditions=message.conditions,
        )


@dataclass(frozen=True)
class ExplanationSection:
    """A part of an explanation: lines, a table or modifiers."""

    title: str
    lines: tuple[str, ...]
    table: ExplanationTable | None
    modifiers: tuple[ExplainedModifier, ...]

    @staticmethod
    def of(message: explain_pb2.ExplanationSection) -> ExplanationSection:
        """The part of a message."""
        table = None
        if message.HasField("table"):
            rows = tuple(tuple(row.cells) for row in message.table.rows)
            table = ExplanationTable(tuple(message.table.columns), rows, message.table.footer)
        modifiers = tuple(ExplainedModifier.of(one) for one in message.modifiers)
        return ExplanationSection(message.title, tuple(message.lines), table, modifiers)


@dataclass(frozen=True)
class Explanation:
    """Why a stat is what it is."""

    base_id: str
    stat: str
    #: Bit for bit that of an evaluation; ``None``: the output has no such stat.
    value: Value | None
    #: ``explained``, ``unexplained`` or ``absent``.
    state: str
    sections: tuple[ExplanationSection, ...]
    warnings: tuple[Warning, ...]

    @staticmethod
    def of(stat: str, message: explain_pb2.ExplainResponse) -> Explanation:
        """The explanation of a message."""
        state = explain_pb2.ExplanationState.Name(message.state)
        return Explanation(
            base_id=message.base_id,
            stat=stat,
            value=read_value(message.value) if message.HasField("value") else None,
            state=state.removeprefix("EXPLANATION_STATE_").lower(),
            sections=tuple(ExplanationSection.of(one) for one in message.sections),
            warnings=tuple(Warning.of(one) for one in message.warnings),
        )
