"""Every call, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest
from conftest import ROOT, WITCH

import pobatch
from pobatch import Build, ItemChange, Objective, Reduction, Sweep, Variation

EXAMPLES = [json.loads(line) for line in (ROOT / "examples/variations.jsonl").read_text().splitlines()]


def levels(count: int) -> list[Variation]:
    return [Variation(id=f"level {50 + at % 40}", level=50 + at % 40) for at in range(count)]


def test_every_kind_of_variation_has_an_outcome(client: pobatch.Client) -> None:
    results = client.evaluate_all(WITCH, EXAMPLES, stats=["Life", "TotalDPS"])
    assert len(results) == len(EXAMPLES)
    assert all(outcome.ok for outcome in results), [outcome.failure for outcome in results]
    assert [outcome.index for outcome in results] == list(range(len(EXAMPLES)))
    assert results[0].stats == results.header.base_stats
    assert results.header.engine == "sample"
    assert results.summary.succeeded == len(EXAMPLES)


def test_values_keep_their_kinds(client: pobatch.Client) -> None:
    outcome = client.evaluate_one(WITCH, stats="all")
    assert isinstance(outcome["Life"], float)
    assert isinstance(outcome["MainSkill"], str)
    assert isinstance(outcome["HasMainSkill"], bool)
    assert outcome.number("no such stat") == 0.0
    with pytest.raises(TypeError):
        outcome.number("MainSkill")


def test_a_bad_variation_is_a_failed_outcome(client: pobatch.Client) -> None:
    bad = Variation(items=[ItemChange("Third Arm", empty=True)])
    outcome = client.evaluate_one(WITCH, bad)
    assert outcome.failure is not None
    assert (outcome.failure.reason, outcome.failure.field_path) == ("unknown_slot", "items[0].slot")
    good, failed = client.evaluate_all(WITCH, [Variation(level=90), bad])
    assert good.ok and not failed.ok


def test_a_bad_call_is_an_error_with_the_servers_words(client: pobatch.Client) -> None:
    with pytest.raises(pobatch.CallError) as caught:
        client.evaluate_all(WITCH, levels(1), stats=["Lief"])
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "Lief" in caught.value.message
    with pytest.raises(pobatch.CallError) as caught:
        client.evaluate_all(Build(base_id="0" * 64), levels(1))
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_outcomes_come_while_variations_are_made(client: pobatch.Client) -> None:
    seen: list[pobatch.Outcome] = []
    known_when_asked: list[int] = []

    def ask() -> Iterator[Variation]:
        for variation in levels(50):
            known_when_asked.append(len(seen))
            yield variation

    with client.evaluate(WITCH, ask(), stats=["Life"], in_flight_max=5) as evaluation:
        seen.extend(outcome for outcome in evaluation if outcome.ok)
    # (A list comprehension would not tell: `extend` takes one after the other.)
    assert len(seen) == 50
    assert max(known_when_asked) >= 40


def test_differences_are_to_the_base(client: pobatch.Client) -> None:
    variations = levels(5)
    whole = client.evaluate_all(WITCH, variations, stats=["Life"])
    less = client.evaluate_all(WITCH, variations, stats=["Life"], differences=True)
    base = whole.header.base_stats["Life"]
    assert isinstance(base, float)
    assert [one.number("Life") - base for one in whole] == [one.number("Life") for one in less]


def test_the_server_keeps_the_best(client: pobatch.Client) -> None:
    # More than are in flight at once: not every variation has an outcome, and yet all are sent.
    variations = levels(2000)
    everything = client.evaluate_all(WITCH, variations, stats=["Life", "TotalEHP"])
    reduction = Reduction(constraints=["Life > 1000"], objectives=["TotalEHP"], top=7)
    best = client.evaluate_all(WITCH, variations, stats=["Life", "TotalEHP"], reduction=reduction)
    fit = [one for one in everything if one.number("Life") > 1000]
    fit.sort(key=lambda one: (-one.number("TotalEHP"), one.index))
    assert [(one.id, one.index, one.stats) for one in best] == [(one.id, one.index, one.stats) for one in fit[:7]]
    assert best.summary.infeasible == 2000 - len(fit)
    assert best.best is not None and best.best.scores == (best.best.number("TotalEHP"),)
    front = client.evaluate_all(
        WITCH,
        variations,
        stats=["Life"],
        reduction=Reduction(
            objectives=[Objective("Life"), Objective(weights={"TotalEHP": 1.0}, minimize=True)], pareto_front=50
        ),
    )
    assert len(front) > 1


SCENARIOS: dict[str, pobatch.Variation | dict[str, object]] = {
    "map": {},
    "boss": Variation(config={"enemyIsBoss": "Uber", "enemyColdResist": 50}),
}


def test_scenarios_are_what_their_own_calls_say(client: pobatch.Client) -> None:
    variations = [*levels(30), Variation(id="clash", config={"enemyIsBoss": "Boss"})]
    results = client.evaluate_all(WITCH, variations, stats=["Life", "TotalDPS"], scenarios=SCENARIOS)
    assert len(results) == 31 and list(results.header.scenarios) == ["map", "boss"]
    base = client.evaluate_one(WITCH, SCENARIOS["boss"], stats=["Life", "TotalDPS"])
    assert results.header.scenarios["boss"].stats == base.stats
    for variation, outcome in zip(variations[:30], results, strict=False):
        alone = client.evaluate_one(
            WITCH,
            Variation(level=variation.level, config={"enemyIsBoss": "Uber", "enemyColdResist": 50}),
            stats=["Life", "TotalDPS"],
        )
        assert outcome.ok and outcome.scenarios["boss"].stats == alone.stats
        assert outcome["boss.TotalDPS"] == alone["TotalDPS"] and outcome["map.Life"] == alone["Life"]
    clash = results[30]
    assert clash.failure is not None and clash.failure.field_path == "config.enemyIsBoss"
    assert clash.scenarios["map"].failure is None and "map.Life" in clash.stats and "boss.Life" not in clash.stats
    assert (results.summary.succeeded, results.summary.failed) == (30, 1)
    one = client.evaluate_one(WITCH, variations[0], stats=["Life"], scenarios=SCENARIOS)
    assert one["boss.Life"] == results[0]["boss.Life"]
    assert "boss.Life" in results.to_pandas().columns


def test_a_sweep_is_its_variations_one_by_one(client: pobatch.Client) -> None:
    ring = "Rarity: RARE\nSnow Loop\nAquamarine Ring\n+55 to maximum Life"
    families = [
        Sweep.passives(2),
        Sweep.removable(),
        Sweep.pairs(1),
        Sweep.gems(1, 1, levels=[1, 20], qualities=[0]),
        Sweep.supports(1),
        Sweep.items([ring], ["Ring 1"]),
        Sweep.config("enemy"),
        Sweep.masteries(),
    ]
    swept = client.evaluate_sweep(WITCH, families, stats="all", progress="sweep")
    variations = [outcome.variation for outcome in swept]
    assert all(one is not None for one in variations) and swept.summary.succeeded == len(swept) > 50
    again = client.evaluate_all(WITCH, [one for one in variations if one is not None], stats="all")
    assert [(one.id, one.stats) for one in swept] == [(one.id, one.stats) for one in again]
    with pytest.raises(pobatch.CallError, match="there is nothing of that kind"):
        client.evaluate_sweep(WITCH, Sweep.uniques("Ring 1"))
    anointed = client.evaluate_sweep(WITCH, Sweep.anoints(), stats=["Life"])
    assert all(one.variation is not None and one.variation.items[0].slot == "Amulet" for one in anointed)


def test_a_sweep_can_be_reduced_by_stats_of_scenarios(client: pobatch.Client) -> None:
    reduction = Reduction(objectives=["boss.TotalDPS / base(boss.TotalDPS) + map.Life / base(map.Life)"], top=3)
    best = client.evaluate_sweep(
        WITCH, Sweep.passives(3), stats=["Life", "TotalDPS"], reduction=reduction, scenarios=SCENARIOS
    )
    base = best.header.scenarios

    def ratio(outcome: pobatch.Outcome, scenario: str, stat: str) -> float:
        reference = base[scenario].stats[stat]
        assert isinstance(reference, float)
        return outcome.number(f"{scenario}.{stat}") / reference

    expected = [ratio(one, "boss", "TotalDPS") + ratio(one, "map", "Life") for one in best]
    assert [one.scores[0] for one in best] == expected == sorted(expected, reverse=True)
    assert len(best) == 3 and best.best is not None and best.best.variation is not None


def test_a_stat_is_explained(client: pobatch.Client) -> None:
    variation = Variation(custom_mods="7% increased maximum Life")
    explained = client.explain(WITCH, "Life", variation)
    assert explained.state == "explained"
    assert explained.value == client.evaluate_one(WITCH, variation, stats=["Life"])["Life"]
    lines, modifiers = explained.sections
    assert lines.lines[-1] == f"= {explained.value:g}"
    (own,) = [one for one in modifiers.modifiers if one.source == "Config"]
    assert (own.kind, own.number, own.value) == ("increased", 7.0, "+7% increased")
    assert client.explain(WITCH, "CritChance").state == "unexplained"
    with pytest.raises(pobatch.CallError, match="Lief"):
        client.explain(WITCH, "Lief")


def test_a_variation_survives_the_wire() -> None:
    for example in EXAMPLES:
        given = example.get("variation", example)
        variation = Variation.from_json(given, id="x")
        assert Variation.of(variation.to_proto()).to_proto() == variation.to_proto()


def test_results_are_a_table_for_pandas(client: pobatch.Client) -> None:
    frame = client.evaluate_all(
        WITCH, [*levels(3), Variation(id="bad", level=101)], stats=["Life", "Mana"]
    ).to_pandas()
    assert list(frame.columns) == ["Life", "Mana", "failure"]
    assert frame["Life"].notna().tolist() == [True, True, True, False]
    assert "invalid_variation" in str(frame.loc["bad", "failure"])


def test_progress_is_shown(client: pobatch.Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.evaluate_all(WITCH, levels(20), progress="levels")
    assert "levels" in capsys.readouterr().err


def test_the_tree_says_what_ways_cost(client: pobatch.Client) -> None:
    tree = client.passives(WITCH)
    assert tree.tree_version == "sample_1" and tree.points.left == tree.points.available - tree.points.used
    far = max((node for node in tree.values() if node.distance), key=lambda node: node.distance or 0)
    path = tree.path(far.id)
    assert len(path) == far.distance and path[-1] == far.id and tree[path[0]].reachable
    near = client.passives(WITCH, distance_max=1)
    assert all(node.allocated or node.reachable for node in near.values())
    by_path = client.evaluate_one(tree.base_id, Variation(allocate_path=[far.id]), stats="all")
    by_list = client.evaluate_one(tree.base_id, Variation(allocate=path), stats="all")
    assert by_path.stats == by_list.stats


def test_builds_go_in_and_out(client: pobatch.Client) -> None:
    imported = client.import_build(WITCH)
    assert imported.xml.lstrip().startswith("<")
    variation = {"allocate_path": [400], "level": 90}
    promised = client.evaluate_one(WITCH, variation, stats="all")
    exported = client.export_build(WITCH, variation, check="all")
    assert exported.stats == promised.stats
    assert client.evaluate_one(exported.share_code, stats="all").stats == promised.stats


def test_engine_and_stats_are_described(client: pobatch.Client) -> None:
    described = client.engine()
    assert described.engine.name == "sample" and described.notice
    assert any(stat.name == "Life" and stat.more_is_better for stat in client.stats())


def test_the_catalogue_says_what_variations_can_name(client: pobatch.Client) -> None:
    described = client.describe_build(WITCH)
    assert getattr(described, "class") == "Witch" and described.groups[0].gems
    for gem in client.gems(support=True)[:3]:
        added = pobatch.GemChange(group=1, add=gem.name)
        assert client.evaluate_one(WITCH, Variation(gems=[added])).ok
    (boss,) = client.config_options(contains="enemyIsBoss")
    for choice in boss.choices:
        assert client.evaluate_one(WITCH, Variation(config={boss.name: choice.value.text})).ok
    assert all("Ring 1" in base.slots for base in client.item_bases(slot="Ring 1"))
    assert client.uniques() == []


def test_builds_are_told_apart() -> None:
    assert Build.of(" <PathOfBuilding/>").xml is not None
    assert Build.of("a" * 64).base_id is not None
    assert Build.of("eNrtPQ").share_code is not None
    assert Build.read(ROOT / "examples/witch.xml").xml == WITCH
    with pytest.raises(ValueError):
        Build(xml="<a/>", share_code="x")
