"""Sweeps: families of variations that the server makes; ``proto/pobatch/v1/sweep.proto`` says what each is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pobatch.v1 import sweep_pb2


@dataclass(frozen=True)
class Sweep:
    """A family of variations. Each has an id in words, and its outcome carries the variation itself."""

    message: sweep_pb2.Sweep

    @staticmethod
    def passives(distance_max: int) -> Sweep:
        """Each passive node within so many points, with the shortest way to it."""
        return Sweep(sweep_pb2.Sweep(passives=sweep_pb2.PassiveSweep(distance_max=distance_max)))

    @staticmethod
    def removable() -> Sweep:
        """Each node that can be given up alone."""
        return Sweep(sweep_pb2.Sweep(removable=sweep_pb2.RemovableSweep()))

    @staticmethod
    def pairs(distance_max: int) -> Sweep:
        """Each pair of passive nodes within so many points."""
        return Sweep(sweep_pb2.Sweep(pairs=sweep_pb2.PassivePairSweep(distance_max=distance_max)))

    @staticmethod
    def gems(
        group: int = 0, gem: int = 0, *, levels: Iterable[int] = (), qualities: Iterable[int] = ()
    ) -> Sweep:
        """Gems at each of these levels and qualities; groups and gems count from 1, 0 means all."""
        family = sweep_pb2.GemSweep(group=group, gem=gem, levels=levels, qualities=qualities)
        return Sweep(sweep_pb2.Sweep(gems=family))

    @staticmethod
    def supports(group: int, gem: int = 0) -> Sweep:
        """Each support in the link, in the place of that gem; 0: added."""
        return Sweep(sweep_pb2.Sweep(supports=sweep_pb2.SupportSweep(group=group, gem=gem)))

    @staticmethod
    def items(texts: Iterable[str], slots: Iterable[str] = ()) -> Sweep:
        """Each of these items in each of these slots; without any: in every slot that it fits into."""
        return Sweep(sweep_pb2.Sweep(items=sweep_pb2.ItemSweep(texts=texts, slots=slots)))

    @staticmethod
    def uniques(slot: str) -> Sweep:
        """Each unique item that fits into the slot."""
        return Sweep(sweep_pb2.Sweep(uniques=sweep_pb2.UniqueSweep(slot=slot)))

    @staticmethod
    def config(contains: str = "") -> Sweep:
        """Each config option whose name contains the text, at each other value that it offers."""
        return Sweep(sweep_pb2.Sweep(config=sweep_pb2.ConfigSweep(contains=contains)))

    @staticmethod
    def masteries() -> Sweep:
        """Each effect of each mastery that the base has or that one point reaches."""
        return Sweep(sweep_pb2.Sweep(masteries=sweep_pb2.MasterySweep()))

    @staticmethod
    def anoints() -> Sweep:
        """Each notable that the base lacks, by an anointment of its amulet."""
        return Sweep(sweep_pb2.Sweep(anoints=sweep_pb2.AnointSweep()))
