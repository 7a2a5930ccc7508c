"""The leaderboard: order, marks, statistics, words, bytes, rendering."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from search_worlds import World, configuration, judge_failed, small_space

from ragscout.board.build import Facts, build_board, row_names
from ragscout.board.confirmation import Opened, quote_notes
from ragscout.board.metric_values import clusters_of
from ragscout.board.show.table import render_csv, render_markdown, render_terminal
from ragscout.board.words.headline import headline
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.results.board import Board, Goal, Holdout
from ragscout.model.results.measured import Measured
from ragscout.model.results.reason import Reason
from ragscout.model.text import display_width

pytestmark = pytest.mark.numeric

GOLDEN = Path(__file__).parent / "golden"
JUDGE = Figure("judge.correctness", pass_level=0.5)
BLEU = Figure("bleu")
RECALL = Figure("recall@5")
GOAL = Goal.of(JUDGE)
FACTS = Facts("handbook-ko", "handbook-ko@3", currency="USD")


def questions(n, **changes):
    return [Question(f"q{i:03d}", f"문항 {i}", ("답",), answerable=i % 10 != 9, **changes) for i in range(n)]


def measured(row, scores, money=0.001, **more):
    usage = {q: Usage(100, 10, 0.5, money, 1) for q in scores}
    return Measured(row, {q: {"judge.correctness": outcome} for q, outcome in scores.items()}, usage, **more)


def rows_of(means, n, noise=0.1, seed=0, **knobs):
    """One row per mean: name -> Measured, on n questions."""
    rng = random.Random(seed)
    hard = [rng.gauss(0, 0.1) for _ in range(n)]
    made = []
    for name, mean in means.items():
        row = configuration({"generate": name})
        values = [min(1.0, max(0.0, mean + hard[i] + rng.gauss(0, noise))) for i in range(n)]
        made.append(measured(row, {f"q{i:03d}": Score(value) for i, value in enumerate(values)}))
    return made


def build(items, n, goal=GOAL, facts=FACTS, **more):
    return build_board(items, questions(n), [JUDGE, BLEU], goal, facts, **more)


def test_order_leader_and_winner_set():
    board = build(rows_of({"a": 0.8, "b": 0.5, "c": 0.79, "d": 0.2}, 60), 60)
    assert [row.name for row in board.rows] in (["a", "c", "b", "d"], ["c", "a", "b", "d"])
    assert [row.rank for row in board.rows] == [1, 2, 3, 4]
    assert board.leader() is board.rows[0]
    assert {row.name for row in board.winner_set()} == {"a", "c"}
    last = board.rows[-1].versus_leader
    assert last is not None
    assert last.low < last.difference < last.high < 0
    assert last.p_holm < 0.001
    assert all(note.text("en") and note.text("ko") for note in board.notes)


def test_what_ended_a_sweep_is_said_in_both_languages():
    said = "reached its limit: the next request could exceed the budget"
    items = rows_of({"a": 0.8, "b": 0.5}, 20)
    board = build(items, 20, facts=Facts("s", "set@1", ended=Reason("request")))
    note = next(note for note in board.notes if note.kind == "ended")
    assert said in note.text("en")
    assert "한도에 도달하여 비교 실험이 끝났습니다: 다음 요청이" in note.text("ko") and "budget" not in note.text("ko")


def test_estimate_of_a_complete_row_is_its_plain_mean():
    items = rows_of({"a": 0.8, "b": 0.5, "c": 0.3}, 40)
    items[2] = measured(
        items[2].configuration, {q: s["judge.correctness"] for q, s in list(items[2].scores.items())[:7]}
    )
    board = build(items, 40)
    for row in board.rows[:2]:
        assert row.estimate == pytest.approx(row.figures["judge.correctness"].mean, abs=1e-9)


def test_a_lucky_partial_row_never_stands_above_a_complete_one():
    items = rows_of({"a": 0.6, "b": 0.5}, 40)
    lucky = configuration({"generate": "lucky"})
    items.append(measured(lucky, {f"q{i:03d}": Score(1.0) for i in range(5)}))
    board = build(items, 40)
    assert [row.name for row in board.rows] == ["a", "b", "lucky"]
    assert board.rows[2].has("partial")
    assert not board.rows[2].in_winner_set
    assert board.rows[2].versus_leader is None
    assert any(note.kind == "partial" for note in board.notes)


def test_why_the_hold_out_stayed_sealed_is_said_in_both_languages():
    few = Reason("few_answers", {"each": 12, "rows": 3, "needed": 30})
    for why, english, korean in (
        (few, "the budget leaves 12 answers for each of 3 rows, 30 are needed", "구성 3개마다 답변 12개분"),
        (Reason("late"), "no minutes of the budget are left", "예산의 시간이"),
    ):
        board = replace(build(rows_of({"a": 0.5, "b": 0.6}, 40), 40), holdout=Holdout(30, why=why))
        (note,) = quote_notes(board)
        assert english in note.text("en") and korean in note.text("ko") and "budget" not in note.text("ko")


def test_a_fair_figure_that_looks_alike_stands_instead_of_nothing():
    board = build(rows_of({"a": 0.5, "b": 0.6}, 40), 40)
    stat = board.leader().figures["judge.correctness"]
    alike = replace(board, rows=tuple(replace(row, crossfit=stat) if row.has("leader") else row for row in board.rows))
    (note,) = quote_notes(alike)
    assert "Quote" in note.text("en") and "instead" not in note.text("en") and "대신" not in note.text("ko")


def test_partial_rows_are_adjusted_for_hard_questions():
    n = 40
    values = {f"q{i:03d}": 0.2 if i < 10 else 0.9 for i in range(n)}
    items = [measured(configuration({"generate": name}), {q: Score(v) for q, v in values.items()}) for name in "ab"]
    hard = configuration({"generate": "hard"})
    items.append(measured(hard, {q: Score(min(1.0, v + 0.05)) for q, v in list(values.items())[:10]}))
    row = next(row for row in build(items, n).rows if row.name == "hard")
    assert row.figures["judge.correctness"].mean == pytest.approx(0.25)
    assert row.adjusted > 0.55


def test_recommended_is_the_cheapest_then_simplest_within_one_point():
    n = 50
    base = [0.3 + 0.4 * (i % 2) for i in range(n)]
    shift = {"dear": 0.008, "cheap": 0.003, "far": -0.03}
    price = {"dear": 0.01, "cheap": 0.001, "far": 0.0001}
    items = []
    for name, d in shift.items():
        jitter = random.Random(name)
        scores = {f"q{i:03d}": Score(base[i] + d + jitter.uniform(-0.2, 0.2)) for i in range(n)}
        mean = sum(score.value for score in scores.values()) / n
        exact = {q: Score(score.value - mean + 0.5 + d) for q, score in scores.items()}
        items.append(measured(configuration({"generate": name}), exact, price[name]))
    board = build(items, n)
    assert board.leader().name == "dear"
    assert len(board.winner_set()) == 3
    assert board.recommended().name == "cheap"
    assert board.recommended().cost.per_1000 == pytest.approx(1.0)


def test_an_unknown_price_is_never_the_cheapest():
    items = rows_of({"a": 0.5, "b": 0.5}, 20, noise=0.0)
    items[0] = measured(items[0].configuration, {q: s["judge.correctness"] for q, s in items[0].scores.items()}, None)
    board = build(items, 20)
    unknown = next(row for row in board.rows if row.cost.per_1000 is None)
    assert unknown.name == "a"
    assert board.recommended().name == "b"


def test_failures_count_as_their_owner_says():
    scores = {f"q{i:03d}": Score(0.8) for i in range(50)}
    refusing = {**scores, "q000": Failure("candidate", "refused")}
    missing = {**scores, **{f"q00{i}": judge_failed() for i in range(2)}}
    a, b, c = (configuration({"generate": name}) for name in "abc")
    board = build([measured(a, refusing), measured(b, missing), measured(c, dict(scores))], 50)
    by_name = {row.name: row for row in board.rows}
    refused = by_name["a"].figures["judge.correctness"]
    assert refused.mean == pytest.approx(0.8 * 49 / 50)
    assert (refused.scored, refused.asked, dict(refused.failures)) == (50, 50, {"refused": 1})
    absent = by_name["b"].figures["judge.correctness"]
    assert (absent.scored, absent.asked, absent.missing) == (48, 50, pytest.approx(0.04))
    assert absent.mean == pytest.approx(0.8)
    assert (absent.worst, absent.best) == (pytest.approx(0.8 * 0.96), pytest.approx(0.8 * 0.96 + 0.04))
    assert by_name["b"].has("cannot_win")
    assert board.leader().name == "c"
    assert by_name["b"].rank > by_name["a"].rank


def test_questions_without_reference_count_for_nobody():
    scores = {f"q{i:03d}": Score(0.5) if i else Failure("measurement", "no_reference") for i in range(20)}
    row = build([measured(configuration({"generate": "a"}), scores)], 20).rows[0]
    stat = row.figures["judge.correctness"]
    assert (stat.scored, stat.asked, stat.missing) == (19, 19, 0.0)
    assert dict(stat.failures) == {"no_reference": 1}
    assert row.has("leader")


def test_failed_rows_stand_last_with_their_reason():
    items = rows_of({"a": 0.5}, 12)
    items.insert(0, Measured(configuration({"generate": "broken"}), {}, {}, "the model file is missing"))
    board = build(items, 12)
    assert board.rows[-1].name == "broken"
    assert board.rows[-1].has("failed")
    items.insert(0, Measured(configuration({"generate": "waiting"}), {}, {}))
    waiting = build(items, 12).rows[-2]
    assert (waiting.name, waiting.marks) == ("waiting", ("unscored",)), "what is open is no failure of the row"
    assert "the model file is missing" in next(note.text("en") for note in board.notes if note.kind == "failed")


def test_nothing_measured():
    broken = Measured(configuration({"generate": "broken"}), {}, {}, "no")
    for items in ([broken], []):
        board = build(items, 12)
        assert board.leader() is None
        assert board.recommended() is None
        assert "nothing is recommended" in headline(board)
        assert Board.from_json(board.to_json()) == board
        render_terminal(board, Console(file=io.StringIO(), width=120))


def test_reference_columns_and_headline():
    items = rows_of({"new": 0.8}, 60)
    old = rows_of({"today": 0.5}, 60)[0]
    reference = configuration({"generate": "today"}, ("reference",), "오늘 구성")
    items.append(Measured(reference, old.scores, old.usage))
    board = build(items, 60)
    paired = board.rows[0].versus_reference
    assert paired.n == 60
    assert paired.low < 0.3 < paired.high or abs(paired.difference - 0.3) < 0.1
    assert "reference 오늘 구성" in headline(board, "en")
    assert "기준 구성 오늘 구성" in headline(board, "ko")
    assert "60 right" in headline(board, "en")
    assert board.reference().versus_reference is None


def test_only_complete_rows_are_compared_with_the_reference():
    items = rows_of({"new": 0.8, "today": 0.5, "plain": 0.3}, 60)
    scores = [{q: found["judge.correctness"] for q, found in item.scores.items()} for item in items]
    board = build(
        [
            measured(configuration({"generate": "new"}), scores[0]),
            measured(configuration({"generate": "today"}, ("reference",)), scores[1]),
            measured(configuration({"generate": "plain"}, ("baseline",)), dict(list(scores[2].items())[:10])),
        ],
        60,
    )
    compared = {row.name: row.versus_reference is not None for row in board.rows}
    assert compared == {"new": True, "today": False, "plain": False}


def test_retrieval_rows_are_a_second_table():
    items = rows_of({"a": 0.5}, 12)
    for size, value in (("512", 0.4), ("1024", 0.7)):
        prefix = configuration({"chunk.size": size, "generate": "x"}).retrieval()
        items.append(Measured(prefix, {f"q{i:03d}": {"recall@5": Score(value)} for i in range(12)}))
    board = build(items, 12, retrieval_figures=[RECALL])
    assert [row.name for row in board.retrieval] == ["1024", "512"]
    assert board.retrieval_figures == ("recall@5",)
    assert len(board.rows) == 1


def test_groups_split_answerable_questions_and_slices():
    made = [Question(f"q{i}", f"t{i}", answerable=i < 8, slice="표" if i % 2 else "글") for i in range(10)]
    scores = {f"q{i}": Score(1.0 if i < 8 else 0.0) for i in range(10)}
    board = build_board([measured(configuration({"generate": "a"}), scores)], made, [JUDGE], GOAL, FACTS)
    groups = {group.group: group for group in board.rows[0].groups}
    assert groups["answerable"].mean == 1.0
    assert groups["unanswerable"].mean == 0.0
    assert groups["slice:표"].mean == pytest.approx(0.8)


def test_must_pass_questions():
    n = 20
    made = [Question(f"q{i:03d}", f"t{i}", must_pass=i == 0) for i in range(n)]
    wins = {f"q{i:03d}": Score(0.0 if i == 0 else 0.9) for i in range(n)}
    safe_row = {f"q{i:03d}": Score(0.8) for i in range(n)}
    items = [
        measured(configuration({"generate": "risky"}), wins),
        measured(configuration({"generate": "safe"}), safe_row),
    ]
    board = build_board(items, made, [JUDGE], GOAL, FACTS)
    assert board.leader().name == "risky"
    assert board.leader().has("must_pass")
    assert board.recommended().name == "safe"


def test_a_leader_that_fails_a_must_pass_question_is_replaced_by_the_best_that_passes():
    """Not by the cheapest: what is cheap and bad keeps the question too."""
    n = 40
    made = [Question(f"q{i:03d}", f"t{i}", must_pass=i == 0) for i in range(n)]
    rng = random.Random(3)
    items = []
    for name, mean, money in (("risky", 0.9, 0.5), ("good", 0.7, 0.4), ("poor", 0.3, 0.001)):
        values = {f"q{i:03d}": Score(min(1.0, max(0.0, mean + rng.gauss(0, 0.1)))) for i in range(n)}
        values["q000"] = Score(0.0 if name == "risky" else 0.9)
        items.append(measured(configuration({"generate": name}), values, money))
    board = build_board(items, made, [JUDGE], GOAL, FACTS)
    assert board.leader().name == "risky"
    assert board.recommended().name == "good"


def test_the_leader_as_reference_gives_one_difference():
    """Rows of different depth: what a row shares with the leader counts, not what all rows share."""
    items = rows_of({"a": 0.7, "b": 0.65, "c": 0.6, "d": 0.5}, 60)
    scores = [{q: found["judge.correctness"] for q, found in item.scores.items()} for item in items]
    made = [
        measured(configuration({"generate": name}, ("reference",) if name == "a" else ()), dict(list(own.items())[:n]))
        for name, own, n in zip("abcd", scores, (50, 50, 20, 20), strict=True)
    ]
    board = build(made, 60)
    assert board.leader().name == "a"
    for row in board.rows[1:]:
        assert (row.versus_leader.difference, row.versus_leader.n) == (
            row.versus_reference.difference,
            row.versus_reference.n,
        )


def test_intervals_know_that_questions_on_one_document_go_together():
    n, rng = 60, random.Random(4)
    per_document = [rng.choice((0.2, 0.8)) for _ in range(12)]
    asked = [Question(f"q{i:03d}", f"t{i}", ("a",), documents=(f"d{i % 12}",)) for i in range(n)]
    scores = {f"q{i:03d}": Score(per_document[i % 12] + rng.uniform(-0.05, 0.05)) for i in range(n)}
    item = measured(configuration({"generate": "a"}), scores)
    clusters = clusters_of(asked)
    assert clusters is not None and clusters["q013"] == "d1"

    def width(board):
        stat = board.rows[0].figures["judge.correctness"]
        return stat.high - stat.low

    plain = build_board([item], asked, [JUDGE], GOAL, FACTS)
    opened = Opened(asked, {item.configuration.key: item})
    grouped = build_board([item], asked, [JUDGE], GOAL, replace(FACTS, clusters=clusters, opened=opened))
    sealed = grouped.rows[0].confirmed.figure
    assert width(grouped) > 1.5 * width(plain)
    assert sealed.high - sealed.low == pytest.approx(width(grouped))
    assert clusters_of(asked[:20]) is None
    assert clusters_of([replace(question, documents=(f"d{i % 4}",)) for i, question in enumerate(asked)]) is None


def test_differences_and_the_fair_figure_know_it_too():
    n, rng = 60, random.Random(6)
    asked = [Question(f"q{i:03d}", f"t{i}", ("a",), documents=(f"d{i % 12}",)) for i in range(n)]
    items = []
    for name in "ab":
        own = [rng.uniform(0.2, 0.8) for _ in range(12)]
        scores = {f"q{i:03d}": Score(own[i % 12] + rng.uniform(-0.05, 0.05)) for i in range(n)}
        items.append(measured(configuration({"generate": name}), scores))
    plain, grouped = (
        build_board(items, asked, [JUDGE], GOAL, replace(FACTS, clusters=groups))
        for groups in (None, clusters_of(asked))
    )
    one, other = (board.rows[1].versus_leader for board in (plain, grouped))
    assert one.difference == other.difference and one.n == other.n == n
    assert other.high - other.low > 1.5 * (one.high - one.low) and other.p > one.p
    one, other = (board.leader().crossfit for board in (plain, grouped))
    assert other.high - other.low > 1.2 * (one.high - one.low) and other.scored == n


def test_minimised_goal():
    goal = Goal("judge.correctness", higher=False)
    board = build(rows_of({"a": 0.8, "b": 0.2, "c": 0.5}, 60), 60, goal)
    assert [row.name for row in board.rows] == ["b", "c", "a"]
    paired = board.rows[2].versus_leader
    assert 0 < paired.low < paired.difference < paired.high
    assert {row.name for row in board.winner_set()} == {"b"}


def test_one_question_and_one_configuration():
    board = build(rows_of({"a": 0.9}, 1), 1)
    assert board.recommended().name == "a"
    assert "With 1 question only" in next(note.text("en") for note in board.notes if note.kind == "power")
    said = " ".join((headline(board, "en"), *(note.text("en") for note in board.notes)))
    assert "no choice among rows has raised its score" in said and "a single configuration" in said
    assert "optimistic" not in said and "same questions chose" not in said
    assert "구성이 하나뿐" in headline(board, "ko")
    board = build(rows_of({"a": 0.5, "b": 0.9}, 1), 1)
    assert len(board.winner_set()) == 2
    assert "the same questions chose the row" in headline(board, "en")
    assert Board.from_json(board.to_json()) == board


def test_identical_rows_stay_together():
    board = build(rows_of(dict.fromkeys("abcdefgh", 0.5), 30, noise=0.0), 30)
    assert len(board.winner_set()) == 8
    assert {"not_separated", "constant"} <= {note.kind for note in board.notes}
    note = next(note for note in board.notes if note.kind == "constant")
    assert "all 8 rows" in note.text("en") and "구성 8개에서 모두" in note.text("ko")
    board = build(rows_of({"a": 0.5, "b": 0.6}, 30, noise=0.0), 30)
    assert not any(note.kind == "constant" for note in board.notes)


def test_equal_on_a_few_common_questions_is_not_constant():
    first, second = rows_of(dict.fromkeys("ab", 0.5), 30, noise=0.0)
    few = {q: scores["judge.correctness"] for q, scores in list(second.scores.items())[:5]}
    part = {q: scores["judge.correctness"] for q, scores in list(first.scores.items())[:10]}
    board = build([measured(first.configuration, part), measured(second.configuration, few)], 30)
    assert board.rows[1].versus_leader.difference == 0
    assert not any(note.kind == "constant" for note in board.notes)


def test_answers_that_the_goal_cannot_score_are_explained():
    missing = {f"q{i:03d}": Failure("measurement", "no_reference") for i in range(4)}
    board = build([measured(configuration({"generate": name}), missing) for name in "ab"], 4)
    assert board.recommended() is None
    note = next(note for note in board.notes if note.kind == "nothing_scored")
    assert "judge.correctness could score no answer (no_reference 8)" in note.text("en")
    assert "no_reference 8" in note.text("ko")
    assert headline(board, "en") == "No configuration has a score of judge.correctness, so nothing is recommended."
    assert "judge.correctness" in headline(board, "ko")


def test_names_by_differing_knobs_are_unique():
    same = {"retriever": "bm25", "k": "5"}
    rows = [
        configuration({**same, "generate": "a"}),
        configuration({**same, "generate": "b"}),
        configuration({**same, "generate": "b"}, name="b"),
    ]
    names = row_names(rows)
    assert names[0] == "a"
    assert len(set(names)) == 3
    assert all(name.startswith("b") for name in names[1:])


def quickstart_board(order=None):
    """A whole small sweep: baselines, partial rows, Korean names, two figures, a failure."""
    space = small_space()
    world = World(space, questions=40, seed=11)
    asked = {row.key: 40 if i % 3 == 0 else 10 for i, row in enumerate(space.configurations)}
    items = []
    for i, row in enumerate(space.configurations[:12] + space.configurations[-2:]):
        if i == 5:
            items.append(Measured(row, {}, {}, "the encoder needs 3 GB of memory"))
            continue
        ids = list(world.questions[: asked[row.key]])
        if order is not None:
            order.shuffle(ids)
        column = {q: c for c, q in enumerate(world.questions)}
        scores = {}
        for q in ids:
            value = float(round(world.table[row.key][column[q]], 4))
            scores[q] = {"judge.correctness": Score(value), "bleu": Score(round(value / 2, 4))}
        usage = {q: Usage(500, 60, 0.25, 0.0008, 1) for q in ids}
        items.append(Measured(row, scores, usage))
    facts = Facts(
        "표본", "handbook-ko@3", currency="USD", configurations=62, ended=Reason("legacy", {"text": "300 answers"})
    )
    return build_board(items, questions(40), [JUDGE, BLEU], GOAL, facts)


def test_the_same_measurements_give_the_same_bytes():
    wanted = quickstart_board().to_json()
    for seed in range(3):
        assert quickstart_board(random.Random(seed)).to_json() == wanted
    assert b"NaN" not in wanted
    assert Board.from_json(wanted).to_json() == wanted
    assert Board.from_json(wanted) == quickstart_board()


def terminal(board, language="en", **more):
    out = io.StringIO()
    console = Console(file=out, width=200, color_system=None, legacy_windows=False)
    render_terminal(board, console, language=language, **more)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_golden_leaderboard(language):
    found = terminal(quickstart_board(), language)
    assert found == (GOLDEN / f"board.{language}.txt").read_text(encoding="utf-8")


def test_a_korean_table_lines_up():
    items = rows_of({"가나다": 0.9, "abc": 0.5, "한글과 Latin 섞임": 0.3}, 40)
    out = io.StringIO()
    render_terminal(build(items, 40), Console(file=out, width=200, color_system=None), language="ko")
    lines = [line for line in out.getvalue().splitlines() if "/40" in line]
    ends = {display_width(line[: line.index("/40")]) for line in lines}
    assert len(lines) == 3
    assert len(ends) == 1


def test_all_texts_show_the_same_numbers():
    board = quickstart_board()
    markdown = render_markdown(board)
    text = terminal(board, everything=True)
    sheet = list(csv.DictReader(io.StringIO(render_csv(board))))
    assert len(sheet) == len(board.rows)
    for row, line in zip(board.rows, sheet, strict=True):
        stat = row.figures.get("judge.correctness")
        if stat is None:
            assert line["judge.correctness"] == ""
            continue
        assert float(line["judge.correctness"]) == stat.mean
        shown = f"{stat.mean:.3f} [{stat.low:.2f}, {stat.high:.2f}]"
        assert shown in text
        assert shown.replace("[", "\\[") in markdown


def test_cells_are_safe_against_formulas():
    item = rows_of({"=cmd()": 0.5}, 5)
    assert "'=cmd()" in render_csv(build(item, 5))


def test_find_a_row():
    board = quickstart_board()
    row = board.rows[2]
    assert board.find("#3") == (row,)
    assert board.find(row.key[:10]) == (row,)
    assert board.find("nothing") == ()
