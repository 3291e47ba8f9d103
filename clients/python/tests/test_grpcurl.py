"""The lines of docs/grpcurl.md: each request is one that the API takes, and each answer is what a server says.

grpcurl itself is not needed: it writes messages as the JSON that protobuf defines, which is what is compared here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from conftest import ROOT, WITCH, Served
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor

from pobatch.v1 import admin_pb2, catalog_pb2, evaluation_pb2

SERVICES = {
    service.full_name: service
    for file in (admin_pb2, catalog_pb2, evaluation_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
}
LINE = re.compile(r"^\$ grpcurl -plaintext -d '([^\n]+)' \\\n    127\.0\.0\.1:(\d+) ([\w.]+)/(\w+)\n(.*?)^```", re.M | re.S)
BLOCKS = LINE.findall((ROOT / "docs/grpcurl.md").read_text()) if (ROOT / "docs/grpcurl.md").exists() else []
#: What differs from run to run.
VOLATILE = re.compile(
    r'"(elapsedTime|queueTime|computeTime|startedAt|observedAt|lastResetAt|pid|path|shard|generation|heapBytes|previous'
    r'|fingerprint|shareCode|busyTime|residentBytes)": .*'
)


def method_of(service: str, name: str) -> MethodDescriptor:
    method: MethodDescriptor = SERVICES[service].methods_by_name[name]
    return method


def messages(method: MethodDescriptor, text: str) -> list[Any]:
    """The messages of a request: JSON objects, one behind the other."""
    decoder, rest, found = json.JSONDecoder(), text.strip(), []
    kind = message_factory.GetMessageClass(method.input_type)
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(json_format.ParseDict(value, kind()))
        rest = rest[end:].lstrip()
    return found


def called(endpoint: str, path: str, request: str) -> list[str]:
    """Makes the call, and gives the answer's messages as grpcurl prints them."""
    service, name = path.split("/")
    method = method_of(service, name)
    given = messages(method, request)
    response = message_factory.GetMessageClass(method.output_type)
    with grpc.insecure_channel(endpoint) as channel:
        many_in, many_out = method.client_streaming, method.server_streaming
        kind = ("stream" if many_in else "unary") + "_" + ("stream" if many_out else "unary")
        call = getattr(channel, kind)(
            f"/{path}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        answer = call(iter(given)) if many_in else call(given[0])
        return [json_format.MessageToJson(one, indent=2) for one in (answer if many_out else [answer])]


def settled(text: str) -> list[str]:
    """Lines without what differs from run to run, and without what says that more would follow."""
    return [line.rstrip(",").rstrip() for line in VOLATILE.sub("", text).splitlines() if line.strip(" ,")]


def is_shown(line: str, shown: str) -> bool:
    """Whether a line is the one that stands in the document; long ones end there with three points."""
    return line.startswith(shown.removesuffix('..."')) if shown.endswith('..."') else line == shown


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served("--admin-listen", "127.0.0.1:0")
    yield served
    served.stop()


def test_every_call_is_shown() -> None:
    text = (ROOT / "docs/grpcurl.md").read_text()
    for service in SERVICES.values():
        for method in service.methods:
            assert f"{service.full_name}/{method.name}" in text
    assert len(BLOCKS) >= 20 and text.count("$ grpcurl -plaintext -d '") == len(BLOCKS)


@pytest.mark.parametrize("request_text, service, name", [(block[0], block[2], block[3]) for block in BLOCKS])
def test_every_request_is_one_that_the_api_takes(request_text: str, service: str, name: str) -> None:
    assert messages(method_of(service, name), request_text)


def test_every_answer_is_what_a_server_says(served: Served) -> None:
    (base_id,) = set(re.findall(r"[0-9a-f]{64}", " ".join(block[0] for block in BLOCKS)))
    imported = called(
        served.endpoint, "pobatch.v1.CatalogService/ImportBuild", json.dumps({"base": {"xml": WITCH}})
    )
    assert json.loads(imported[0])["baseId"] == base_id
    for request_text, _, service, name, shown in BLOCKS:
        endpoint = served.admin if service.endswith("AdminService") else served.endpoint
        got = settled("\n".join(called(endpoint, f"{service}/{name}", request_text)))
        is_cut = shown.rstrip().endswith("\n...")
        expected = settled(shown.rstrip().removesuffix("..."))
        assert len(got) == len(expected) or (is_cut and len(got) > len(expected)), f"{service}/{name}: {got}"
        for line, wanted in zip(got, expected, strict=False):
            assert is_shown(line, wanted), f"{service}/{name}: {line}, and not {wanted}"
