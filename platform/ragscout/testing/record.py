"""Conformance kit of recorders, and snapshots of a small made-up sweep to try them with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ragscout.model.config import Configuration, source_node
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, FigureStat, Goal, Mark, Note, RowCost
from ragscout.model.results.board import Row as BoardRow
from ragscout.model.step import Step
from ragscout.record.recorder import RecordedRow, Recorder, Snapshot

GOAL = "judge.correctness"
FIGURES = (Figure(GOAL, pass_level=0.5), Figure("recall@5"), Figure("doc.recall@5"))
SPEC = "sweep: example\neval_set: example@1\npipeline: {}\n"
_TEXTS = {"en": "What does rule {n} say about leave?", "ko": "규정 {n}조는 연차에 대해 무엇이라고 하나요?"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Answerer(Step):
    """Stands for a whole pipeline: only its key matters to a recorder."""

    stage: ClassVar[str] = "generate"
    name: ClassVar[str] = "example"
    label_: str = ""


def questions(count: int, language: str = "en") -> tuple[Question, ...]:
    """Made-up questions with references, in English or Korean."""
    text = _TEXTS[language]
    answer = "규정을 따릅니다." if language == "ko" else "It follows the rule."
    return tuple(Question(f"q{n}", text.format(n=n), (answer,)) for n in range(count))


def configuration(name: str, knobs: Mapping[str, str]) -> Configuration:
    """Return a configuration whose key follows from its knobs."""
    label = f"{name}:{sorted(knobs.items())}"
    return Configuration({"generate": _Answerer(label_=label)}, source_node("0" * 64), dict(knobs), name)


def snapshot(
    sequence: int,
    scores: Mapping[str, Sequence[float | None]],
    *,
    total: int,
    language: str = "en",
    closed: bool = False,
    failed: Mapping[str, str] | None = None,
    name: str = "example",
    recommended: str = "",
    holdout: float = 0.0,
) -> Snapshot:
    """Return a snapshot of a sweep over ``total`` questions.

    ``scores``: configuration name to the goal's values on its first questions, ``None`` for a question whose judge
    failed. Knobs are read from the name (``512 · bm25`` gives ``chunk.size`` and ``retriever``). The leader is the
    row with the highest mean; ``recommended`` names another one.
    """
    made = EvalSet("example", 1, digest("example", total, language), (), questions(total, language), holdout, "example")
    asked = made.development
    rows, board_rows = [], []
    means = {label: _mean(values) for label, values in scores.items()}
    order = sorted(scores, key=lambda label: (-(means[label] if means[label] is not None else -1.0), label))  # type: ignore[operator]
    for rank, label in enumerate(order, 1):
        knobs = dict(zip(("chunk.size", "retriever", "prompt.file"), label.split(" · "), strict=False))
        config = configuration(label, knobs)
        known = dict(zip((question.id for question in asked), scores[label], strict=False))
        outcomes: dict[str, dict[str, Score | Failure]] = {
            question: {
                GOAL: Failure("measurement", "judge_failed", "no reply") if value is None else Score(value),
                "recall@5": Score(0.5 + rank / 100),
                "doc.recall@5": Score(0.75),
            }
            for question, value in known.items()
        }
        rows.append(RecordedRow(config, outcomes, {question: f"답 {rank} for {question}" for question in known}))
        why = (failed or {}).get(label, "")
        marks: list[Mark] = ["leader"] if rank == 1 and not why else []
        if label == recommended or (not recommended and rank == 1 and not why):
            marks.append("recommended")
        if why:
            marks.append("failed")
        elif len(known) < len(asked):
            marks.append("partial")
        board_rows.append(
            BoardRow(
                rank=rank,
                key=config.key,
                name=label,
                knobs=knobs,
                roles=(),
                marks=tuple(marks),
                answered=len(known),
                estimate=means[label],
                adjusted=means[label],
                figures=_figures(list(known.values()), rank),
                right=sum(value is not None and value >= 0.5 for value in known.values()),
                cost=RowCost(rank * 0.25, 1.0 / rank, 800.0 + rank, 40.0),
                complexity=float(rank),
                in_winner_set=rank <= 2 and not why,
                failed=why,
            )
        )
    board = Board(
        sweep=name,
        eval_set="example@1",
        goal=Goal.of(FIGURES[0]),
        questions=len(asked),
        rows=tuple(board_rows),
        figures=tuple(figure.name for figure in FIGURES),
        retrieval_figures=("recall@5", "doc.recall@5"),
        knobs=("chunk.size", "retriever"),
        notes=(Note("separated", {"compared": 3}),),
        currency="USD",
        configurations=len(board_rows),
    )
    best = next((row.name for row in board.rows if row.has("recommended")), "nothing")
    return Snapshot(
        "sweep-" + digest(name)[:12],
        name,
        sequence,
        SPEC,
        made,
        board,
        {"en": f"Recommended {best}: of {len(rows)} rows.", "ko": f"추천 {best}: {len(rows)}개 행 중."},
        rows,
        FIGURES,
        {GOAL: "judge|example|v1"},
        GOAL,
        closed,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _figures(values: Sequence[float | None], rank: int) -> dict[str, FigureStat]:
    if not values:
        return {}
    mean, scored = _mean(values), sum(value is not None for value in values)
    failures = {"judge_failed": len(values) - scored} if scored < len(values) else {}
    low, high = (None, None) if mean is None else (max(0.0, mean - 0.1), min(1.0, mean + 0.1))
    return {
        GOAL: FigureStat(mean, low, high, scored, len(values), failures, 1 - scored / len(values)),
        "recall@5": FigureStat(0.5 + rank / 100, 0.4, 0.7, len(values), len(values)),
        "doc.recall@5": FigureStat(0.75, 0.6, 0.9, len(values), len(values)),
    }


def story(language: str = "en", name: str = "example") -> list[Snapshot]:
    """Four states of one sweep: two first blocks; a new row and a new leader; rows becoming complete; the end, with a
    failed row and one that stayed partial although its mean is the highest."""
    a, b, c, d = "512 · bm25", "1024 · dense", "1024 · bm25", "2048 · dense"
    if language == "ko":
        a, b, c, d = "512 · bm25 · 간결", "1024 · dense · 인용", "1024 · bm25 · 간결", "2048 · dense · 인용"
    half, top = [0.5] * 4, [1.0, 1.0]
    states: list[dict[str, Any]] = [
        {"scores": {a: [1.0, 0.0], b: [0.0, 0.0]}},
        {"scores": {a: [1.0, 0.0], b: [1.0, 0.5, 1.0, None], c: top}},
        {"scores": {a: [1.0, 0.0, 0.5, 0.0], b: [1.0, 0.5, 1.0, None], c: top}},
        {
            "scores": {a: [1.0, 0.0, 0.5, 0.0], b: [1.0, 0.5, 1.0, None], c: top, d: half[:0]},
            "failed": {d: "generate: the model is absent"},
            "recommended": b,
            "closed": True,
        },
    ]
    return [
        snapshot(number * 3, total=4, language=language, name=name, **state) for number, state in enumerate(states, 1)
    ]


class RecorderConformance:
    """Inherit it, and say how a recorder is made on an empty place, what the place holds, and how it is lost."""

    def recorder(self, place: Path) -> Recorder:
        """Return a recorder on this place; called again for the same place it is another process's."""
        raise NotImplementedError

    def content(self, place: Path) -> object:
        """Everything a person can see there, without clocks and generated ids; ``==`` compares two places."""
        raise NotImplementedError

    def lose(self, place: Path) -> None:
        """Delete what the recorder wrote."""
        raise NotImplementedError

    def spoil(self, place: Path) -> None:
        """Make the place one that cannot be written; must also undo nothing: the place is not used again."""
        raise NotImplementedError

    def test_every_state_ends_equal_to_a_fresh_place(self, tmp_path: Path) -> None:
        """After each update the place holds what a recorder that sees only that state writes."""
        recorder = self.recorder(tmp_path / "long")
        seen = []
        for number, state in enumerate(story()):
            recorder.update(state)
            fresh = tmp_path / f"fresh{number}"
            self.recorder(fresh).update(state)
            got = self.content(tmp_path / "long")
            assert got == self.content(fresh), f"state {number}"
            assert got not in seen, "two different states left the same content"
            seen.append(got)

    def test_skipped_states_change_nothing(self, tmp_path: Path) -> None:
        """Only the last state counts."""
        states = story()
        self.recorder(tmp_path / "all").update(states[0])
        self.recorder(tmp_path / "all").update(states[-1])
        self.recorder(tmp_path / "last").update(states[-1])
        assert self.content(tmp_path / "all") == self.content(tmp_path / "last")

    def test_lost_in_mid_sweep(self, tmp_path: Path) -> None:
        """A place deleted between two updates of one recorder is whole after the next."""
        states = story()
        recorder = self.recorder(tmp_path / "lost")
        recorder.update(states[1])
        self.lose(tmp_path / "lost")
        recorder.update(states[2])
        self.recorder(tmp_path / "fresh").update(states[2])
        assert self.content(tmp_path / "lost") == self.content(tmp_path / "fresh")

    def test_the_same_state_again(self, tmp_path: Path) -> None:
        """Updates are idempotent, also from another process."""
        state = story()[2]
        self.recorder(tmp_path / "place").update(state)
        before = self.content(tmp_path / "place")
        recorder = self.recorder(tmp_path / "place")
        recorder.update(state)
        recorder.update(state)
        assert self.content(tmp_path / "place") == before

    def test_korean(self, tmp_path: Path) -> None:
        """Names, questions and answers in Korean arrive as they are."""
        state = story("ko", "연차-규정")[-1]
        self.recorder(tmp_path / "한글 폴더").update(state)
        shown = repr(self.content(tmp_path / "한글 폴더"))
        for text in ("512 · bm25 · 간결", "추천 1024 · dense · 인용", "규정 0조는 연차에 대해 무엇이라고 하나요?"):
            assert text in shown

    def test_the_holdout_stays_closed(self, tmp_path: Path) -> None:
        """No question of the hold-out is written anywhere, whatever the rows hold."""
        state = snapshot(1, {"512 · bm25": [1.0] * 40}, total=40, closed=True, holdout=0.4)
        sealed = {question.text for question in state.eval_set.questions_} - {
            question.text for question in state.eval_set.development
        }
        assert sealed, "the example has no hold-out"
        row = state.rows[0]
        everything = {
            question.id: row.scores["q0"] if "q0" in row.scores else {GOAL: Score(1.0)}
            for question in state.eval_set.questions_
        }
        state = dataclasses.replace(state, rows=[dataclasses.replace(row, scores=everything)])
        self.recorder(tmp_path / "place").update(state)
        shown = repr(self.content(tmp_path / "place"))
        assert state.eval_set.development[0].text in shown
        assert not [text for text in sealed if text in shown]

    def test_a_place_that_fails_is_said_and_stops_nothing(self, tmp_path: Path, caplog: Any) -> None:
        """One warning, no exception."""
        recorder = self.recorder(tmp_path / "bad")
        self.spoil(tmp_path / "bad")
        recorder.update(story()[0])
        assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
        assert all(record.exc_info is None for record in caplog.records)
