"""What the catalogue says: engines, stats, passive trees, builds as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pobatch._outcome import Value, Warning, read_stats
from pobatch.v1 import catalog_pb2, engine_pb2, passives_pb2, transfer_pb2


@dataclass(frozen=True)
class Engine:
    """Which engine computes. Equal engines give equal values, bit for bit."""

    #: What the server's operator calls it: what ``engine=`` takes.
    name: str
    version: str
    #: Of its files: two installations that differ never have the same.
    fingerprint: str
    #: What it is, whatever it is called: ``pob`` or ``sample``.
    kind: str

    @staticmethod
    def of(message: engine_pb2.Engine) -> Engine:
        """The engine of a message."""
        return Engine(message.name, message.version, message.fingerprint, message.kind)


@dataclass(frozen=True)
class EngineDescription:
    """Facts about an engine."""

    engine: Engine
    #: Versions of the passive tree that it can load, oldest first.
    tree_versions: tuple[str, ...]
    #: One sentence for people; empty: nothing to say.
    notice: str

    @staticmethod
    def of(message: catalog_pb2.DescribeEngineResponse) -> EngineDescription:
        """The description of a message."""
        return EngineDescription(Engine.of(message.engine), tuple(message.tree_versions), message.notice)


@dataclass(frozen=True)
class StatInfo:
    """What is known of a stat."""

    name: str
    label: str
    unit: str
    #: Whether more of it is better; ``None``: neither, or not known.
    more_is_better: bool | None
    #: Whether it is one of the main ones.
    main: bool

    @staticmethod
    def of(message: catalog_pb2.StatInfo) -> StatInfo:
        """The facts of a message."""
        better = {catalog_pb2.STAT_DIRECTION_MORE: True, catalog_pb2.STAT_DIRECTION_LESS: False}
        return StatInfo(message.name, message.label, message.unit, better.get(message.better), message.main)


@dataclass(frozen=True)
class MasteryEffect:
    """An effect that a mastery offers."""

    id: int
    stats: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True)
class Passive:
    """A node of a passive tree."""

    id: int
    name: str
    #: ``normal``, ``notable``, ``keystone``, ``mastery`` or ``socket``.
    kind: str
    #: The ascendancy whose points it takes; empty: none.
    ascendancy: str
    allocated: bool
    #: The base lacks it and one point allocates it.
    reachable: bool
    #: The base has it and giving it up disconnects nothing.
    removable: bool
    #: Points that the shortest way takes; ``None``: the base has it, or no way leads there.
    distance: int | None
    #: The node before it on that way.
    toward: int | None
    #: Modifier lines.
    stats: tuple[str, ...]
    #: Ids of its neighbours.
    links: tuple[int, ...]
    x: float
    y: float
    effects: tuple[MasteryEffect, ...]
    #: A start that the base has is its neighbour: what is allocated must hang together with such a node.
    root: bool

    @staticmethod
    def of(message: passives_pb2.Passive) -> Passive:
        """The node of a message."""
        return Passive(
            id=message.id,
            name=message.name,
            kind=passives_pb2.PassiveKind.Name(message.kind).removeprefix("PASSIVE_KIND_").lower(),
            ascendancy=message.ascendancy,
            allocated=message.allocated,
            reachable=message.reachable,
            removable=message.removable,
            distance=message.distance if message.HasField("distance") else None,
            toward=message.toward if message.HasField("toward") else None,
            stats=tuple(message.stats),
            links=tuple(message.links),
            x=message.x,
            y=message.y,
            effects=tuple(MasteryEffect(one.id, tuple(one.stats), one.chosen) for one in message.effects),
            root=message.root,
        )


@dataclass(frozen=True)
class Points:
    """Points that are spent, and that a character of the base's level can have."""

    used: int
    available: int
    ascendancy_used: int
    ascendancy_available: int

    @property
    def left(self) -> int:
        """Points of the main tree that are left; negative if the base has spent more than it can have."""
        return self.available - self.used


@dataclass(frozen=True)
class PassiveTree(Mapping[int, Passive]):
    """The passive tree of a base: nodes by id."""

    base_id: str
    tree_version: str
    points: Points
    nodes: Mapping[int, Passive]

    def __getitem__(self, id: int) -> Passive:
        return self.nodes[id]

    def __iter__(self) -> Iterator[int]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def path(self, id: int) -> list[int]:
        """The nodes that the shortest way to this one takes, the nearest first; empty if there is none."""
        path: list[int] = []
        at: int | None = id
        while at is not None and at in self.nodes and self.nodes[at].distance is not None:
            path.append(at)
            at = self.nodes[at].toward
        return path[::-1]


@dataclass(frozen=True)
class BuildFile:
    """A build to keep, or to open in Path of Building."""

    xml: str
    share_code: str
    #: Name as a base.
    base_id: str
    #: Stats of the build as the server loaded it from scratch; empty if it was not asked to.
    stats: Mapping[str, Value]
    warnings: tuple[Warning, ...]

    @staticmethod
    def imported(message: transfer_pb2.ImportBuildResponse) -> BuildFile:
        """The build of a message."""
        warnings = tuple(Warning.of(one) for one in message.warnings)
        return BuildFile(message.xml, message.share_code, message.base_id, {}, warnings)

    @staticmethod
    def exported(message: transfer_pb2.ExportBuildResponse) -> BuildFile:
        """The build of a message."""
        stats = read_stats(message.stats, message.values) if message.HasField("values") else {}
        warnings = tuple(Warning.of(one) for one in message.warnings)
        return BuildFile(message.xml, message.share_code, message.base_id, stats, warnings)
