"""Improves a build by moving its passive points: as many as it has, no more.

An evolutionary search. A generation is a few hundred trees, each one of the best so far with some leaves given up and a
way to some other node taken; the server evaluates them, throws away what breaks a constraint, and sends back the best.
What comes out is written as a share code, after the server has loaded it from scratch and said that it is what was
promised, to the last bit.

    pip install './clients/python[plot]'
    pobatch serve --pob PathOfBuilding &
    python examples/python/tree_optimizer.py --base build.xml --seconds 50

Masteries, jewel sockets and ascendancies stay as they are.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pobatch
from pobatch import Build, PassiveTree, Reduction, Tls, Variation

#: Kinds of nodes that the search takes and gives up.
MOVED = {"normal", "notable", "keystone"}


@dataclass(frozen=True)
class Tree:
    """A set of allocated nodes, with its score."""

    nodes: frozenset[int]
    score: float


@dataclass
class Moves:
    """What can be done to a tree. Knows the ways, and nothing of what nodes are good for."""

    passives: PassiveTree
    points: int
    reach: int
    chance: random.Random
    base: frozenset[int] = field(init=False)
    movable: set[int] = field(init=False)
    roots: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.base = frozenset(node.id for node in self.passives.values() if node.allocated)
        self.movable = {
            node.id for node in self.passives.values() if node.kind in MOVED and not node.ascendancy
        }
        self.roots = {node.id for node in self.passives.values() if node.root}

    def spent(self, nodes: frozenset[int] | set[int]) -> int:
        """How many points of the main tree more than the base these nodes take."""
        return sum(1 for node in nodes - self.base if node in self.movable) - len(self.base - nodes)

    def leaves(self, nodes: set[int]) -> list[int]:
        """The movable nodes without which all others still hang together with a start."""
        # Lowest reachable ancestor in a depth-first search, from an imaginary node that all roots hang on.
        order: dict[int, int] = {}
        low: dict[int, int] = {}
        cuts: set[int] = set()
        for root in sorted(self.roots & nodes):
            if root in order:
                low[root] = -1
                continue
            stack: list[tuple[int, int, Iterator[int]]] = [(root, -1, iter(self.passives[root].links))]
            order[root] = low[root] = len(order)
            while stack:
                at, parent, links = stack[-1]
                for other in links:
                    if other not in nodes or other == parent:
                        continue
                    if other in order:
                        low[at] = min(low[at], order[other])
                    else:
                        order[other] = len(order)
                        low[other] = -1 if other in self.roots else order[other]
                        stack.append((other, at, iter(self.passives[other].links)))
                        break
                else:
                    stack.pop()
                    if parent >= 0:
                        low[parent] = min(low[parent], low[at])
                        if low[at] >= order[parent]:
                            cuts.add(parent)
        # What nothing connects is not ours to judge: cluster jewels have ways of their own.
        return [node for node in nodes & self.movable if node in order and node not in cuts]

    def way(self, nodes: set[int], steps: int) -> list[int]:
        """The shortest way from these nodes to some node that is not farther than that."""
        came_from: dict[int, int] = {}
        found: list[int] = []
        open_nodes = deque((node, 0) for node in sorted(nodes))
        while open_nodes:
            at, distance = open_nodes.popleft()
            if distance == steps:
                continue
            for other in self.passives[at].links:
                if other in nodes or other in came_from or other not in self.movable:
                    continue
                if at in nodes and self.passives[at].kind == "mastery":
                    continue
                came_from[other] = at
                found.append(other)
                open_nodes.append((other, distance + 1))
        if not found:
            return []
        # Notables and keystones are what small nodes lead to.
        large = [node for node in found if self.passives[node].kind != "normal"]
        at = self.chance.choice(large if large and self.chance.random() < 0.7 else found)
        way = []
        while at in came_from:
            way.append(at)
            at = came_from[at]
        return way

    def child(self, parent: frozenset[int]) -> frozenset[int]:
        """A tree that is one or two moves away."""
        nodes = set(parent)
        for _ in range(self.chance.choice((1, 1, 2))):
            way = self.way(nodes, self.chance.randint(1, self.reach))
            nodes.update(way)
            while self.spent(nodes) > self.points:
                leaves = [leaf for leaf in self.leaves(nodes) if leaf not in way]
                if not leaves:
                    return parent
                nodes.discard(self.chance.choice(leaves))
        return frozenset(nodes)

    def variation(self, nodes: frozenset[int], id: str = "") -> Variation:
        """The change that makes this tree of the base's."""
        return Variation(id=id, allocate=sorted(nodes - self.base), deallocate=sorted(self.base - nodes))


@dataclass
class Search:
    """The search: a pool of the best trees, and what became of it."""

    client: pobatch.Client
    base_id: str
    moves: Moves
    objective: str
    constraints: list[str]
    stats: list[str]
    generation: int
    pool: list[Tree] = field(default_factory=list)
    seen: set[frozenset[int]] = field(default_factory=set)
    evaluated: int = 0
    history: list[tuple[float, int, float]] = field(default_factory=list)

    POOL = 24

    def step(self) -> None:
        """One generation."""
        children: list[frozenset[int]] = []
        for _ in range(20 * self.generation):
            # The better, the more children.
            place = min(int(self.moves.chance.expovariate(0.2)), len(self.pool) - 1)
            child = self.moves.child(self.pool[place].nodes)
            if child not in self.seen:
                self.seen.add(child)
                children.append(child)
            if len(children) == self.generation:
                break
        if not children:
            return
        variations = [self.moves.variation(child, str(place)) for place, child in enumerate(children)]
        reduction = Reduction(constraints=self.constraints, objectives=[self.objective], top=self.POOL)
        best = self.client.evaluate_all(self.base_id, variations, stats=self.stats, reduction=reduction)
        self.evaluated += best.summary.succeeded + best.summary.failed
        born = [Tree(children[outcome.index], outcome.scores[0]) for outcome in best]
        # Stable: of two equals the older one stays ahead.
        self.pool = sorted([*self.pool, *born], key=lambda tree: -tree.score)[: self.POOL]

    def run(self, seconds: float) -> None:
        """Searches for that long."""
        begin = told = time.monotonic()
        while (now := time.monotonic()) - begin < seconds:
            self.step()
            self.history.append((time.monotonic() - begin, self.evaluated, self.pool[0].score))
            if now - told >= 2:
                told = now
                print(
                    f"{now - begin:5.0f} s  {self.evaluated:7,} trees  best {self.pool[0].score:,.1f}"
                    f"  ({len(self.pool[0].nodes ^ self.moves.base)} nodes differ)",
                    flush=True,
                )


def plot(search: Search, best: Tree, path: Path) -> None:
    """Draws the way of the search, and the tree with what came and what went."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(14, 6))
    left.plot([evaluated for _, evaluated, _ in search.history], [score for *_, score in search.history])
    left.set(xlabel="trees evaluated", ylabel=search.objective, title="best so far")
    passives, base = search.moves.passives, search.moves.base
    for nodes, colour, size, label in (
        (set(passives) - base - best.nodes, "lightgrey", 1, None),
        (base & best.nodes, "tab:blue", 8, "kept"),
        (base - best.nodes, "tab:red", 12, "given up"),
        (best.nodes - base, "tab:green", 12, "taken"),
    ):
        xs, ys = [passives[node].x for node in nodes], [-passives[node].y for node in nodes]
        right.scatter(xs, ys, s=size, c=colour, label=label)
    right.set(title="passive tree", aspect="equal")
    right.axis("off")
    right.legend(loc="lower left")
    figure.savefig(path, dpi=120, bbox_inches="tight")
    print(f"drawn: {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--base", required=True, type=Path, metavar="FILE", help="the build: XML or a share code")
    add("--maximize", default="TotalEHP", metavar="EXPRESSION", help="over stats; default: %(default)s")
    add(
        "--where",
        action="append",
        metavar="EXPRESSION",
        help="constraint, can be given more than once; default: no loss of CombinedDPS, TotalDPS and TotalDotDPS",
    )
    add("--seconds", type=float, default=50, help="how long to search; default: %(default)s")
    add("--generation", type=int, default=192, help="trees of a generation; default: %(default)s")
    add("--reach", type=int, default=6, help="longest way that is taken at once; default: %(default)s")
    add("--seed", type=int, default=1, help="stands for the chances taken; default: %(default)s")
    add("--plot", type=Path, metavar="FILE", help="picture of the search and the tree")
    add("--out", type=Path, metavar="FILE", help="file for the share code; default: standard output")
    server = parser.add_argument_group("the server").add_argument
    server(
        "--endpoint",
        default="127.0.0.1:50051",
        metavar="HOST:PORT",
        help="https://HOST:PORT for TLS; default: %(default)s",
    )
    server("--engine", default="", metavar="NAME", help="which of its engines; default: its first")
    server("--tls-ca", metavar="FILE", help="authority of its certificate; default: those that come with gRPC")
    server("--token-file", metavar="FILE", help="file with the token that it asks for")
    given = parser.parse_args()

    try:
        build = Build.read(given.base)
        tls = Tls(ca=given.tls_ca) if given.tls_ca else None
        client = pobatch.Client(given.endpoint, tls=tls, token_file=given.token_file)
    except (OSError, ValueError) as error:
        parser.error(str(error))

    with client:
        described = client.engine(given.engine)
        print(f"engine {described.engine.name} {described.engine.version}. {described.notice}")
        # From here on the base's id says which engine is meant.
        passives = client.passives(build, engine=given.engine)
        base = client.evaluate_one(passives.base_id, stats="all")
        if base.failure is not None:
            raise SystemExit(str(base.failure))
        damage = [stat for stat in ("CombinedDPS", "TotalDPS", "TotalDotDPS") if stat in base.stats]
        constraints = given.where or [f"{stat} >= base({stat})" for stat in damage]
        left = max(passives.points.left, 0)
        moves = Moves(passives, left, given.reach, random.Random(given.seed))
        search = Search(
            client, passives.base_id, moves, given.maximize, constraints, damage, given.generation
        )

        start = Reduction(objectives=[given.maximize], top=1)
        first = client.evaluate_all(passives.base_id, [Variation()], stats=damage, reduction=start)[0].scores[0]
        search.pool = [Tree(moves.base, first)]
        print(f"{given.maximize} = {first:,.1f} with {passives.points.used} points spent and {left} left")
        print("constraints: " + ", ".join(constraints))
        search.run(given.seconds)

        best = search.pool[0]
        variation = moves.variation(best.nodes)
        promised = client.evaluate_one(passives.base_id, variation, stats="all")
        written = client.export_build(passives.base_id, variation, check="all")

    gain = best.score / first - 1 if first else float("inf")
    rate = search.evaluated / search.history[-1][0]
    print(f"\n{search.evaluated:,} trees, {rate:,.0f} a second")
    print(f"{given.maximize}: {first:,.1f} -> {best.score:,.1f} ({gain:+.1%})")
    for stat in dict.fromkeys(["TotalEHP", *damage, "Life"]):
        if stat in base.stats:
            print(f"{stat:12} {base.number(stat):>16,.2f} -> {written.stats.get(stat, 0):>16,.2f}")
    print(f"taken: {sorted(best.nodes - moves.base)}\ngiven up: {sorted(moves.base - best.nodes)}")
    # As texts, which are exact: NaN is not equal to itself.
    if repr(sorted(written.stats.items())) != repr(sorted(promised.stats.items())):
        odd = {name for name, value in promised.stats.items() if repr(written.stats.get(name)) != repr(value)}
        print(f"NOT AS PROMISED: loaded from scratch the build differs in {sorted(odd)}")
        return 1
    print(f"loaded from scratch, all of its {len(written.stats)} stats are as promised")
    if given.plot:
        plot(search, best, given.plot)
    if given.out:
        given.out.write_text(written.share_code + "\n")
        print(f"share code: {given.out}")
    else:
        print(written.share_code)
    return 0 if best.score > first else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except pobatch.PobatchError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
