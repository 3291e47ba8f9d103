"""Several engines in one server: every call finds the one that is named."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import grpc
import pytest
from conftest import WITCH, Served

import pobatch
from pobatch import Sweep, Variation

#: What each call is given besides the engine.
CALLS: dict[str, tuple[Any, ...]] = {
    "config_options": (),
    "describe_build": (WITCH,),
    "engine": (),
    "evaluate": (WITCH, [Variation(level=70)]),
    "evaluate_all": (WITCH, [Variation(level=70)]),
    "evaluate_one": (WITCH,),
    "evaluate_sweep": (WITCH, Sweep.removable()),
    "explain": (WITCH, "Life"),
    "export_build": (WITCH,),
    "gems": (),
    "import_build": (WITCH,),
    "item_bases": (),
    "passives": (WITCH,),
    "stats": (),
    "sweep": (WITCH, Sweep.removable()),
    "uniques": (),
}
#: They are about no engine.
OTHERS = {"close", "engines"}


@pytest.fixture(scope="module")
def two() -> Iterator[Served]:
    served = Served("--engine", "a=sample", "--engine", "b=sample")
    yield served
    served.stop()


@pytest.mark.parametrize("kind", [pobatch.Client, pobatch.AsyncClient])
def test_every_call_takes_an_engine(kind: type) -> None:
    public = {name for name, member in inspect.getmembers(kind) if name[0] != "_" and callable(member)}
    assert public == {*CALLS, *OTHERS}


def test_engines_are_listed_and_described(two: Served) -> None:
    with pobatch.Client(two.endpoint) as client:
        engines = client.engines()
        assert [(one.name, one.kind, one.version) for one in engines] == [
            ("a", "sample", "1.0.0"),
            ("b", "sample", "1.0.0"),
        ]
        assert [client.engine(one.name).engine for one in engines] == engines
        assert client.engine() == client.engine(engine="a")


def test_a_base_belongs_to_the_engine_that_was_named(two: Served) -> None:
    with pobatch.Client(two.endpoint) as client:
        ids = {name: client.passives(WITCH, engine=name).base_id for name in ("", "a", "b")}
        assert ids[""] == ids["a"] != ids["b"]
        for name in ("a", "b"):
            assert client.import_build(WITCH, engine=name).base_id == ids[name]
            assert client.explain(WITCH, "Life", engine=name).base_id == ids[name]
            headers = [
                client.evaluate(WITCH, [Variation()], engine=name).header,
                client.evaluate_all(WITCH, [Variation()], engine=name).header,
                client.sweep(WITCH, Sweep.removable(), engine=name).header,
                client.evaluate_sweep(WITCH, Sweep.removable(), engine=name).header,
                # The base's own engine need not be named.
                client.evaluate_all(ids[name], [Variation()]).header,
            ]
            assert {(header.engine, header.base_id) for header in headers} == {(name, ids[name])}


@pytest.mark.parametrize("name", CALLS)
def test_an_engine_that_is_not_there_is_said_so(two: Served, name: str) -> None:
    with pobatch.Client(two.endpoint) as client:

        def call(engine: str) -> None:
            answer = getattr(client, name)(*CALLS[name], engine=engine)
            if isinstance(answer, Iterator):
                assert list(answer)

        call("b")
        with pytest.raises(pobatch.CallError, match="`c`") as caught:
            call("c")
        assert caught.value.code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name", CALLS)
async def test_the_one_that_does_not_block_says_so_too(two: Served, name: str) -> None:
    async with pobatch.AsyncClient(two.endpoint) as client:

        async def call(engine: str) -> None:
            answer = getattr(client, name)(*CALLS[name], engine=engine)
            if isinstance(answer, AsyncIterator):
                assert [one async for one in answer]
            else:
                assert isinstance(answer, Awaitable)
                await answer

        assert [one.name for one in await client.engines()] == ["a", "b"]
        await call("b")
        with pytest.raises(pobatch.CallError, match="`c`") as caught:
            await call("c")
        assert caught.value.code is grpc.StatusCode.NOT_FOUND
