"""What every proposer shares: the outcomes, the spending limit, the history and the study that mirrors it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragscout.model.results.board import Goal, Note
from ragscout.search.contract import Block, Request
from ragscout.search.factor.prior import RetrievalPrior
from ragscout.search.notes import reused_note, screen_note
from ragscout.search.outcomes import Outcomes
from ragscout.search.prefixes import parents
from ragscout.search.rounds import Policy
from ragscout.search.samplers.mirror import MirroredEvent, StudyMirror, TrialState
from ragscout.search.space import EncodedSpace, SpaceTable, encode
from ragscout.search.state import Depth, SearchState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class BaseProposer:
    """State is a pure function of (space, questions, goal, seed, told rounds).

    ``questions``: development question ids in the common order, ``weights`` how much each counts in the goal's mean
    (mean 1, empty when all count alike). ``answers``: the most questions that may be asked of
    generating configurations in total, ``None`` for no limit. ``storage``: where the Optuna study lies (see
    ``StudyMirror``), ``None`` for no study at all.
    """

    def __init__(
        self,
        space: SpaceTable,
        questions: Sequence[str],
        goal: Goal,
        seed: int,
        answers: int | None,
        policy: Policy,
        *,
        sweep: str = "sweep",
        storage: str | None = None,
        weights: Sequence[float] = (),
    ) -> None:
        self.space: EncodedSpace = encode(space)
        self.goal, self.seed, self.answers, self.policy = goal, seed, answers, policy
        self.outcomes = Outcomes(self.space.keys, questions, goal, weights)
        self.stopped: set[int] = set()
        """Rows given up by the paired boundary; they get no further question."""
        self.first_asked: list[int] = []
        """Rows with answers in the order they came in."""
        self._told: set[int] = set()
        self.spent = self.reused = self._reused_rows = self._reused_spent = 0
        self.building: Mapping[str, float] = {}
        """Seconds of building what a retrieval prefix still lacks, by its key, where that is known."""
        self._everyone = len(self.space.candidates)
        counting = dict(zip(questions, weights, strict=True)) if weights else None
        self.prior = RetrievalPrior(self.space.configurations, parents(self.space.configurations), counting)
        self.rounds = 0
        self._adjusted: tuple[int, NDArray[np.float64]] | None = None
        self._events: list[MirroredEvent] = []
        self._mirror = None if storage is None else StudyMirror(storage, sweep, self.space, goal.higher)

    def ask(self, n: int) -> Sequence[Request]:
        """At most ``n`` requests of the next round; empty when the search is over. Asking twice gives the same."""
        if n < 1:
            return []
        if self.policy.keep < 1:
            self.space = replace(self.space, candidates=self.prior.best(self.space, self.policy.keep))
        return self._requests(self._round())[:n]

    def tell(self, blocks: Sequence[Block]) -> None:
        """Blocks of the round, in request order. Also brings the study up to date."""
        self._take(blocks)
        self.sync()

    def restore(self, requests: Sequence[Request], blocks: Sequence[Block]) -> None:
        """Replay one journalled round without asking anew; the study follows at the next ``tell`` or ``sync``."""
        self._take(blocks)

    def know(self, blocks: Sequence[Block], free: bool = True) -> None:
        """Take what was measured before this sweep, before the first round. ``free``: it does not count against the
        limit on answers."""
        before = self.spent
        counted = int(self.outcomes.answered().sum())
        self._take(blocks, free)
        self.reused += int(self.outcomes.answered().sum()) - counted
        self._reused_rows += len({block.configuration.key for block in blocks})
        self._reused_spent += self.spent - before

    def allow(self, answers: int) -> None:
        """From here on at most so many further answers are asked; an own limit that is lower stays."""
        allowed = self.spent + answers
        self.answers = allowed if self.answers is None else min(self.answers, allowed)

    def finals(self) -> Sequence[Request]:
        """Return what is still to be measured for those that may win. When nothing is left, the study is closed."""
        requests = self._requests(self._finals())
        if not requests:
            self.close()
        return requests

    def close(self) -> None:
        """End of the sweep: trials that are still open are told as complete with the mean of what they answered."""
        for row in range(len(self.space.keys)):
            if self.outcomes.asked[row].any() and row not in self._told:
                self._complete(row)
        self.sync()

    def sync(self) -> None:
        """Bring the persistent study to the state of the history."""
        if self._mirror is not None:
            self._mirror.sync(self._events)

    def notes(self) -> tuple[Note, ...]:
        """Return what the board must say about how the search went."""
        reused = (reused_note(self.reused, self._reused_rows, self.spent - self._reused_spent),) if self.reused else ()
        left_out = self._everyone - len(self.space.candidates)
        screened = (screen_note(left_out, self._everyone, self.policy.keep),) if left_out else ()
        return (*reused, *screened, *self._notes())

    def _notes(self) -> tuple[Note, ...]:
        return ()

    def study(self) -> Any:
        """Return the ``optuna.Study`` as of the last ``sync``, ``None`` without one."""
        return None if self._mirror is None else self._mirror.study()

    def progress(self) -> SearchState:
        """Return the state that the policy decides from."""
        return SearchState(
            self.space, self.outcomes, self.policy, self.stopped, self.answers, self.spent, self._estimates()
        )

    def _estimates(self) -> NDArray[np.float64]:
        """Return adjusted means, computed once a round."""
        if self._adjusted is None or self._adjusted[0] != self.rounds:
            self._adjusted = self.rounds, self.outcomes.estimates()
        return self._adjusted[1]

    def _round(self) -> Sequence[Depth]:
        raise NotImplementedError

    def _finals(self) -> Sequence[Depth]:
        return []

    def _requests(self, wants: Sequence[Depth]) -> list[Request]:
        """Wants as requests: the first questions in the common order that the row was not asked, within the limit."""
        left = None if self.answers is None else max(0, self.answers - self.spent)
        requests: list[Request] = []
        for want in wants:
            configuration = self.space.configurations[want.row]
            questions = self._questions(want)
            if left is not None and configuration.generates:
                questions = questions[:left]
                left -= len(questions)
            if questions:
                requests.append(Request(configuration, questions, want.reason))
        return requests

    def _questions(self, want: Depth) -> tuple[str, ...]:
        return self.outcomes.missing(want.row, want.count)

    def _take(self, blocks: Sequence[Block], free: bool = False) -> None:
        """Learn from blocks; ``free`` ones do not count against the limit."""
        self.rounds += 1
        for block in blocks:
            row = self.space.index.get(block.configuration.key)
            if row is None:
                self.prior.add(block)
                continue
            self.prior.bought(row, block)
            before = int(self.outcomes.asked[row].sum())
            self.outcomes.add(block)
            new = int(self.outcomes.asked[row].sum()) - before
            if new and not before:
                self.first_asked.append(row)
            if block.configuration.generates and not free:
                self.spent += new
            self._learn(row)
        for row in sorted(self._to_stop()):
            self.stopped.add(row)
            if row not in self._told:
                self._complete(row)

    def _to_stop(self) -> set[int]:
        return set()

    def _learn(self, row: int) -> None:
        if row in self._told:
            return
        if row in self.outcomes.failed:
            self._record(row, "fail")
        elif self.outcomes.asked[row].all():
            self._complete(row)
        else:
            self._record(row, "running")

    def _complete(self, row: int) -> None:
        self._record(row, "complete" if self.outcomes.mean(row) is not None else "fail")

    def _record(self, row: int, state: TrialState) -> None:
        if state != "running":
            self._told.add(row)
        usage = self.outcomes.usage.get(row)
        n = int(self.outcomes.asked[row].sum())
        attributes: dict[str, object] = {
            "name": self.space.configurations[row].label(),
            "n": n,
            "scores": self.outcomes.means(row),
            "cost": None if usage is None else usage.money,
            "seconds": 0.0 if usage is None else usage.seconds,
        }
        if row in self.outcomes.failed:
            attributes["failed"] = self.outcomes.failed[row]
        self._events.append(
            MirroredEvent(self.space.keys[row], self.space.params(row), state, n, self.outcomes.mean(row), attributes)
        )
