"""Each check finds what it is for, and only that."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from ragscout.data import Finding, check, detectable
from ragscout.data.documents import parse_files
from ragscout.data.similar import jaccard, near_pairs, shingles
from ragscout.model.evalset import Document, EvalSet, Question, Span
from ragscout.model.values import Corpus

LEAVE = Document("leave", "연차휴가는 최대 25일을 넘지 않는다. 병가는 연 10일까지 유급으로 쓸 수 있다.")
REMOTE = Document("remote", "Employees may work remotely on three days of the week after the probation period ends.")
WORDS = [f"{one}{two}" for one in ("ba", "ki", "lo", "mu", "ser") for two in ("tan", "vor", "mel", "qui", "xen")]
SETS = Path(__file__).parents[2] / "eval_sets"


def found(*questions: Question, holdout: float = 0.0) -> dict[str, Finding]:
    made = EvalSet("set", 1, "d", (), questions, holdout)
    return {finding.kind: finding for finding in check(made, Corpus((LEAVE, REMOTE)))}


def ask(name: str, text: str, reference: str = "a reference", **more: Any) -> Question:
    return Question(name, text, (reference,) if reference else (), **more)


def test_duplicates_and_conflicts() -> None:
    kinds = found(
        ask("1", "연차는 며칠까지 쌓이나요?", "25일"),
        ask("2", "연차는 며칠까지 쌓이나요 ?", "30일"),
        ask("3", "연차휴가는 최대 며칠까지 쌓일 수 있나요, 알려주세요"),
        ask("4", "연차휴가는 최대 며칠까지 쌓일 수 있나요, 알려주세요요"),
        ask("5", "Who signs an order of 100 euros in the warehouse?"),
        ask("6", "Who signs an order of 900 euros in the warehouse?"),
    )
    assert kinds["duplicate"].rows == ("1 = 2",)
    assert kinds["conflict"].rows == ("1 / 2",)
    assert [row.split(" (")[0] for row in kinds["near_duplicate"].rows] == ["3 ~ 4"]


def test_near_pairs_is_exact() -> None:
    seeded = random.Random(7)
    texts = ["".join(seeded.choices("가나다라 abc", k=seeded.randint(0, 25))) for _ in range(60)]
    texts += [text + "가" for text in texts[:20]]
    sets = [shingles(text) for text in texts]
    for least in (0.5, 0.8, 1.0):
        expected = {
            (i, j) for i, j in itertools.combinations(range(len(texts)), 2) if jaccard(sets[i], sets[j]) >= least
        }
        assert {(i, j) for i, j, _ in near_pairs(texts, least)} == expected


def test_copied_and_given_away() -> None:
    kinds = found(
        ask("copy", "Employees may work remotely on three days of the week after when?", documents=("remote",)),
        ask("own", "How often can people stay at home during a week?", documents=("remote",)),
        ask("tells", "Is the limit of twenty-five days right?", "twenty-five days"),
    )
    assert [row.split(" (")[0] for row in kinds["copied"].rows] == ["copy"]
    assert kinds["given_away"].rows == ("tells",)


def test_answers_outside_the_evidence() -> None:
    span = Span("leave", "연차휴가는 최대 25일을 넘지 않는다")
    kinds = found(
        ask("in", "며칠?", "연차는 최대 25일", evidence=(span,)),
        ask("out", "얼마?", "월급의 절반을 드립니다", evidence=(span,)),
        ask("alternative", "며칠까지?", "", evidence=(span,), meta={"gold_missing": "zz"}),
    )
    assert [row.split(" (")[0] for row in kinds["answer_outside_evidence"].rows] == ["out"]
    assert kinds["gold_missing"].rows == ("alternative: zz",)
    assert kinds["no_reference"].rows == ("alternative",)


def test_shares_languages_and_labels() -> None:
    kinds = found(
        ask("1", "연차는 며칠인가요?", documents=("leave",)),
        ask("2", "How many days?", documents=("leave",)),
        ask("3", "Wie viele Tage denn?", meta={"lang": "ko"}),
        ask("4", "What is the pay?", "", answerable=False, type="trap"),
    )
    assert "1 of 4 questions (25%)" in kinds["unanswerable_share"].message
    assert kinds["cross_language"].rows == ("2",)
    assert kinds["language_label"].rows == ("3 (ko, looks like en)",)
    assert "questions: en 3, ko 1; documents: ko 1, en 1" in kinds["languages"].message
    assert kinds["small_slice"].rows == ("trap (1)",)
    assert kinds["no_evidence"].rows == ("3",)
    assert "1 of 2 documents" in kinds["document_coverage"].message


def test_leakage_across_the_holdout() -> None:
    def twins(shared: bool) -> list[Question]:
        made = []
        for number in range(30):
            words = " ".join(random.Random(number).choices(WORDS, k=8))
            for side in "ab":
                place = f"d{number}" if shared else f"d{number}{side}"
                made.append(ask(f"{number}{side}", f"{words} {side}?", documents=(place,)))
        return made

    rows = found(*twins(shared=False), holdout=0.5)["leakage"].rows
    assert 5 < len(rows) < 25
    assert all(row.split(" | ")[0][:-1] == row.split(" | ")[1][:-1] for row in rows)
    assert "leakage" not in found(*twins(shared=True), holdout=0.5)


def test_far_longer_rows() -> None:
    kinds = found(
        *(ask(str(n), f"Question number {'abcdefghijk'[n]} about {n * 7}?") for n in range(10)), ask("x", "why " * 200)
    )
    assert [row.split(" (")[0] for row in kinds["far_longer"].rows] == ["x"]


@pytest.mark.parametrize(
    ("sd", "n", "points"),
    [
        (0.28, 50, 11.1),
        (0.28, 100, 7.8),
        (0.28, 200, 5.5),
        (0.28, 500, 3.5),
        (0.28, 1000, 2.5),
        (0.15, 50, 5.9),
        (0.20, 1000, 1.8),
    ],
)
def test_smallest_difference(sd: float, n: int, points: float) -> None:
    assert detectable(n, sd) == pytest.approx(points, abs=0.05)


@pytest.mark.parametrize(("count", "severity"), [(40, "warning"), (200, "info"), (1200, "info")])
def test_what_so_many_questions_can_show(count: int, severity: str) -> None:
    kinds = found(*(ask(str(n), f"{n} {n * 31337}?") for n in range(count)))
    assert kinds["smallest_difference"].severity == severity
    assert f"{detectable(count):.1f} points" in kinds["smallest_difference"].message


def test_no_question() -> None:
    assert [finding.kind for finding in check(EvalSet("s", 1, "d", (), ()), Corpus(()))] == ["no_questions"]


@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko"])
def test_bundled_sets_have_no_serious_warning(name: str, store: Any) -> None:
    eval_set = store.upload(SETS / name).eval_set
    findings = check(eval_set, Corpus(tuple(parse_files(eval_set.files, store.blobs, []))))
    warnings = [finding.kind for finding in findings if finding.severity == "warning"]
    assert set(warnings) <= {"smallest_difference", "copied"}
    assert "smallest_difference" in warnings
    assert all(finding.text() and finding.as_json() for finding in findings)
