"""How calls are made that block, and made again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc

from pobatch import _calls as calls
from pobatch._access import Access, Target
from pobatch._calls import Method, RequestT, ResponseT
from pobatch._errors import CallError
from pobatch._links import Link, Links
from pobatch._retry import RetryPolicy


def _connect(target: Target) -> grpc.Channel:
    if target.credentials is None:
        return grpc.insecure_channel(target.address, options=calls.OPTIONS)
    return grpc.secure_channel(target.address, target.credentials, options=calls.OPTIONS)


class Connection:
    """What carries calls to the servers."""

    def __init__(self, access: Access, policy: RetryPolicy) -> None:
        self.policy = policy
        #: What goes with every call: a secret is among it.
        self.metadata = access.metadata
        self.links = Links(access, _connect)

    def close(self) -> None:
        """Closes it; calls that still run are given up."""
        for channel in self.links.all():
            channel.close()

    def move_on(self, link: Link[grpc.Channel]) -> None:
        """Makes the next call elsewhere than on that link."""
        for channel in self.links.leave(link):
            channel.close()

    def pages(self, method: Method[RequestT, ResponseT], request: RequestT) -> Iterator[ResponseT]:
        """The answers to a request for a list, page by page."""
        more = True
        while more:
            answer = self.ask(method, request)
            yield answer
            more = calls.turn_page(request, answer)

    def ask(
        self, method: Method[RequestT, ResponseT], request: RequestT, timeout: float | None = None
    ) -> ResponseT:
        """The answer to a question, asked as often as it may help."""
        attempt = 0
        while True:
            link = self.links.take()
            call = link.channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            try:
                response: ResponseT = call(request, timeout=timeout, metadata=self.metadata)
                return response
            except grpc.RpcError as error:
                failed = CallError.of(error)
            finally:
                self.links.give_back(link)
            attempt += 1
            if attempt >= self.policy.attempts or not self.policy.may_help(failed.code):
                raise failed
            time.sleep(self.policy.pause(attempt, failed.pushback_seconds))
            self.move_on(link)
