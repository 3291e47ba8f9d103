"""One evaluation, without any input or output: what to send, what an answer means, what to do when a call breaks.

An evaluation outlives its calls. Variations are numbered as they are taken from the caller; what has no outcome when a
call breaks is sent again in the next one, under its number, so every variation gets one outcome whatever happens in
between. With a reduction the server holds the best until the end, so that all variations are sent again, and what was
handed out already is not handed out twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import grpc

from pobatch._build import Build
from pobatch._errors import CallError, ConnectionLost
from pobatch._outcome import Header, Outcome, Results, Summary
from pobatch._retry import RetryPolicy
from pobatch._variation import Variation
from pobatch.v1 import evaluation_pb2, outcome_pb2, stats_pb2

Request = evaluation_pb2.EvaluateStreamRequest
Response = evaluation_pb2.EvaluateStreamResponse


class Exchange:
    """The state of an evaluation."""

    def __init__(
        self,
        build: Build,
        start: evaluation_pb2.EvaluateStreamStart,
        in_flight_max: int,
        policy: RetryPolicy,
    ) -> None:
        self._build = build
        self._start = start
        self._in_flight_max = in_flight_max
        self._policy = policy
        self._reduced = start.HasField("reduction")
        #: Without an outcome, by number. With a reduction: all.
        self._pending: dict[int, Variation] = {}
        self._unsent: deque[int] = deque()
        #: The numbers of the call's variations, in the order in which they were sent.
        self._sent: list[int] = []
        self._answered_of_call = 0
        self._taken = 0
        self._exhausted = False
        self._handed_out: set[int] = set()
        self._postponed: dict[int, Outcome] = {}
        self._attempts = 0
        self._layout: list[stats_pb2.ResolvedStat] = []
        self._scenarios: list[str] = []
        self.header: Header | None = None
        self.summary = Summary()

    def begin(self) -> Request:
        """Begins a call: its first message."""
        if self.header is not None:
            self.summary.resumed += 1
        self._sent = []
        self._answered_of_call = 0
        self._unsent = deque(self._pending)
        self._postponed = {}
        # A name may mean nothing to the next server, and a build is sent once for each call at most.
        self._start.base.CopyFrom(self._build.to_proto(self._start.base.engine))
        return Request(start=self._start)

    def next_message(self, take: Callable[[], Variation | None]) -> Request | None:
        """The next variation to send, if there is room for one. ``take`` gives new ones, and ``None`` at the end."""
        if not self._reduced and len(self._sent) - self._answered_of_call >= self._in_flight_max:
            return None
        if not self._unsent and not self._exhausted:
            variation = take()
            if variation is None:
                self._exhausted = True
            else:
                self._pending[self._taken] = variation
                self._unsent.append(self._taken)
                self._taken += 1
        if not self._unsent:
            return None
        number = self._unsent.popleft()
        self._sent.append(number)
        return Request(variation=self._pending[number].to_proto())

    @property
    def is_all_sent(self) -> bool:
        """Whether nothing more is to be sent in this call."""
        return self._exhausted and not self._unsent

    def receive(self, response: Response) -> Outcome | None:
        """Takes a message of the call; gives the outcome that is to be handed out."""
        match response.WhichOneof("response"):
            case "header":
                self._layout = list(response.header.stats)
                self._scenarios = [one.name for one in response.header.scenarios]
                if self.header is None:
                    self.header = Header.of(response.header)
            case "outcome":
                return self._outcome(response.outcome)
            case "summary":
                self.summary.take(response.summary, self._reduced)
        return None

    def _outcome(self, message: outcome_pb2.Outcome) -> Outcome | None:
        self._answered_of_call += 1
        number = self._sent[message.index]
        outcome = Outcome.of(self._layout, message, number, self._scenarios)
        if outcome.is_unavailable:
            # The server did not come to it: another call may.
            self._postponed[number] = outcome
            return None
        return self._hand_out(outcome)

    def _hand_out(self, outcome: Outcome) -> Outcome | None:
        if outcome.index in self._handed_out:
            return None
        self._attempts = 0
        if self._reduced:
            self._handed_out.add(outcome.index)
        else:
            del self._pending[outcome.index]
            self.summary.count(outcome)
        return outcome

    def ended(self) -> float | None:
        """The call ended well. ``None``: so did the evaluation; else how long to wait before the next call."""
        if not self._postponed:
            return None
        self._attempts += 1
        return None if self._attempts >= self._policy.attempts else self._policy.pause(self._attempts, None)

    def given_up(self) -> Iterator[Outcome]:
        """What no call came to, in spite of all tries."""
        for outcome in list(self._postponed.values()):
            handed_out = self._hand_out(outcome)
            if handed_out is not None:
                yield handed_out

    def broken(self, error: CallError) -> float:
        """The call broke: how long to wait before the next one. Raises if another one would not help."""
        if not self._policy.may_help(error.code):
            raise error
        self._attempts += 1
        if self._attempts >= self._policy.attempts:
            raise ConnectionLost(error.code, f"{error.message} (given up after {self._attempts} tries)")
        return self._policy.pause(self._attempts, error.pushback_seconds)


class SweepAnswer:
    """The answer to a sweep: one call, whose messages are gathered."""

    def __init__(self, reduced: bool) -> None:
        self._reduced = reduced
        self._layout: list[stats_pb2.ResolvedStat] = []
        self._header: Header | None = None
        self._outcomes: list[Outcome] = []
        self._summary = Summary()

    def receive(self, response: evaluation_pb2.EvaluateSweepResponse) -> int:
        """Takes a message; says how many outcomes it brought."""
        match response.WhichOneof("response"):
            case "header":
                self._layout = list(response.header.stats)
                self._header = Header.of(response.header)
            case "outcome" if self._header is not None:
                message = response.outcome
                outcome = Outcome.of(self._layout, message, message.index, self._header.scenarios)
                self._outcomes.append(outcome)
                return 1
            case "summary":
                # The server counts all of them, whether or not the client saw them.
                self._summary.take(response.summary, True)
        return 0

    def results(self) -> Results:
        """All of it: in the order of the sweep, or of the reduction."""
        if self._header is None:
            raise CallError(grpc.StatusCode.INTERNAL, "the answer has no header")
        if not self._reduced:
            self._outcomes.sort(key=lambda outcome: outcome.index)
        return Results(self._header, tuple(self._outcomes), self._summary)
