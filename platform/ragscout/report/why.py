"""Why a configuration stands where it does: its path, its knobs, and the questions it wins and loses.

Development questions only: the hold-out is never read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ragscout.board.effects import Effect, Effects
from ragscout.board.pairs import paired_values
from ragscout.board.question_weights import weights_of
from ragscout.model.config import Configuration
from ragscout.model.errors import UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, Goal, Mark, Paired
from ragscout.model.results.board import Row as BoardRow
from ragscout.model.results.calibration import Standing
from ragscout.model.results.measured import goal_value
from ragscout.model.text import language
from ragscout.record.recorder import RecordedRow, Snapshot
from ragscout.report.passages import ShownPassage
from ragscout.stats.rounding import rounded

EXAMPLES = 10
SAME = 1e-12

Passages = Callable[[Configuration, Question], tuple[ShownPassage, ...]]


@dataclass(frozen=True)
class PathStep:
    """One stage of a configuration with the parameters that differ from the step's defaults."""

    stage: str
    use: str
    version: int
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class QuestionDifference:
    """A knob whose value differs between the row and the rival; ``–`` where one does not have it."""

    knob: str
    own: str
    rival: str


@dataclass(frozen=True)
class GroupDuel:
    """The row against the rival on a group of questions both were scored on. ``kind``: ``type``, ``slice``,
    ``document``, ``language`` or ``answerable``. ``difference``: mean of row minus rival on the goal's scale."""

    kind: str
    name: str
    n: int
    wins: int
    losses: int
    difference: float


@dataclass(frozen=True)
class Side:
    """What one configuration made of a question. ``score`` is ``None`` where the measurement failed."""

    score: float | None
    failure: str
    answer: str
    passages: tuple[ShownPassage, ...]


@dataclass(frozen=True)
class Example:
    """A question on which the two differ. ``difference``: row minus rival, positive where the row is better."""

    id: str
    question: str
    references: tuple[str, ...]
    difference: float
    own: Side
    rival: Side


@dataclass(frozen=True)
class Why:
    """The explanation of one row. ``rival`` is the leader, or the second row when the leader itself is asked about;
    empty when there is no other row. ``duel``: row minus rival on all common questions. ``predicted``: what the
    knobs alone give. ``trusted``: whether the factor model passed its check; ``fit`` says how it was checked.
    ``judge``: how far the judge behind the metric is trusted."""

    sweep: str
    eval_set: str
    metric: str
    key: str
    name: str
    rank: int
    marks: tuple[Mark, ...]
    answered: int
    questions: int
    estimate: float | None
    path: tuple[PathStep, ...]
    contributions: tuple[Effect, ...]
    predicted: float | None
    trusted: bool
    fit: Mapping[str, float]
    rival: str
    rival_key: str
    differs: tuple[QuestionDifference, ...]
    duel: Paired | None
    groups: tuple[GroupDuel, ...]
    examples: tuple[Example, ...]
    failed: str = ""
    judge: Standing | None = None

    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def find_row(board: Board, wanted: str) -> BoardRow:
    """Return a row with answers by name, rank or start of a key; the recommended one for an empty text.

    Raises:
        UnknownNameError: none, or more than one.
    """
    if not wanted.strip():
        best = board.recommended()
        found: tuple[BoardRow, ...] = (best,) if best else board.rows[:1]
    else:
        everything = board.find(wanted)
        # a retrieval-only row may have the same rank or name as a complete one, which is what is meant then
        found = tuple(row for row in everything if row in board.rows) or everything
    if len(found) != 1:
        raise UnknownNameError(board.sweep, "row of the board", wanted or "recommended", _names(board))
    return found[0]


def why(
    snapshot: Snapshot,
    space: Sequence[Configuration],
    wanted: str,
    passages: Passages,
    fitted: Effects | None = None,
) -> Why:
    """Explain a row. ``space``: every configuration of the sweep; ``passages``: reads an answer's passages;
    ``fitted``: the factor model of the rows that generate, when it is there already.

    Raises:
        UnknownNameError: no such row.
    """
    board = snapshot.board
    chosen = find_row(board, wanted)
    rows = {row.configuration.key: row for row in snapshot.rows}
    own = rows[chosen.key]
    goal = board.goal if chosen in board.rows else replace(board.goal, metric=_retrieval_goal(board))
    rival_row = _rival(board, chosen)
    rival = rows.get(rival_row.key) if rival_row is not None else None
    questions = snapshot.eval_set.development
    effects = fitted or Effects(
        [item for item in space if item.generates == own.configuration.generates] or [own.configuration],
        {key: row.scores for key, row in rows.items()},
        [question.id for question in questions],
        goal,
        weights_of(questions),
    )
    fit = effects.fit()
    pairs = _pairs(own, rival, questions, goal) if rival is not None else []
    return Why(
        sweep=board.sweep,
        eval_set=board.eval_set,
        metric=goal.metric,
        key=chosen.key,
        name=chosen.name,
        rank=chosen.rank,
        marks=chosen.marks,
        answered=chosen.answered,
        questions=board.questions,
        estimate=chosen.estimate,
        path=path_of(own.configuration),
        contributions=effects.contributions(chosen.key),
        predicted=effects.predicted(chosen.key),
        trusted=fit.passed,
        fit={"blocks": fit.blocks, "spread": fit.spread, "interaction": fit.interaction},
        rival=rival_row.name if rival_row is not None else "",
        rival_key=rival_row.key if rival_row is not None else "",
        differs=_differs(own.configuration, rival.configuration) if rival is not None else (),
        duel=paired_values([own for _, own, _ in pairs], [rival for _, _, rival in pairs], goal),
        groups=groups(pairs, goal),
        examples=_examples(pairs, own, rival, goal, passages) if rival is not None else (),
        failed=chosen.failed,
        judge=board.standing(goal.metric),
    )


def path_of(configuration: Configuration) -> tuple[PathStep, ...]:
    """Return the configuration's steps in graph order."""
    return tuple(
        PathStep(
            stage, step.name, step.version, {name: _shown(value) for name, value in sorted(step.parameters().items())}
        )
        for stage, step in configuration.steps.items()
    )


def groups(pairs: Sequence[tuple[Question, float, float]], goal: Goal) -> tuple[GroupDuel, ...]:
    """Wins, losses and mean difference by question type, slice, document, language and answerability; a kind with a
    single group says nothing and is left out. The groups that differ most come first within their kind."""
    members: dict[tuple[str, str], list[float]] = {}
    for question, own, rival in pairs:
        for kind, name in _labels(question):
            members.setdefault((kind, name), []).append(own - rival)
    kinds: dict[str, list[GroupDuel]] = {}
    for (kind, name), values in members.items():
        better = [value * goal.sign for value in values]
        kinds.setdefault(kind, []).append(
            GroupDuel(
                kind,
                name,
                len(values),
                sum(value > SAME for value in better),
                sum(value < -SAME for value in better),
                rounded(sum(values) / len(values)),
            )
        )
    order = ("type", "slice", "answerable", "language", "document")
    return tuple(
        item
        for kind in order
        if len(kinds.get(kind, ())) > 1
        for item in sorted(kinds[kind], key=lambda item: (-abs(item.difference) * item.n, item.name))
    )


def _labels(question: Question) -> Iterable[tuple[str, str]]:
    if question.type:
        yield "type", question.type
    if question.slice:
        yield "slice", question.slice
    yield "answerable", "answerable" if question.answerable else "unanswerable"
    yield "language", language(question.text)
    for document in sorted({span.document for span in question.evidence} | set(question.documents)):
        yield "document", document


def _rival(board: Board, chosen: BoardRow) -> BoardRow | None:
    table = board.rows if chosen in board.rows else board.retrieval
    best = board.leader() if chosen in board.rows else (table[0] if table else None)
    if best is not None and best.key != chosen.key:
        return best
    return next((row for row in table if row.key != chosen.key and row.answered and not row.failed), None)


def _retrieval_goal(board: Board) -> str:
    return board.retrieval_figures[0] if board.retrieval_figures else board.goal.metric


def _names(board: Board) -> list[str]:
    return [row.name for row in (*board.rows, *board.retrieval)]


def _pairs(
    own: RecordedRow, rival: RecordedRow, questions: Sequence[Question], goal: Goal
) -> list[tuple[Question, float, float]]:
    found = []
    for question in questions:
        first, second = (goal_value(row.scores.get(question.id, {}).get(goal.metric), goal) for row in (own, rival))
        if first is not None and second is not None:
            found.append((question, first, second))
    return found


def _differs(own: Configuration, rival: Configuration) -> tuple[QuestionDifference, ...]:
    names = dict.fromkeys([*own.knobs, *rival.knobs])
    return tuple(
        QuestionDifference(name, own.knobs.get(name, "–"), rival.knobs.get(name, "–"))
        for name in names
        if own.knobs.get(name) != rival.knobs.get(name)
    )


def _examples(
    pairs: Sequence[tuple[Question, float, float]],
    own: RecordedRow,
    rival: RecordedRow | None,
    goal: Goal,
    passages: Passages,
) -> tuple[Example, ...]:
    if rival is None:
        return ()
    differing = [item for item in pairs if abs(item[1] - item[2]) > SAME]
    largest = sorted(differing, key=lambda item: (-abs(item[1] - item[2]), item[0].id))[:EXAMPLES]
    return tuple(
        Example(
            question.id,
            question.text,
            question.references,
            rounded((first - second) * goal.sign),
            _side(own, question, goal, passages),
            _side(rival, question, goal, passages),
        )
        for question, first, second in largest
    )


def _side(row: RecordedRow, question: Question, goal: Goal, passages: Passages) -> Side:
    outcome: Score | Failure | None = row.scores.get(question.id, {}).get(goal.metric)
    return Side(
        goal_value(outcome, goal),
        outcome.kind if isinstance(outcome, Failure) else "",
        row.answers.get(question.id, ""),
        passages(row.configuration, question),
    )


def _shown(value: object) -> str:
    return str(getattr(value, "label", None) or getattr(value, "model", None) or value)
