"""Columns, spreadsheets, weights, slices against the reference, rows kept between rounds."""

import dataclasses
import io
import random

import openpyxl
import pytest
from search_worlds import configuration, likely, played

from ragscout.board.build import Facts, build_board
from ragscout.board.question_weights import weights_of
from ragscout.board.row_cache import RowCache
from ragscout.board.show.table import columns, own_rank, render_csv, render_markdown, render_xlsx
from ragscout.board.words.headline import headline
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Goal
from ragscout.model.results.measured import Measured
from ragscout.stats.paired import mean_interval

JUDGE, BLEU, TOKENS = (
    Figure("judge.correctness", pass_level=0.5),
    Figure("bleu"),
    Figure("tokens", 0.0, 1e9, higher_is_better=False, unit="tokens"),
)
GOAL = Goal.of(JUDGE)
FACTS = Facts("s", "s@1", currency="USD")


def questions(n, slices=("HR", "IT"), **changes):
    return [Question(f"q{i:03d}", f"문항 {i}", ("답",), slice=slices[i % len(slices)], **changes) for i in range(n)]


def row(name, values, roles=(), tokens=100.0):
    scores = {
        f"q{i:03d}": {"judge.correctness": Score(v), "bleu": Score(v / 2), "tokens": Score(tokens)}
        for i, v in enumerate(values)
    }
    usage = {q: Usage(100, 10, 0.5, 0.001, 1) for q in scores}
    return Measured(dataclasses.replace(configuration({"generate": name}), roles=roles), scores, usage)


def build(items, asked, **more):
    return build_board(items, asked, [JUDGE, BLEU, TOKENS], GOAL, FACTS, **more)


def noisy(mean, n, seed):
    rng = random.Random(seed)
    return [min(1.0, max(0.0, mean + rng.gauss(0, 0.1))) for _ in range(n)]


def test_default_columns_and_all():
    asked = questions(40)
    board = build([row("a", noisy(0.8, 40, 0)), row("b", noisy(0.5, 40, 1), ("reference",))], asked)
    assert columns(board) == [
        "mark", "rank", "name", "right", "judge.correctness", "reference", "cost", "seconds", "complexity", "slices",
    ]  # fmt: skip
    everything = columns(board, True)
    assert everything[: len(columns(board)) + 1] == ["mark", "rank", "name", "n", *columns(board)[3:]]
    assert {"adjusted", "leader", "holm", "set", "bleu", "tokens", "key"} <= set(everything)
    assert "0.4" in render_markdown(board) and "#1" in render_markdown(board)


def test_every_figure_has_its_own_rank_in_its_own_direction():
    asked = questions(40)
    board = build([row("a", noisy(0.8, 40, 0), tokens=900.0), row("b", noisy(0.5, 40, 1), tokens=100.0)], asked)
    best, other = board.rows
    assert (own_rank(board, best, "bleu"), own_rank(board, other, "bleu")) == (1, 2)
    assert (own_rank(board, best, "tokens"), own_rank(board, other, "tokens")) == (2, 1)
    half = build([row("a", noisy(0.8, 40, 0)), row("c", noisy(0.9, 10, 2))], asked)
    assert own_rank(half, half.rows[1], "bleu") is None, "a partly measured row has no rank of its own"


def test_no_cell_of_a_workbook_is_a_formula():
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "a\x00\x1bb", "한글"]
    items = [row(name, noisy(0.5, 6, i)) for i, name in enumerate(evil)]
    board = build(items, questions(6))
    book = openpyxl.load_workbook(io.BytesIO(render_xlsx(board, language="ko")))
    kinds = {cell.data_type for page in book for line in page.iter_rows() for cell in line}
    assert "f" not in kinds and kinds <= {"s", "n", "b", "inlineStr"}
    header = [cell.value for cell in next(book["board"].iter_rows())]
    names = {line[header.index("name")].value for line in book["board"].iter_rows(min_row=2)}
    assert "=cmd|' /C calc'!A0" in names and "한글" in names
    means = [line[header.index("judge.correctness")].value for line in book["board"].iter_rows(min_row=2)]
    assert means == [found.figures["judge.correctness"].mean for found in board.rows]
    assert "\n=" not in render_csv(board) and ",=" not in render_csv(board)


def test_weights_weigh_the_goal():
    asked = [dataclasses.replace(q, weight=3.0 if i < 10 else 1.0) for i, q in enumerate(questions(40))]
    early = [1.0] * 10 + [0.25] * 30
    late = [0.25] * 10 + [0.75] * 30
    board = build([row("early", early), row("late", late)], asked)
    plain = build([row("early", early), row("late", late)], questions(40))
    assert (plain.rows[0].name, board.rows[0].name) == ("late", "early"), "the weights turn the order"
    stat = board.rows[0].figures["judge.correctness"]
    assert stat.mean == pytest.approx((30 * 1.0 + 30 * 0.25) / 60)
    assert stat.low < stat.mean < stat.high
    assert board.rows[0].estimate == pytest.approx(stat.mean)
    assert board.rows[0].figures["bleu"].mean == plain.rows[1].figures["bleu"].mean, "other figures are not weighted"
    difference = board.rows[1].versus_leader.difference
    assert difference == pytest.approx(board.rows[1].estimate - board.rows[0].estimate)
    assert any(note.kind == "weights" for note in board.notes)
    assert not any(note.kind == "weights" for note in plain.notes)


def test_equal_weights_change_nothing():
    items = [row("a", noisy(0.8, 40, 0)), row("b", noisy(0.5, 40, 1))]
    doubled = [dataclasses.replace(question, weight=2.0) for question in questions(40)]
    assert build(items, doubled).to_json() == build(items, questions(40)).to_json()
    assert weights_of(doubled) == ()


@played(40, 300)
def test_the_interval_of_a_weighted_mean_covers(worlds):
    """95 % intervals of a ratio of weighted sums hold the true mean about as often as they say."""
    held = 0
    asked = [dataclasses.replace(q, weight=4.0 if i % 5 == 0 else 1.0) for i, q in enumerate(questions(60))]
    for seed in range(worlds):
        rng = random.Random(seed)
        board = build([row("a", [rng.random() for _ in range(60)])], asked)
        stat = board.rows[0].figures["judge.correctness"]
        held += stat.low <= 0.5 <= stat.high
    low, high = likely(0.95, worlds)
    assert low <= held / worlds <= high


def test_a_slice_that_loses_to_the_reference_is_warned_of():
    n = 80
    reference = noisy(0.6, n, 3)
    better = [value + 0.3 if i % 2 == 0 else value - 0.25 for i, value in enumerate(noisy(0.6, n, 4))]
    better = [min(1.0, max(0.0, value)) for value in better]
    board = build([row("new", better), row("old", reference, ("reference",))], questions(n))
    assert board.recommended().name == "new"
    lost = [group for group in board.recommended().groups if group.loses(True)]
    assert [group.group for group in lost] == ["slice:IT"]
    assert "worse than the reference on IT" in headline(board, "en")
    assert "IT에서 기준 구성보다 나쁨" in headline(board, "ko")
    assert any(note.kind == "slice_loss" for note in board.notes)
    assert "▼" in render_markdown(board)
    same = build([row("new", noisy(0.62, n, 5)), row("old", reference, ("reference",))], questions(n))
    assert not any(note.kind == "slice_loss" for note in same.notes)


def test_a_must_pass_question_bars_the_recommendation():
    asked = questions(40)
    asked[0] = dataclasses.replace(asked[0], must_pass=True)
    fails = [0.0, *noisy(0.82, 39, 0)]
    passes = [1.0, *noisy(0.8, 39, 0)]
    board = build([row("fails", fails), row("passes", passes)], asked)
    assert next(r for r in board.rows if r.name == "fails").has("must_pass")
    assert board.recommended().name == "passes"
    only = build([row("fails", fails), row("too", [0.0, *noisy(0.5, 39, 1)])], asked)
    assert only.recommended().name == "fails", "none passes"


def test_rows_that_are_kept_change_no_number():
    asked = questions(40)
    rng = random.Random(0)
    values = {name: [rng.random() for _ in range(40)] for name in "abcdef"}
    kept = RowCache()
    for depth in (5, 10, 20, 40):
        items = [row(name, found[:depth] if name < "d" else found[:5]) for name, found in values.items()]
        assert build(items, asked, kept=kept).to_json() == build(items, asked).to_json()
    corrected = [dataclasses.replace(question, answerable=False) for question in asked[:20]] + asked[20:]
    assert build(items, corrected, kept=kept).to_json() == build(items, corrected).to_json()
    changed = [dataclasses.replace(item, failed="gone") if number == 2 else item for number, item in enumerate(items)]
    assert build(changed, asked, kept=kept).to_json() == build(changed, asked).to_json()


def test_wilson_interval_of_right_answers():
    found = mean_interval([1.0] * 118 + [0.0] * 32, None, (0.0, 1.0))
    assert (round(found.mean, 2), round(found.low, 2), round(found.high, 2)) == (0.79, 0.71, 0.84)
