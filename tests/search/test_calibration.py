"""Calibration of judges: agreement against published and hand-computed values, bias, slope, sampling, noise."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from search_worlds import configuration, likely, played

from ragscout.judges.labels import Label, item_key
from ragscout.judges.people import disputed
from ragscout.judges.report import matched, report
from ragscout.judges.sample import Item, choose, population
from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.calibration import Scale
from ragscout.stats.agreement import agreement, cohen_kappa, count_table, gwet_ac, jackknife

SCALE = Scale(5, 4)


def answers(count, *, models=("a", "b"), level=lambda i: 1 + i % 5, length=lambda i: 20):
    """Distinct answers, one per question, models in turn."""
    made = []
    for i in range(count):
        question = Question(f"q{i:03d}", f"문항 {i}?", ("답",))
        text = f"{i:03d}" + "가" * (length(i) - 3)
        found = level(i)
        made.append(
            Item(
                item_key(question, text),
                question,
                text,
                models[i % len(models)],
                (f"c{i % len(models)}",),
                str(found),
                (found - 1) / 4,
                {"level": str(found)},
            )
        )
    return made


def labels_of(items, level, who="ana", levels=5):
    return [Label(item.key, "correctness", who, level(i), levels) for i, item in enumerate(items)]


def test_kappa_and_ac1_are_the_published_values():
    # Gwet 2002, "Kappa statistic is not satisfactory for assessing the extent of agreement between raters", table 1
    table = np.array([[118, 5], [2, 0]])
    assert cohen_kappa(table) == pytest.approx(-0.0234, abs=5e-5)
    assert gwet_ac(table) == pytest.approx(0.9408, abs=5e-5)
    # by hand: observed 35/50 = .7, chance .5*.6 + .5*.4 = .5, so .2/.5
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    # by hand: pi = (25+30)/100 = .55, chance 2*.55*.45 = .495
    assert gwet_ac(np.array([[20, 5], [10, 15]])) == pytest.approx((0.7 - 0.495) / 0.505)


def test_quadratic_kappa_by_hand():
    # three levels, weights 1, .75, 0: observed (4 + 3 + 1)/12 + .75 * (2 + 1 + 0 + 0)/12 + 0 * 1/12
    table = np.array([[4.0, 2, 1], [1, 3, 0], [0, 0, 1]])
    rows, columns = table.sum(1) / 12, table.sum(0) / 12
    chance = sum((1 - ((i - j) / 2) ** 2) * rows[i] * columns[j] for i in range(3) for j in range(3))
    observed = (8 + 0.75 * 3) / 12
    assert cohen_kappa(table, "quadratic") == pytest.approx((observed - chance) / (1 - chance))


def test_kappa_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for classes in (2, 5):
        first = rng.integers(classes, size=80)
        second = np.where(rng.random(80) < 0.6, first, rng.integers(classes, size=80))
        table = count_table(first.tolist(), second.tolist(), classes)
        assert cohen_kappa(table) == pytest.approx(metrics.cohen_kappa_score(first, second))
        assert cohen_kappa(table, "quadratic") == pytest.approx(
            metrics.cohen_kappa_score(first, second, weights="quadratic")
        )


def test_jackknife_interval_is_that_of_the_large_sample_formula():
    """Fleiss, Cohen and Everitt 1969: the variance of kappa, from its cell shares."""
    table = np.array([[60.0, 12], [18, 70]])
    n = table.sum()
    share, rows, columns = table / n, table.sum(1) / n, table.sum(0) / n
    observed, chance = np.trace(share), rows @ columns
    kappa = (observed - chance) / (1 - chance)
    first = sum(share[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    second = (1 - kappa) ** 2 * sum(share[i, j] * (columns[i] + rows[j]) ** 2 for i in (0, 1) for j in (0, 1) if i != j)
    error = math.sqrt((first + second - (kappa - chance * (1 - kappa)) ** 2) / n) / (1 - chance)
    people = [0] * 72 + [1] * 88
    judge = [0] * 60 + [1] * 12 + [0] * 18 + [1] * 70
    made = agreement(people, judge, 2, [str(i) for i in range(160)])
    assert made.value == pytest.approx(kappa)
    assert (made.high - made.low) / 2 == pytest.approx(1.975 * error, rel=0.03)


def test_perfect_agreement_claims_no_certainty():
    made = agreement([0, 1] * 15, [0, 1] * 15, 2, [str(i) for i in range(30)])
    assert made.value == 1.0
    assert 0.6 < made.low < 0.9
    assert made.high == 1.0


def test_one_class_only_has_no_kappa_but_an_ac1():
    made = agreement([1] * 40, [1] * 40, 2, [str(i) for i in range(40)])
    assert made.value is None
    assert agreement([1] * 40, [1] * 40, 2, [str(i) for i in range(40)], coefficient="gwet").value == 1.0


@played(60, 300)
def test_interval_covers_and_groups_widen_it(worlds):
    """95 % intervals of kappa on 50 answers cover the population's value; copied answers do not narrow them."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(worlds):
        people = rng.random(50) < 0.5
        judge = np.where(rng.random(50) < 0.8, people, ~people)  # population kappa .6
        made = agreement(people.astype(int).tolist(), judge.astype(int).tolist(), 2, [str(i) for i in range(50)])
        covered += made.low <= 0.6 <= made.high
    assert covered >= min(0.92, likely(0.95, worlds)[0]) * worlds, covered
    people, judge = [0, 1, 1, 0, 1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 1, 1, 1, 0, 1]
    once = agreement(people, judge, 2, [str(i) for i in range(10)])
    copied = agreement(people * 4, judge * 4, 2, [str(i % 10) for i in range(40)])
    naive = agreement(people * 4, judge * 4, 2, [str(i) for i in range(40)])
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.05)
    assert naive.high - naive.low < 0.6 * (copied.high - copied.low)


def test_report_counts_errors_and_finds_the_favoured_model():
    """The judge adds two levels to answers of model b: its bias excludes 0, that of a does not."""
    items = answers(60, level=lambda i: (1 + i // 2 % 3) + (2 if i % 2 else 0))
    people = labels_of(items, lambda i: max(1, 1 + i // 2 % 3 + (1 if i % 7 == 0 else 0)))
    made = report("judge.correctness", "j", SCALE, matched(items, people), people)
    bias = {item.model: item for item in made.bias}
    assert bias["b"].found
    assert bias["b"].bias == pytest.approx(0.5 - 0.25 * 4 / 30, abs=0.02)
    assert not bias["a"].found or abs(bias["a"].bias) < 0.1
    assert made.false_pass.count == made.table["wrong_right"]
    assert made.false_pass.of == made.table["wrong_right"] + made.table["wrong_wrong"]
    assert sum(made.table.values()) == 60
    assert made.state == "not_validated"
    assert made.standing().biased[0] == "b"
    assert made.worst[0].item.model == "b"


def test_length_slope_with_its_interval():
    rng = random.Random(5)
    items = answers(60, length=lambda i: 10 * 2 ** (i % 5), level=lambda i: 1 + i % 5)
    flat = labels_of(items, lambda i: 1 + rng.randrange(2))
    made = report("judge.correctness", "j", SCALE, matched(items, flat), flat)
    assert made.slope.value == pytest.approx(0.25, abs=0.05), "a level more for each doubling"
    assert made.slope.low > 0.15
    even = answers(60, length=lambda i: 10 * 2 ** (i % 5), level=lambda i: 3)
    near = labels_of(even, lambda i: 2 + rng.randrange(3))
    fair = report("judge.correctness", "j", SCALE, matched(even, near), near).slope
    assert fair.low < 0 < fair.high


def test_dominant_class_is_judged_by_ac1():
    items = answers(60, level=lambda i: 5 if i else 1)
    people = labels_of(items, lambda i: 5 if i != 1 else 1)
    made = report("judge.correctness", "j", SCALE, matched(items, people), people)
    assert made.coefficient == "AC1"
    assert made.kappa.value < 0.1
    assert made.state == "calibrated"
    assert made.standing().badge() == ""


def test_few_labels_say_nothing():
    items = answers(29)
    people = labels_of(items, lambda i: 1 + i % 5)
    standing = report("judge.correctness", "j", SCALE, matched(items, people), people).standing()
    assert standing.state == "not_calibrated"
    assert standing.agreement is None
    assert standing.badge() == "judge not calibrated"
    assert standing.badge("ko") == "사람의 채점으로 확인하지 않은 자동 채점"


def test_labellers_their_agreement_and_disagreements():
    items = answers(40)
    people = labels_of(items, lambda i: 1 + i % 5, "ana") + labels_of(items[:20], lambda i: 5 - i % 5, "민지")
    made = report("judge.correctness", "j", SCALE, matched(items, people), people)
    (pair,) = made.between
    assert (pair.first, pair.second, pair.n) == ("ana", "민지", 20)
    assert pair.kappa.value < 0
    apart = disputed(people, SCALE)
    assert len(apart) == 16, "levels 3 and 3 agree, all others lie two levels apart or more"
    assert made.labels == 60
    assert made.answers == 40


def test_right_or_wrong_labels_and_levels_meet_at_the_pass_level():
    items = answers(40)
    people = labels_of(items, lambda i: 2 if 1 + i % 5 >= 4 else 1, levels=2)
    made = report("judge.correctness", "j", SCALE, matched(items, people), people)
    assert made.kappa.value == 1.0
    assert made.ac2.value is None, "people did not use levels"


def test_repeats_show_their_noise():
    items = answers(40)
    people = labels_of(items, lambda i: 1 + i % 5)
    details = [{"levels": "3 5"}, {"levels": "4 4"}, {"level": "2"}]
    noise = report("judge.correctness", "j", SCALE, matched(items, people), people, details).noise
    assert noise.answers == 2
    assert noise.flipped == 1
    assert noise.sd == pytest.approx(math.sqrt((2.0 + 0.0) / 2) / 4)


def test_sample_is_seeded_spread_and_extends():
    items = answers(200, models=("a", "b", "c"), level=lambda i: 1 if i % 10 else 5)
    sample = choose(items, 50, 7)
    assert [item.key for item in sample] == [item.key for item in choose(list(reversed(items)), 50, 7)]
    assert {item.key for item in sample} != {item.key for item in choose(items, 50, 8)}
    models = [item.model for item in sample]
    assert min(map(models.count, "abc")) >= 16
    assert {(item.model, item.level) for item in sample} == {(m, level) for m in "abc" for level in "15"}
    assert models != sorted(models), "shuffled"
    done = {item.key for item in sample}
    assert done <= {item.key for item in choose(items, 80, 7, done)}


def test_weights_undo_the_sampling():
    """Level 5 is drawn far too often; the weighted bias is that of all answers."""
    items = answers(200, models=("a",), level=lambda i: 5 if i < 20 else 1)
    picked = items[:20] + items[100:120]
    people = [Label(item.key, "correctness", "ana", 1, 5) for item in picked]
    made = report("judge.correctness", "j", SCALE, matched(items, people), people)
    assert made.bias[0].bias == pytest.approx(0.1)


def test_population_is_what_a_judge_is_asked_about():
    row = configuration({"generate": "w"})
    asked = [Question(f"q{i}", f"what {i}?", ("a thing",)) for i in range(4)]
    asked.append(Question("q4", "nothing?", answerable=False))
    texts = {"q0": "a thing", "q1": "I don't know.", "q2": "", "q3": "", "q4": "a guess"}
    judged = {
        "q0": {"judge.correctness": Score(1.0, {"level": "5"})},
        "q1": {"judge.correctness": Failure("candidate", "refused")},
        "q2": {"judge.correctness": Failure("candidate", "empty")},
        "q4": {"judge.correctness": Score(0.0, {"rule": "unanswerable"})},
    }
    found = population([(row, judged, texts)], asked, "judge.correctness")
    assert [item.question.id for item in found] == (["q0"] if row.generates else [])
    twin = configuration({"generate": "w", "chunk": "other"})
    both = [(item, judged, texts) for item in (row, twin)]
    assert len(population(both, asked, "judge.correctness")) == 1, "one answer of two configurations"
    passages = {row.key: ("a thing is here",), twin.key: ("nothing",)}
    apart = population(both, asked, "judge.correctness", lambda key, question: passages[key])
    assert len(apart) == 2, "where the criterion reads passages, what an answer was given belongs to it"
    plain = {name: {"bleu": Score(0.1)} for name in ("q0", "q1", "q4")}
    found = population([(row, plain, texts)], asked, "judge.correctness")
    assert [item.question.id for item in found] == ["q0"], "rules of correctness decide without a judge"


def test_jackknife_of_a_mean_is_the_t_interval():
    values = [0.1, 0.5, 0.9, 0.4, 0.3]
    made = jackknife(lambda places: sum(values[i] for i in places) / len(places), list("abcde"))
    error = np.std(values, ddof=1) / math.sqrt(5)
    assert made.high - made.value == pytest.approx(2.776445 * error, rel=1e-5)
