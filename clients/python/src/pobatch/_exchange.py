"""One evaluation, without any input or output: what to send, what an answer means, what to do when a call breaks.

An evaluation outlives its calls, and every variation gets one outcome whatever happens in between:

* **A session**: variations are numbered as they are taken from the caller; what has no outcome when a call breaks is
  sent again in the next one, under its number.
* **A sweep** begins again. The server makes the same variations under the same numbers, if its engine is the same.
* **With a reduction** a session is sent again as a whole, since the server judges what one call has brought. Of what it
  keeps until the end, the best or a Pareto front, only that counts which came in a call that ended well.

Where calls are made again from the start, what was handed out already is not handed out twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import grpc

from pobatch._build import Build
from pobatch._errors import CallError, ConnectionLost, EngineDiffers, PobatchError
from pobatch._outcome import Header, Outcome, Results, Summary
from pobatch._retry import RetryPolicy
from pobatch._variation import Variation
from pobatch.v1 import evaluation_pb2, outcome_pb2, stats_pb2

SessionRequest = evaluation_pb2.EvaluateStreamRequest
SweepRequest = evaluation_pb2.EvaluateSweepRequest
Response = evaluation_pb2.EvaluateStreamResponse | evaluation_pb2.EvaluateSweepResponse


class Exchange(ABC):
    """The state of an evaluation."""

    def __init__(
        self, build: Build, asked: evaluation_pb2.EvaluateStreamStart | SweepRequest, policy: RetryPolicy
    ) -> None:
        self._build = build
        self._asked = asked
        self._policy = policy
        self._reduced = asked.HasField("reduction")
        self._keeps_the_best = asked.reduction.WhichOneof("keep") is not None
        self._layout: list[stats_pb2.ResolvedStat] = []
        self._scenarios: list[str] = []
        #: Of the call: what the server holds until the end.
        self._kept: list[Outcome] = []
        #: Of the call: what the server did not come to, and if there is an order to keep what is behind it.
        self._postponed: list[Outcome] = []
        self._is_summed_up = False
        self._handed_out: set[int] = set()
        self._attempts = 0
        self.header: Header | None = None
        self.summary = Summary()

    def _begin(self) -> None:
        """Begins a call."""
        if self.header is not None:
            self.summary.resumed += 1
        self._kept, self._postponed, self._is_summed_up = [], [], False
        # A name may mean nothing to the next server, and a build is sent once for each call at most.
        self._asked.base.CopyFrom(self._build.to_proto(self._asked.base.engine))

    @abstractmethod
    def _number(self, index: int) -> int:
        """The number of what the call answers at that place."""

    def _settle(self, number: int) -> None:
        """That number has its outcome. The next call may bring it once more."""
        self._handed_out.add(number)

    def receive(self, response: Response) -> Outcome | None:
        """Takes a message of the call; gives the outcome that is to be handed out."""
        match response.WhichOneof("response"):
            case "header":
                self._head(response.header)
            case "outcome":
                return self._outcome(response.outcome)
            case "summary":
                self._is_summed_up = True
                self.summary.take(response.summary, self._is_counted_by_the_server)
        return None

    @property
    def _is_counted_by_the_server(self) -> bool:
        """Not all outcomes come, but each call is about all variations."""
        return self._reduced

    def _head(self, message: evaluation_pb2.EvaluationHeader) -> None:
        header = Header.of(message)
        if self.header is None:
            self.header = header
        elif not self.header.agrees_with(header):
            raise EngineDiffers(
                f"began with {self.header.engine} {self.header.engine_version}, fingerprint "
                f"{self.header.engine_fingerprint}; the call that goes on has {header.engine} "
                f"{header.engine_version}, fingerprint {header.engine_fingerprint}, or understands the request in "
                "another way"
            )
        self._layout = list(message.stats)
        self._scenarios = [one.name for one in message.scenarios]

    def _outcome(self, message: outcome_pb2.Outcome) -> Outcome | None:
        outcome = Outcome.of(self._layout, message, self._number(message.index), self._scenarios)
        if outcome.is_unavailable or (self._postponed and self._asked.options.ordered):
            # The server did not come to it: another call may.
            self._postponed.append(outcome)
            return None
        if self._keeps_the_best and outcome.ok:
            self._kept.append(outcome)
            return None
        return self._hand_out(outcome)

    def _hand_out(self, outcome: Outcome) -> Outcome | None:
        if outcome.index in self._handed_out:
            return None
        self._attempts = 0
        if not self._is_counted_by_the_server:
            self.summary.count(outcome)
        self._settle(outcome.index)
        return outcome

    def ended(self, error: CallError | None) -> float | None:
        """The call ended; ``None``: well. Gives how long to wait before the next one; ``None``: nothing is left but
        ``rest``. Raises if another call would not help.
        """
        if error is None and not self._is_summed_up:
            error = CallError(grpc.StatusCode.UNAVAILABLE, "the stream ended without a summary")
        if error is None and not self._postponed:
            return None
        if error is not None and not self._policy.may_help(error.code):
            raise error
        self._attempts += 1
        if self._attempts < self._policy.attempts:
            return self._policy.pause(self._attempts, error.pushback_seconds if error is not None else None)
        if error is not None:
            raise ConnectionLost(error.code, f"{error.message} (given up after {self._attempts} tries)")
        return None

    def rest(self) -> Iterator[Outcome]:
        """What is handed out at the end: what was kept, and what no call came to in spite of all tries."""
        for outcome in [*self._kept, *self._postponed]:
            handed_out = self._hand_out(outcome)
            if handed_out is not None:
                yield handed_out

    def results(self, outcomes: Iterable[Outcome]) -> Results:
        """All of it: in the order of the variations, or of what the reduction kept."""
        if self.header is None:
            raise PobatchError("it ended before it had begun")
        ordered = outcomes if self._keeps_the_best else sorted(outcomes, key=lambda outcome: outcome.index)
        return Results(self.header, tuple(ordered), self.summary)


class Session(Exchange):
    """The state of an evaluation of variations that the caller makes."""

    def __init__(
        self,
        build: Build,
        start: evaluation_pb2.EvaluateStreamStart,
        in_flight_max: int,
        policy: RetryPolicy,
    ) -> None:
        super().__init__(build, start, policy)
        self._start = start
        self._in_flight_max = in_flight_max
        #: Without an outcome, by number. With a reduction: all.
        self._pending: dict[int, Variation] = {}
        self._unsent: deque[int] = deque()
        #: The numbers of the call's variations, in the order in which they were sent.
        self._sent: list[int] = []
        self._answered_of_call = 0
        self._taken = 0
        self._exhausted = False

    def begin(self) -> SessionRequest:
        """Begins a call: its first message."""
        self._begin()
        self._sent = []
        self._answered_of_call = 0
        self._unsent = deque(self._pending)
        return SessionRequest(start=self._start)

    def next_message(self, take: Callable[[], Variation | None]) -> SessionRequest | None:
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
        return SessionRequest(variation=self._pending[number].to_proto())

    @property
    def is_all_sent(self) -> bool:
        """Whether nothing more is to be sent in this call."""
        return self._exhausted and not self._unsent

    def _number(self, index: int) -> int:
        self._answered_of_call += 1
        return self._sent[index]

    def _settle(self, number: int) -> None:
        if self._reduced:
            super()._settle(number)
        else:
            # No call is sent it again.
            del self._pending[number]


class SweepRun(Exchange):
    """The state of an evaluation of variations that the server makes."""

    def __init__(self, build: Build, request: SweepRequest, policy: RetryPolicy) -> None:
        super().__init__(build, request, policy)
        self._request = request

    def begin(self) -> SweepRequest:
        """Begins a call: its only message."""
        self._begin()
        return self._request

    def _number(self, index: int) -> int:
        return index

    @property
    def _is_counted_by_the_server(self) -> bool:
        return True
