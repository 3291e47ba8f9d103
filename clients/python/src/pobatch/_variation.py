"""Variations: one change set over a base. Fields and meanings are those of ``proto/pobatch/v1/variation.proto``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pobatch.v1 import base_pb2, variation_pb2


@dataclass(frozen=True)
class MasteryChoice:
    """The choice of one mastery effect."""

    node: int
    effect: int


@dataclass(frozen=True)
class TattooChange:
    """A tattoo put on a node, or taken off it (no name)."""

    node: int
    name: str | None = None


@dataclass(frozen=True)
class ItemChange:
    """What happens to one item slot: a text as copied from the game, the id of an item of the build, or nothing."""

    slot: str
    text: str | None = None
    item: int | None = None
    empty: bool | None = None


@dataclass(frozen=True)
class FlaskChange:
    """A flask or tincture switched on or off."""

    slot: str
    active: bool


@dataclass(frozen=True)
class GemChange:
    """What happens to one gem. Groups and gems count from 1 and mean the base."""

    group: int
    gem: int | None = None
    replace: str | None = None
    add: str | None = None
    remove: bool | None = None
    level: int | None = None
    quality: int | None = None
    variant: str | None = None
    enabled: bool | None = None
    count: int | None = None


@dataclass(frozen=True)
class GroupChange:
    """What happens to one socket group."""

    group: int
    enabled: bool | None = None
    main_active_skill: int | None = None
    include_in_full_dps: bool | None = None


_PARTS: dict[str, type[Any]] = {
    "masteries": MasteryChoice,
    "tattoos": TattooChange,
    "items": ItemChange,
    "flasks": FlaskChange,
    "gems": GemChange,
    "groups": GroupChange,
}


@dataclass(frozen=True)
class Variation:
    """One change set over a base. The empty one is the base itself."""

    #: The client's name for it; comes back with the outcome.
    id: str = ""
    #: XML of a build that takes the base's place.
    build: str | None = None
    #: Class by name. (``class`` is a word of Python's.)
    class_name: str | None = None
    ascendancy: str | None = None
    level: int | None = None
    allocate: Sequence[int] = ()
    allocate_path: Sequence[int] = ()
    deallocate: Sequence[int] = ()
    masteries: Sequence[MasteryChoice] = ()
    tattoos: Sequence[TattooChange] = ()
    items: Sequence[ItemChange] = ()
    flasks: Sequence[FlaskChange] = ()
    gems: Sequence[GemChange] = ()
    groups: Sequence[GroupChange] = ()
    main_socket_group: int | None = None
    config: Mapping[str, bool | float | str] = field(default_factory=dict)
    custom_mods: str | None = None

    @staticmethod
    def from_json(value: Mapping[str, Any], id: str = "") -> Variation:
        """The variation of a line of a JSON file, as ``pobatch eval --variations`` reads it."""
        fields = dict(value)
        if "class" in fields:
            fields["class_name"] = fields.pop("class")
        for name, part in _PARTS.items():
            if name in fields:
                fields[name] = tuple(part(**entry) for entry in fields[name])
        return Variation(id=id, **fields)

    @staticmethod
    def of(message: variation_pb2.Variation) -> Variation:
        """The variation of a message."""

        def given(name: str) -> Any:
            return getattr(message, name) if message.HasField(name) else None

        def parts(name: str) -> tuple[Any, ...]:
            part = _PARTS[name]
            return tuple(
                part(**{field.name: value for field, value in one.ListFields()}) for one in getattr(message, name)
            )

        return Variation(
            id=message.id,
            build=message.build.xml if message.HasField("build") else None,
            class_name=given("class"),
            ascendancy=given("ascendancy"),
            level=given("level"),
            allocate=tuple(message.allocate),
            allocate_path=tuple(message.allocate_path),
            deallocate=tuple(message.deallocate),
            masteries=parts("masteries"),
            tattoos=parts("tattoos"),
            items=parts("items"),
            flasks=tuple(FlaskChange(one.slot, one.active) for one in message.flasks),
            gems=parts("gems"),
            groups=parts("groups"),
            main_socket_group=given("main_socket_group"),
            config={
                name: getattr(value, value.WhichOneof("value") or "text") for name, value in message.config.items()
            },
            custom_mods=given("custom_mods"),
        )

    def to_proto(self) -> variation_pb2.Variation:
        """The message."""
        message = variation_pb2.Variation(
            id=self.id,
            ascendancy=self.ascendancy,
            level=self.level,
            allocate=self.allocate,
            allocate_path=self.allocate_path,
            deallocate=self.deallocate,
            masteries=[variation_pb2.MasteryChoice(node=one.node, effect=one.effect) for one in self.masteries],
            tattoos=[variation_pb2.TattooChange(node=one.node, name=one.name) for one in self.tattoos],
            items=[
                variation_pb2.ItemChange(slot=one.slot, text=one.text, item=one.item, empty=one.empty)
                for one in self.items
            ],
            flasks=[variation_pb2.FlaskChange(slot=one.slot, active=one.active) for one in self.flasks],
            gems=[
                variation_pb2.GemChange(
                    group=one.group,
                    gem=one.gem,
                    replace=one.replace,
                    add=one.add,
                    remove=one.remove,
                    level=one.level,
                    quality=one.quality,
                    variant=one.variant,
                    enabled=one.enabled,
                    count=one.count,
                )
                for one in self.gems
            ],
            groups=[
                variation_pb2.GroupChange(
                    group=one.group,
                    enabled=one.enabled,
                    main_active_skill=one.main_active_skill,
                    include_in_full_dps=one.include_in_full_dps,
                )
                for one in self.groups
            ],
            main_socket_group=self.main_socket_group,
            config={name: _config_value(value) for name, value in self.config.items()},
            custom_mods=self.custom_mods,
        )
        if self.build is not None:
            message.build.CopyFrom(base_pb2.Build(xml=self.build))
        if self.class_name is not None:
            setattr(message, "class", self.class_name)
        return message


def _config_value(value: bool | float | str) -> variation_pb2.ConfigValue:
    # A bool is a number to Python, and not to a config option.
    if isinstance(value, bool):
        return variation_pb2.ConfigValue(boolean=value)
    if isinstance(value, str):
        return variation_pb2.ConfigValue(text=value)
    return variation_pb2.ConfigValue(number=value)
