"""The asynchronous client, against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

from conftest import WITCH, Served

import pobatch
from pobatch import Reduction, Sweep, Variation


async def some(count: int) -> AsyncIterator[Variation]:
    for at in range(count):
        yield Variation(id=str(at), level=50 + at % 40)


async def test_outcomes_are_awaited(server: Served) -> None:
    async with pobatch.AsyncClient(server.endpoint) as client:
        ids = set()
        evaluation = client.evaluate(WITCH, some(700), stats=["Life"])
        header = await evaluation.header()
        async for outcome in evaluation:
            assert outcome.ok
            ids.add(outcome.id)
        assert len(ids) == 700 and evaluation.summary.succeeded == 700
        assert header.engine == "sample"


async def test_it_says_the_same_as_the_one_that_blocks(server: Served, client: pobatch.Client) -> None:
    variations = [Variation(id=str(level), level=level) for level in range(60, 80)]
    reduction = Reduction(objectives=["Life"], top=3)
    async with pobatch.AsyncClient(server.endpoint) as waiting:
        for chosen in (None, reduction):
            awaited = await waiting.evaluate_all(WITCH, variations, stats=["Life"], reduction=chosen)
            blocked = client.evaluate_all(WITCH, variations, stats=["Life"], reduction=chosen)
            assert [(one.id, one.stats) for one in awaited] == [(one.id, one.stats) for one in blocked]
        assert (await waiting.evaluate_one(WITCH, stats=["Life"])).stats == awaited.header.base_stats
        assert await waiting.engine() == client.engine()
        assert await waiting.stats() == client.stats()
        assert await waiting.passives(WITCH) == client.passives(WITCH)
        assert await waiting.gems() == client.gems()
        assert await waiting.config_options() == client.config_options()
        assert await waiting.item_bases() == client.item_bases()
        assert await waiting.uniques() == client.uniques()
        assert await waiting.describe_build(WITCH) == client.describe_build(WITCH)
        assert await waiting.import_build(WITCH) == client.import_build(WITCH)
        check = ["Life"]
        exported = await waiting.export_build(WITCH, {"level": 77}, check=check)
        assert exported == client.export_build(WITCH, {"level": 77}, check=check)


async def test_sweeps_scenarios_and_explanations_are_awaited(server: Served, client: pobatch.Client) -> None:
    scenarios = {"map": Variation(), "boss": Variation(config={"enemyIsBoss": "Boss"})}
    variations = [Variation(id=str(level), level=level) for level in range(60, 70)]
    async with pobatch.AsyncClient(server.endpoint) as waiting:
        awaited = await waiting.evaluate_all(WITCH, variations, stats=["Life"], scenarios=scenarios)
        blocked = client.evaluate_all(WITCH, variations, stats=["Life"], scenarios=scenarios)
        assert [one.stats for one in awaited] == [one.stats for one in blocked]
        one = await waiting.evaluate_one(WITCH, variations[0], stats=["Life"], scenarios=scenarios)
        assert one.stats == awaited[0].stats
        swept = await waiting.evaluate_sweep(WITCH, [Sweep.passives(2)], stats=["Life"], scenarios=scenarios)
        expected = client.evaluate_sweep(WITCH, Sweep.passives(2), stats=["Life"], scenarios=scenarios)
        assert [(one.id, one.stats) for one in swept] == [(one.id, one.stats) for one in expected]
        assert await waiting.explain(WITCH, "Life") == client.explain(WITCH, "Life")


async def test_an_evaluation_can_be_given_up(server: Served) -> None:
    async with pobatch.AsyncClient(server.endpoint) as client:
        evaluation = client.evaluate(WITCH, some(10_000))
        await evaluation.__anext__()
        await evaluation.close()
        assert [outcome async for outcome in evaluation] == []
