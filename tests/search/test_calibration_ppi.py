"""Labels correct the board: coverage on simulated data, the order of rows, the badge."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from search_worlds import likely, played

from ragscout.board.build import Facts, build_board
from ragscout.board.confirmation import Opened
from ragscout.board.show.table import render_csv, render_markdown, render_terminal
from ragscout.board.words.headline import headline
from ragscout.judges.labels import Label, item_key
from ragscout.judges.ppi import Calibration, correct, rectifier
from ragscout.judges.report import matched, report
from ragscout.judges.sample import choose, population
from ragscout.model.config import Configuration, source_node
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Board, Goal
from ragscout.model.results.calibration import CORRECTED, Scale
from ragscout.model.results.measured import Measured
from ragscout.model.runtime import ChatModel
from ragscout.model.step import make

FIGURE = Figure("judge.correctness", pass_level=0.75)
GOAL = Goal.of(FIGURE)
NAME = FIGURE.name
SCALE = Scale(5, 4)


def row(model, tokens=32, **more):
    step = make("generate", "chat", {"model": ChatModel("openai", model, label=model), "max_tokens": tokens})
    return Configuration({"generate": step}, source_node("0" * 64), {"generate": model, "n": str(tokens)}, **more)


class Simulated:
    """A sweep whose judge favours one model: what people would say of every answer is known.

    ``truth``: population mean per model; ``bias``: what the judge adds; people and judge put answers on five levels.
    """

    def __init__(self, seed, questions=200, truth=(0.62, 0.5), bias=(-0.15, 0.15), noise=0.15, rows=1):
        rng = np.random.default_rng(seed)
        self.questions = [Question(f"q{i:03d}", f"question {i}?", (f"answer {i}",)) for i in range(questions)]
        hard = rng.normal(0, 0.18, questions)
        self.rows, self.people, self.measured = [], {}, []
        for place, (mean, shift) in enumerate(zip(truth, bias, strict=True)):
            for copy in range(rows):
                made = row("ab"[place], 32 + copy)
                quality = mean + hard + rng.normal(0, 0.2, questions)
                human = levels(quality)
                judge = levels(quality + shift + rng.normal(0, noise, questions))
                answers = {q.id: f"{made.key[:6]} {q.id}" for q in self.questions}
                scores = {
                    q.id: {NAME: Score(float(judge[i]), {"level": str(round(judge[i] * 4 + 1))})}
                    for i, q in enumerate(self.questions)
                }
                for i, question in enumerate(self.questions):
                    self.people[item_key(question, answers[question.id])] = float(human[i])
                self.rows.append((made, scores, answers))
                usage = {q.id: Usage(100, 10, 0.5, 0.001, 1) for q in self.questions}
                self.measured.append(Measured(made, scores, usage))
        self.items = population(self.rows, self.questions, NAME)

    def label(self, size, seed=0):
        chosen = choose(self.items, size, seed)
        return [Label(item.key, "correctness", "ana", round(self.people[item.key] * 4 + 1), 5) for item in chosen]

    def calibration(self, labels):
        known = matched(self.items, labels)
        return Calibration(report(NAME, "j", SCALE, known, labels).standing(), tuple(known))

    def board(self, labels):
        facts = Facts("s", "set@1", "USD", judges=(self.calibration(labels),))
        return build_board(self.measured, self.questions, [FIGURE], GOAL, facts)


def levels(quality):
    return np.clip(np.round(np.clip(quality, 0, 1) * 4), 0, 4) / 4


def expected(mean, size=400_000):
    rng = np.random.default_rng(1)
    return float(levels(mean + rng.normal(0, 0.18, size) + rng.normal(0, 0.2, size)).mean())


@played(10, 100)
def test_corrected_intervals_cover_and_raw_ones_do_not(worlds):
    """50 labels: intervals of both means and of their difference, against what people would say of all."""
    truth = [expected(0.62), expected(0.5)]
    covered, raw_covered, apart, right, raw_right = 0, 0, 0, 0, 0
    for seed in range(worlds):
        world = Simulated(seed)
        board = world.board(world.label(50, seed))
        by_model = {item.knobs["generate"]: item for item in board.rows}
        for name, value in zip("ab", truth, strict=True):
            stat, plain = by_model[name].figures[NAME + CORRECTED], by_model[name].figures[NAME]
            covered += stat.low <= value <= stat.high
            raw_covered += plain.low <= value <= plain.high
        loser = board.rows[1]
        sign = 1 if loser.knobs["generate"] == "b" else -1
        apart += loser.versus_leader.low <= sign * (truth[1] - truth[0]) <= loser.versus_leader.high
        right += board.rows[0].knobs["generate"] == "a"
        plain = {name: by_model[name].figures[NAME].mean for name in "ab"}
        raw_right += plain["a"] > plain["b"]
    assert covered / (2 * worlds) >= min(0.93, likely(0.95, 2 * worlds)[0])
    assert raw_covered / (2 * worlds) <= 0.1
    assert apart / worlds >= min(0.93, likely(0.95, worlds)[0])
    assert raw_right / worlds <= 0.05, "the judge alone crowns its favourite"
    assert right / worlds >= 0.8


def test_correction_is_narrower_than_labels_alone():
    """With a judge that follows people, judge and 50 labels together say more than the labels do."""
    widths, alone = [], []
    for seed in range(20):
        world = Simulated(seed, noise=0.05)
        labels = world.label(50, seed)
        stat = world.board(labels).rows[0].figures[NAME + CORRECTED]
        widths.append(stat.high - stat.low)
        values = [label.value for label in labels if next(i for i in world.items if i.key == label.item).model == "a"]
        alone.append(2 * 2.06 * np.std(values, ddof=1) / np.sqrt(len(values)))
    assert np.mean(widths) < 0.75 * np.mean(alone)


def test_a_biased_judge_is_overruled_and_the_board_says_so():
    world = Simulated(3, bias=(-0.2, 0.2))
    raw, board = world.board([]), world.board(world.label(60))
    assert raw.rows[0].knobs["generate"] == "b"
    assert board.rows[0].knobs["generate"] == "a"
    assert raw.ranked_by == NAME
    assert board.ranked_by == NAME + CORRECTED
    assert board.rows[0].estimate == pytest.approx(board.rows[0].figures[NAME + CORRECTED].mean)
    paired = board.rows[1].versus_leader
    assert (paired.method, paired.n) == ("ppi", 200)
    assert paired.wins + paired.losses <= 200
    notes = {note.kind: note for note in board.notes}
    assert "biased for b, a" in notes["corrected"].text("en")
    assert "편향" in notes["corrected"].text("ko")
    assert "corrected by 60 labels" in headline(board, "en")
    assert "사람이 채점한 답변 60개로 보정" in headline(board, "ko")


def test_an_unbiased_judge_keeps_its_order():
    world = Simulated(5, bias=(0.0, 0.0), noise=0.03)
    board = world.board(world.label(60))
    assert board.ranked_by == NAME
    assert board.rows[0].versus_leader is None
    assert board.rows[1].versus_leader.method != "ppi"
    assert NAME + CORRECTED in board.figures, "the corrected figures stand beside"
    assert not board.judges[0].badge()


def test_a_model_without_labels_is_not_compared_by_correction():
    world = Simulated(3, bias=(-0.2, 0.2))
    only = [label for label in world.label(100) if next(i for i in world.items if i.key == label.item).model == "b"]
    board = world.board(only)
    assert len(only) >= 30
    assert board.ranked_by == NAME
    assert any("too few labels" in note.text("en") for note in board.notes)
    corrected = [item.figures.get(NAME + CORRECTED) for item in board.rows]
    assert sum(stat is not None for stat in corrected) == 1


def test_rows_of_one_model_share_its_correction_and_keep_their_distance():
    world = Simulated(9, rows=3)
    board = world.board(world.label(60))
    assert len(board.rows) == 6
    assert all(NAME + CORRECTED in item.figures for item in board.rows)
    mine = [item for item in board.rows if item.knobs["generate"] == "a"]
    raw = sorted(mine, key=lambda item: -item.figures[NAME].mean)
    assert [item.key for item in mine] == [item.key for item in raw]


def test_what_rules_settle_is_not_corrected():
    world = Simulated(4, bias=(-0.2, 0.2))
    labels = world.label(60)
    settled = {q.id: {NAME: Score(1.0, {"rule": "unanswerable"})} for q in world.questions[:50]}
    item = world.measured[0]
    mixed = Measured(item.configuration, {**item.scores, **settled}, item.usage)
    values = np.array([[mixed.scores[q.id][NAME].value for q in world.questions]])
    made = correct([mixed], world.questions, GOAL, world.calibration(labels), values, np.ones((1, 200), dtype=bool))
    assert (made.values[0, :50] == 1.0).all()
    assert made.values[0, 50:] == pytest.approx(made.values[0, 50:])
    assert (made.values[0, 50:] != values[0, 50:]).any()
    assert made.pseudo.mean() == pytest.approx(made.values.mean())


def test_a_judge_that_knows_nothing_gives_the_mean_of_labels():
    world = Simulated(6, noise=9.0)
    labels = world.label(80)
    known = [pair for pair in matched(world.items, labels) if pair.item.model == "a"]
    fit = rectifier(known)
    assert 0.0 <= fit.tuned < 0.3
    assert fit.shift + fit.tuned * fit.middle == pytest.approx(
        sum(pair.weight * pair.human for pair in known) / sum(pair.weight for pair in known)
    )


def test_badge_is_worn_everywhere():
    world = Simulated(3)
    board = world.board([])
    assert board.judges[0].state == "not_calibrated"
    out = io.StringIO()
    render_terminal(board, Console(file=out, width=200), language="en")
    assert "judge not calibrated" in out.getvalue()
    assert f"{NAME} ⚠" in out.getvalue()
    assert "[judge not calibrated]" in headline(board, "en")
    assert "[사람의 채점으로 확인하지 않은 자동 채점]" in headline(board, "ko")
    assert "judge not calibrated" in render_markdown(board)
    plain = json.loads(board.to_json())
    assert plain["judges"][0]["state"] == "not_calibrated"
    assert Board.from_json(board.to_json()) == board
    weak = Simulated(3, noise=0.9)
    shown = weak.board(weak.label(60))
    assert shown.judges[0].state == "not_validated"
    assert "not validated, kappa 0." in headline(shown, "en") or "not validated, kappa -0." in headline(shown, "en")
    assert "검증되지 않은 자동 채점" in headline(shown, "ko")
    assert f"{NAME}{CORRECTED}.low" in render_csv(shown)


def test_a_judge_that_writes_answers_is_flagged():
    world = Simulated(3)
    standing = world.calibration([]).standing
    own = frozenset({world.measured[0].configuration.key})
    changed = type(standing)(standing.figure, "j", standing.state, candidate=True)
    facts = Facts("s", "set@1", judges=(Calibration(changed, (), own),))
    board = build_board(world.measured, world.questions, [FIGURE], GOAL, facts)
    flagged = [item for item in board.rows if item.has("own_judge")]
    assert [item.key for item in flagged] == list(own)
    assert any(note.kind == "own_judge" and "≈" in note.text("ko") for note in board.notes)


def test_questions_that_count_more_count_more_in_the_correction():
    world = Simulated(3, bias=(-0.2, 0.2))
    labels = world.label(60)
    heavy = [replace(q, weight=5.0 if i < 40 else 1.0) for i, q in enumerate(world.questions)]
    facts = Facts("s", "set@1", judges=(world.calibration(labels),))
    board = build_board(world.measured, heavy, [FIGURE], GOAL, facts)
    known = world.calibration(labels)
    values = np.array([[item.scores[q.id][NAME].value for q in heavy] for item in world.measured])
    made = correct(world.measured, heavy, GOAL, known, values, np.ones(values.shape, dtype=bool))
    weight = np.array([q.weight for q in heavy])
    for item, place in zip(world.measured, range(2), strict=True):
        shown = next(found for found in board.rows if found.key == item.configuration.key)
        mean = float(weight @ made.values[place] / weight.sum())
        assert shown.figures[NAME + CORRECTED].mean == pytest.approx(mean, abs=1e-6)
        assert made.pseudo[place].mean() == pytest.approx(mean)
    paired = board.rows[1].versus_leader
    gap = board.rows[1].figures[NAME + CORRECTED].mean - board.rows[0].figures[NAME + CORRECTED].mean
    assert paired.difference == pytest.approx(gap, abs=1e-6)


def test_labels_after_the_choice_change_it_unless_sealed_questions_were_read():
    world = Simulated(3, bias=(-0.2, 0.2))
    judges = (world.calibration(world.label(60)),)
    pinned = world.measured[1].configuration.key
    facts = Facts("s", "set@1", judges=judges, recommended=pinned)
    assert build_board(world.measured, world.questions, [FIGURE], GOAL, facts).recommended().key != pinned
    opened = replace(facts, opened=Opened((Question("sealed", "?"),)))
    rows = build_board(world.measured, world.questions, [FIGURE], GOAL, opened).rows
    assert [item.key for item in rows if item.has("recommended")] == [pinned]
    unbiased = replace(facts, judges=(world.calibration([]),))
    assert build_board(world.measured, world.questions, [FIGURE], GOAL, unbiased).recommended().key == pinned
