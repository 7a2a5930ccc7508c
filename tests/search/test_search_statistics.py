"""Known answers and null simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from search_worlds import likely, played

from ragscout.search.stopping import stops
from ragscout.stats import paired as st

pytestmark = pytest.mark.numeric


def test_wilson_known_answer():
    # Wilson interval of 8 of 10 (Brown, Cai, DasGupta 2001): 0.490 to 0.943
    low, high = st.wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert st.wilson(0, 10)[0] == 0.0
    assert st.wilson(10, 10)[1] == 1.0
    assert st.wilson(10, 10)[0] == pytest.approx(0.7225, abs=1e-4)
    with pytest.raises(ValueError, match="wilson"):
        st.wilson(3, 2)


def test_mean_interval_is_the_t_interval():
    data = [0.1, 0.4, 0.35, 0.8, 0.55]
    found = st.mean_interval(data)
    wanted = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert st.mean_interval([0.9, 1.0, 0.95, 0.2], bounds=(0.0, 1.0)).high <= 1.0


def test_mean_interval_never_claims_certainty():
    for values in ([1.0] * 10, [0.5] * 10, [0.3]):
        found = st.mean_interval(values, bounds=(0.0, 1.0))
        assert found.low < found.mean <= found.high or found.mean == 1.0
        assert found.high - found.low > 0.2


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(0)
    effect = np.repeat(rng.normal(0, 1, 20), 10)
    data = (effect + rng.normal(0, 0.1, 200)).tolist()
    names = [str(index // 10) for index in range(200)]
    plain, grouped = st.mean_interval(data), st.mean_interval(data, names)
    assert grouped.high - grouped.low > 2.5 * (plain.high - plain.low)
    alone = st.mean_interval(data, [str(index) for index in range(200)])
    assert alone == plain


def clustered(rng, documents=30, each=4, rows=2):
    """Equal rows whose scores on one document go together: shape (rows, questions), and the document of each."""
    own = np.repeat(rng.normal(0, 0.3, (rows, documents)), each, axis=1)
    return 0.5 + own + rng.normal(0, 0.1, own.shape), [f"d{i // each}" for i in range(documents * each)]


@played(25, 200)
def test_paired_tests_know_that_questions_on_one_document_go_together(worlds):
    rng = np.random.default_rng(5)
    plain = grouped = covered = several = 0
    for _ in range(worlds):
        (a, b), groups = clustered(rng)
        plain += st.compare_paired(a, b).p < 0.05
        test = st.compare_paired(a, b, clusters=groups)
        grouped += test.p < 0.05
        covered += test.low <= 0 <= test.high
        table, groups = clustered(rng, rows=6)
        first = int(table.mean(1).argmax())
        several += len(st.simultaneous(st.by_cluster(table, groups), first).winner_set()) == 6
    assert plain > 0.2 * worlds, "taken as independent, questions make false claims"
    least = min(0.91, likely(0.95, worlds)[0]) * worlds
    assert grouped <= worlds - least and covered >= least and several >= least


def test_clusters_of_one_change_nothing_and_counts_stay_those_of_questions():
    a, b = np.random.default_rng(1).random((2, 40))
    assert st.compare_paired(a, b, clusters=[str(i) for i in range(40)]) == st.compare_paired(a, b)
    test = st.compare_paired(a, b, clusters=[str(i // 4) for i in range(40)])
    assert (test.n, test.wins + test.losses, test.method) == (40, 40, "sign-flip")
    assert test.difference == pytest.approx(float((a - b).mean()))
    residual = (a - b - (a - b).mean()).reshape(10, 4).sum(1)
    assert test.sd / 40**0.5 == pytest.approx((float((residual**2).sum()) * 10 / 9) ** 0.5 / 40)
    right = st.compare_paired([1.0, 0.0] * 20, [0.0, 0.0] * 20, clusters=[str(i // 4) for i in range(40)])
    assert right.method != "mcnemar"


@played(60, 300)
def test_cluster_interval_covers(worlds):
    rng = np.random.default_rng(1)
    names = [str(index // 5) for index in range(150)]
    covered = 0
    for _ in range(worlds):
        data = np.repeat(rng.normal(0, 1, 30), 5) + rng.normal(0, 0.5, 150)
        found = st.mean_interval(data.tolist(), names)
        covered += found.low <= 0 <= found.high
    low, high = likely(0.95, worlds)
    assert low <= covered / worlds <= high


def test_paired_t_matches_scipy():
    rng = np.random.default_rng(3)
    a, b = rng.random(40), rng.random(40)
    found = st.compare_paired(a.tolist(), b.tolist())
    wanted = stats.ttest_rel(a, b)
    assert found.method == "t"
    assert found.p == pytest.approx(wanted.pvalue)
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_sign_flip_exact_matches_scipy():
    rng = np.random.default_rng(4)
    d = rng.normal(0.3, 1, 11)
    wanted = stats.permutation_test(
        (d,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert st.sign_flip(d.tolist()) == pytest.approx(wanted.pvalue)
    assert st.sign_flip([0.0, 0.0]) == 1.0
    long = rng.normal(0.3, 1, 25)
    assert st.sign_flip(long.tolist(), 7) == st.sign_flip(long.tolist(), 7)
    assert st.sign_flip(long.tolist()) == pytest.approx(stats.ttest_1samp(long, 0).pvalue, abs=0.03)


def test_mcnemar_is_the_exact_binomial_test():
    a = [1.0] * 9 + [0.0] * 2 + [1.0] * 20
    b = [0.0] * 9 + [1.0] * 2 + [1.0] * 20
    found = st.compare_paired(a, b)
    assert (found.method, found.wins, found.losses) == ("mcnemar", 9, 2)
    assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue)
    assert st.mcnemar(0, 0) == 1.0


def test_holm_known_answer():
    # 0.01*4, 0.013*3, 0.03*2, 0.04*1, made monotone
    assert st.holm([0.01, 0.04, 0.03, 0.013]) == pytest.approx([0.04, 0.06, 0.06, 0.04])
    assert st.holm([0.01, 0.2], family=10) == pytest.approx([0.1, 1.0])
    assert st.holm([]) == []


def test_smallest_detectable_and_questions_to_separate():
    # table of the design notes: sd .28, n = 50/100/200/500/1000
    found = [round(100 * st.smallest_detectable(0.28, n), 1) for n in (50, 100, 200, 500, 1000)]
    assert found == [11.1, 7.8, 5.5, 3.5, 2.5]
    assert st.questions_to_separate(0.05, 0.28, 0) == 247
    assert st.questions_to_separate(0.05, 0.28, 300) == 0
    assert st.questions_to_separate(0.0, 0.28, 10) is None
    assert math.isinf(st.smallest_detectable(0.28, 0))


def test_stopping_boundary():
    assert not stops([0.0] * 9, [1.0] * 9, 80)
    assert stops([0.0] * 10, [1.0] * 10, 80)
    assert not stops([0.5] * 10, [0.5] * 10, 80)
    a = [0.1, 0.9] * 5
    worse = [x - 0.05 * (i % 3) for i, x in enumerate(a)]
    sd = np.std(np.array(worse) - a, ddof=1)
    t = float(np.mean(np.array(worse) - a) / (sd / math.sqrt(10)))
    assert -1.70 * math.sqrt(80 / 10) < t < -1.70
    assert not stops(worse, a, 80)
    assert stops(worse, a, 10)


@played(100, 400)
def test_stopping_rarely_gives_up_an_equal_or_better_row(worlds):
    rng = np.random.default_rng(5)
    given_up = 0
    for _ in range(worlds):
        difference = rng.normal(0.0, 0.28, 80)
        given_up += any(stops(difference[:n].tolist(), [0.0] * n, 80) for n in range(10, 81, 10))
    assert given_up / worlds <= 0.08


@played(6, 60)
def test_identical_configurations_give_no_separated_winner(worlds):
    rng = np.random.default_rng(6)
    separated = 0
    for seed in range(worlds):
        table = rng.normal(0, 0.2, 40) + rng.normal(0.5, 0.28, (30, 40))
        leader = int(table.mean(1).argmax())
        found = st.simultaneous(table, leader, seed)
        assert leader in found.winner_set()
        separated += len(found.winner_set()) < 30
    assert separated <= likely(0.05, worlds)[1] * worlds


@played(10, 100)
@pytest.mark.parametrize(("rows", "n"), [(2, 20), (8, 20), (8, 200), (100, 50)])
def test_simultaneous_false_claims_stay_below_their_level(rows, n, worlds):
    rng = np.random.default_rng(7)
    false = 0
    for seed in range(worlds):
        table = rng.normal(0.5, 0.28, (rows, n))
        found = st.simultaneous(table, int(table.mean(1).argmax()), seed)
        false += len(found.winner_set()) < rows
    assert false <= likely(0.05, worlds)[1] * worlds


def test_a_clear_winner_is_separated_and_twins_stay():
    rng = np.random.default_rng(8)
    base = rng.normal(0, 0.2, 200)
    table = np.stack([base + 0.6, base + 0.6, base + 0.1 + rng.normal(0, 0.2, 200)])
    found = st.simultaneous(table, 0)
    assert found.winner_set() == (0, 1)
    assert found.low[2] == pytest.approx(0.5, abs=0.1)
    assert st.simultaneous(table[:1], 0).winner_set() == (0,)
