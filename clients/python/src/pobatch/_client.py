"""The client that blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType

import grpc

from pobatch import _calls as calls
from pobatch._access import Access, Tls
from pobatch._build import Build
from pobatch._calls import Given, Scenarios
from pobatch._catalog import BuildFile, Engine, EngineDescription, Passive, PassiveTree, Points, StatInfo
from pobatch._connection import Connection
from pobatch._evaluation import Evaluation, SessionEvaluation, SweepEvaluation
from pobatch._exchange import Session, SweepRun
from pobatch._explain import Explanation
from pobatch._outcome import Outcome, Results
from pobatch._reduction import Reduction
from pobatch._retry import RetryPolicy
from pobatch._sweep import Sweep
from pobatch._variation import Variation
from pobatch.v1 import (
    catalog_pb2,
    data_pb2,
    description_pb2,
    evaluation_pb2,
    explain_pb2,
    passives_pb2,
    transfer_pb2,
)


class Client:
    """A connection to a server, or to one of several that serve alike: when one does not answer the next is asked.

    ``engine`` is one of the server's engines, by name; without it the first is meant, or for a base id the one that the
    base belongs to.
    """

    def __init__(
        self,
        endpoints: str | Sequence[str] = "127.0.0.1:50051",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        tls: Tls | None = None,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        allow_plaintext: bool = False,
        metadata: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        access = Access(
            endpoints,
            credentials=credentials,
            tls=tls,
            token=token,
            token_file=token_file,
            metadata=metadata,
            allow_plaintext=allow_plaintext,
        )
        self._connection = Connection(access, retry or RetryPolicy())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; evaluations that still run are given up."""
        self._connection.close()

    # Evaluating.

    def evaluate(
        self,
        build: Build | str,
        variations: Iterable[Given],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        ordered: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        in_flight_max: int = calls.IN_FLIGHT_MAX,
        engine: str = "",
        progress: bool | str = False,
    ) -> Evaluation:
        """Evaluates variations and gives outcomes as they finish.

        ``variations`` may be a generator that looks at the outcomes so far: it is asked for more in the caller's own
        thread, whenever less than ``in_flight_max`` are on their way. If the connection breaks, the evaluation is taken
        up again with what has no outcome yet.
        """
        given = Build.of(build)
        options = calls.options(
            differences=differences, ordered=ordered, strict=strict, budget_seconds=budget_seconds
        )
        start = calls.start(given, engine, stats, options, reduction, scenarios)
        session = Session(given, start, in_flight_max, self._connection.policy)
        return SessionEvaluation(self._connection, session, iter(variations), timeout, calls.bar(progress, variations))

    def evaluate_all(
        self,
        build: Build | str,
        variations: Iterable[Given],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        engine: str = "",
        progress: bool | str = False,
    ) -> Results:
        """Evaluates variations and gives all outcomes: in their order, or in the reduction's."""
        evaluation = self.evaluate(
            build,
            variations,
            stats=stats,
            reduction=reduction,
            scenarios=scenarios,
            differences=differences,
            strict=strict,
            budget_seconds=budget_seconds,
            timeout=timeout,
            engine=engine,
            progress=progress,
        )
        return evaluation.results()

    def evaluate_one(
        self,
        build: Build | str,
        variation: Given | None = None,
        *,
        stats: Iterable[str] | str = "main",
        scenarios: Scenarios | None = None,
        strict: bool = False,
        timeout: float | None = None,
        engine: str = "",
    ) -> Outcome:
        """Evaluates one variation, ahead of what optimizers sent. Without one: the build itself."""
        request = evaluation_pb2.EvaluateRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stats=calls.selection(stats),
            options=calls.options(strict=strict),
            scenarios=calls.scenarios(scenarios),
        )
        answer = self._connection.ask(calls.EVALUATE, request, timeout)
        names = [one.name for one in answer.header.scenarios]
        return Outcome.of(answer.header.stats, answer.outcome, 0, names)

    def sweep(
        self,
        build: Build | str,
        sweeps: Sweep | Iterable[Sweep],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        ordered: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        engine: str = "",
        progress: bool | str = False,
    ) -> Evaluation:
        """Evaluates families of variations that the server makes, and gives outcomes as they finish, each with its
        variation. If the connection breaks the sweep begins again, and what was given already is not given twice. The
        counts of its summary are the server's, and come at the end.
        """
        given = Build.of(build)
        options = calls.options(
            differences=differences, ordered=ordered, strict=strict, budget_seconds=budget_seconds
        )
        request = calls.sweep(given, sweeps, engine, stats, options, reduction, scenarios)
        sweep = SweepRun(given, request, self._connection.policy)
        return SweepEvaluation(self._connection, sweep, timeout, calls.bar(progress, None, "sweep"))

    def evaluate_sweep(
        self,
        build: Build | str,
        sweeps: Sweep | Iterable[Sweep],
        *,
        stats: Iterable[str] | str = "main",
        reduction: Reduction | None = None,
        scenarios: Scenarios | None = None,
        differences: bool = False,
        strict: bool = False,
        budget_seconds: float | None = None,
        timeout: float | None = None,
        engine: str = "",
        progress: bool | str = False,
    ) -> Results:
        """Evaluates families of variations that the server makes, and gives all outcomes: in their order, or in the
        reduction's. Each carries its variation.
        """
        evaluation = self.sweep(
            build,
            sweeps,
            stats=stats,
            reduction=reduction,
            scenarios=scenarios,
            differences=differences,
            strict=strict,
            budget_seconds=budget_seconds,
            timeout=timeout,
            engine=engine,
            progress=progress,
        )
        return evaluation.results()

    def explain(
        self,
        build: Build | str,
        stat: str,
        variation: Given | None = None,
        *,
        timeout: float | None = None,
        engine: str = "",
    ) -> Explanation:
        """Says why a stat of a varied build is what it is: the engine's own breakdown, as data."""
        request = explain_pb2.ExplainRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            stat=stat,
        )
        return Explanation.of(stat, self._connection.ask(calls.EXPLAIN, request, timeout))

    # The catalogue.

    def engines(self) -> list[Engine]:
        """The engines that the server runs; the first is what is asked where none is named."""
        answer = self._connection.ask(calls.LIST_ENGINES, catalog_pb2.ListEnginesRequest())
        return [Engine.of(one) for one in answer.engines]

    def engine(self, engine: str = "") -> EngineDescription:
        """Facts about an engine."""
        request = catalog_pb2.DescribeEngineRequest(engine=engine)
        return EngineDescription.of(self._connection.ask(calls.DESCRIBE_ENGINE, request))

    def stats(self, *, engine: str = "") -> list[StatInfo]:
        """The stats that the engine describes, in its display order."""
        answer = self._connection.ask(calls.LIST_STATS, catalog_pb2.ListStatsRequest(engine=engine))
        return [StatInfo.of(one) for one in answer.stats]

    def passives(
        self, build: Build | str, *, distance_max: int | None = None, engine: str = ""
    ) -> PassiveTree:
        """The passive tree of a build: what is allocated, what can be next, what each way costs."""
        request = passives_pb2.ListPassivesRequest(
            base=Build.of(build).to_proto(engine), distance_max=distance_max
        )
        nodes: dict[int, Passive] = {}
        for answer in self._connection.pages(calls.LIST_PASSIVES, request):
            nodes.update((one.id, Passive.of(one)) for one in answer.passives)
        spent = answer.points
        points = Points(spent.used, spent.available, spent.ascendancy_used, spent.ascendancy_available)
        return PassiveTree(answer.base_id, answer.tree_version, points, nodes)

    def config_options(self, *, contains: str = "", engine: str = "") -> list[data_pb2.ConfigOption]:
        """The config options of the engine: name, label, what they take."""
        request = data_pb2.ListConfigOptionsRequest(contains=contains, engine=engine)
        pages = self._connection.pages(calls.LIST_CONFIG_OPTIONS, request)
        return [one for page in pages for one in page.options]

    def gems(
        self, *, contains: str = "", support: bool | None = None, engine: str = ""
    ) -> list[data_pb2.Gem]:
        """The gems that the engine knows."""
        request = data_pb2.ListGemsRequest(contains=contains, support=support, engine=engine)
        return [one for page in self._connection.pages(calls.LIST_GEMS, request) for one in page.gems]

    def item_bases(
        self, *, contains: str = "", slot: str = "", engine: str = ""
    ) -> list[data_pb2.ItemBase]:
        """The kinds of items that the engine knows."""
        request = data_pb2.ListItemBasesRequest(contains=contains, slot=slot, engine=engine)
        return [one for page in self._connection.pages(calls.LIST_ITEM_BASES, request) for one in page.bases]

    def uniques(self, *, contains: str = "", slot: str = "", engine: str = "") -> list[data_pb2.Unique]:
        """The unique items that the engine knows, with their texts."""
        request = data_pb2.ListUniquesRequest(contains=contains, slot=slot, engine=engine)
        return [one for page in self._connection.pages(calls.LIST_UNIQUES, request) for one in page.uniques]

    def describe_build(self, build: Build | str, *, engine: str = "") -> description_pb2.BuildDescription:
        """What a build is made of: class, nodes, items, gems, config."""
        request = description_pb2.DescribeBuildRequest(base=Build.of(build).to_proto(engine))
        return self._connection.ask(calls.DESCRIBE_BUILD, request).build

    # Builds in and out.

    def import_build(self, build: Build | str, *, engine: str = "") -> BuildFile:
        """Loads a build and gives it back in the engine's own way of writing, with what is odd about it."""
        request = transfer_pb2.ImportBuildRequest(base=Build.of(build).to_proto(engine))
        return BuildFile.imported(self._connection.ask(calls.IMPORT_BUILD, request))

    def export_build(
        self,
        build: Build | str,
        variation: Given | None = None,
        *,
        check: Iterable[str] | str | None = None,
        engine: str = "",
    ) -> BuildFile:
        """Writes a varied build. With ``check`` the server loads it from scratch and says these stats of it."""
        request = transfer_pb2.ExportBuildRequest(
            base=Build.of(build).to_proto(engine),
            variation=calls.variation(variation or {}).to_proto(),
            check=calls.selection(check) if check is not None else None,
        )
        return BuildFile.exported(self._connection.ask(calls.EXPORT_BUILD, request))
