"""Retrieval metrics against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_fakes import Runtime, run

from ragscout.model.evalset import Question, Span
from ragscout.model.outcome import Evidence, Failure, Hit, PlacedSpan, Ranking, Score
from ragscout.model.step import make
from ragscout.model.values import Chunks

# chunks 0..5: a[0,100) a[100,200) a[200,300) b[0,100) b[100,200) c[0,100)
CHUNKS = Chunks(
    document=("a", "a", "a", "b", "b", "c"),
    start=(0, 100, 200, 0, 100, 0),
    end=(100, 200, 300, 100, 200, 100),
    text=("alpha", "beta", "gamma", "연차휴가는 25일", "delta", "epsilon"),
)


def ranking(*rows: int) -> Ranking:
    return Ranking(tuple(Hit(row, 1.0 - place / 10) for place, row in enumerate(rows)))


def score(name, rank, spans=(), documents=(), question=None, **parameters):
    question = question or Question("q", "?", ("연차휴가는 25일입니다.",))
    gold = Evidence(tuple(spans), documents=tuple(documents))
    step = make("measure", name, parameters)
    (found,) = run(step, Runtime(), [question], chunk=CHUNKS, evidence=[gold], rerank=[rank])
    ((figure, outcome),) = found.items()
    assert figure == f"{name}@{parameters['k']}"
    return outcome.value if isinstance(outcome, Score) else outcome


SPANS = (PlacedSpan("a", 110, 150, 0), PlacedSpan("b", 20, 60, 1))


@pytest.mark.parametrize(
    ("name", "k", "rows", "wanted"),
    [
        ("hit", 1, (0, 1, 3), 0.0),
        ("hit", 2, (0, 1, 3), 1.0),
        ("recall", 2, (0, 1, 3), 0.5),
        ("recall", 3, (0, 1, 3), 1.0),
        ("precision", 3, (0, 1, 3), 2 / 3),
        ("precision", 5, (0, 1, 3), 2 / 5),
        ("mrr", 3, (0, 1, 3), 0.5),
        ("mrr", 1, (0, 1, 3), 0.0),
        ("ndcg", 3, (1, 3, 0), 1.0),
        ("ndcg", 3, (0, 1, 3), (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3))),
        ("ndcg", 2, (0, 2), 0.0),
        ("recall", 5, (), 0.0),
    ],
)
def test_span_metrics(name, k, rows, wanted):
    assert score(name, ranking(*rows), SPANS, k=k) == pytest.approx(wanted, abs=1e-12)


def test_alternatives_of_a_group_need_only_one():
    spans = (PlacedSpan("a", 110, 150, 0), PlacedSpan("b", 20, 60, 0))
    assert score("recall", ranking(3), spans, k=1) == 1.0
    assert score("ndcg", ranking(3, 1), spans, k=2) == 1.0


def test_cover_decides_what_is_relevant():
    across = (PlacedSpan("a", 70, 130, 0),)  # half of it in chunk 0, half in chunk 1
    assert score("recall", ranking(0), across, k=1) == 1.0
    assert score("recall", ranking(0), across, k=1, cover=0.6) == 0.0


def test_two_groups_in_one_chunk_are_both_found_first():
    spans = (PlacedSpan("a", 10, 20, 0), PlacedSpan("a", 30, 40, 1))
    assert score("ndcg", ranking(0), spans, k=1) == 1.0
    assert score("ndcg", ranking(0, 3), spans, k=5) == 1.0


def test_document_metrics_rank_documents_by_their_best_chunk():
    documents = ("b", "c")
    assert score("doc.recall", ranking(0, 1, 2, 3), documents=documents, k=1) == 0.0
    assert score("doc.recall", ranking(0, 1, 2, 3), documents=documents, k=2) == 0.5
    assert score("doc.mrr", ranking(0, 1, 2, 3), documents=documents, k=5) == 0.5
    assert score("doc.precision", ranking(3, 5), documents=documents, k=2) == 1.0
    assert score("doc.hit", ranking(3), documents=documents, k=1) == 1.0
    assert score("doc.ndcg", ranking(3, 5), SPANS, documents=("b", "c"), k=3) < 1.0
    assert score("doc.recall", ranking(1, 4), SPANS, k=2) == 1.0


def test_document_metrics_count_documents_and_not_the_spans_in_them():
    """Standard definitions: gains and recall over relevant documents (Järvelin & Kekäläinen 2002; trec_eval)."""
    three_in_a = (PlacedSpan("a", 0, 10, 0), PlacedSpan("a", 110, 150, 1), PlacedSpan("a", 210, 250, 2))
    spans = (*three_in_a, PlacedSpan("b", 20, 60, 3))
    assert score("doc.recall", ranking(0), spans, k=5) == 0.5
    assert score("doc.recall", ranking(0, 3), spans, k=1) == 0.5
    found_second = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert score("doc.ndcg", ranking(5, 0), spans, k=5) == pytest.approx(found_second, abs=1e-12)
    assert score("doc.ndcg", ranking(0, 5), three_in_a, k=5) == 1.0
    both_hold_it = (PlacedSpan("a", 0, 10, 0), PlacedSpan("b", 20, 60, 0))  # alternatives: two relevant documents
    assert score("doc.recall", ranking(0), both_hold_it, k=5) == 0.5
    assert score("doc.hit", ranking(0), both_hold_it, k=5) == 1.0
    assert score("doc.recall", ranking(0), (PlacedSpan("a", 0, 10, 0),), documents=("a",), k=5) == 1.0


def test_what_cannot_be_measured_says_why():
    unanswerable = Question("u", "?", answerable=False)
    assert score("recall", ranking(0), SPANS, question=unanswerable, k=5).kind == "no_evidence"
    assert score("recall", ranking(0), documents=("a",), k=5).kind == "no_evidence"
    assert score("doc.recall", ranking(0), k=5).kind == "no_evidence"
    marked = Question("q", "?", ("x",), evidence=(Span("a", "gone", group=0), Span("b", "there", group=1)))
    assert score("recall", ranking(0), SPANS[1:], question=marked, k=5).kind == "unplaced"
    one_of_two = Question("q", "?", ("x",), evidence=(Span("a", "gone", group=1), Span("b", "there", group=1)))
    assert score("recall", ranking(3), SPANS[1:], question=one_of_two, k=5) == 1.0
    for outcome in (score("recall", ranking(0), k=5),):
        assert isinstance(outcome, Failure) and outcome.whose == "measurement"


def test_reference_coverage_in_both_languages():
    assert score("reference_coverage", ranking(3), k=1) == 1.0
    assert score("reference_coverage", ranking(0), k=1) == 0.0
    english = Question("q", "?", ("The gamma and the deltas", "unrelated words"))
    assert score("reference_coverage", ranking(2, 4), question=english, k=2) == 1.0
    assert score("reference_coverage", ranking(2), question=english, k=2) == 0.5
    nothing = Question("q", "?", ("...",))
    assert score("reference_coverage", ranking(2), question=nothing, k=2).kind == "no_reference"


def test_context_tokens_count_the_first_k():
    assert score("context_tokens", ranking(0, 1, 2), k=2) == 2
    assert score("context_tokens", ranking(3), k=1) == 3 + 1 + 1
    assert make("measure", "context_tokens").figures()[0].unit == "tokens"


rows = st.lists(st.integers(0, 5), max_size=6, unique=True)
spans = st.lists(
    st.builds(
        lambda document, start, length, group: PlacedSpan(document, start, start + length, group),
        st.sampled_from("abc"),
        st.integers(0, 250),
        st.integers(0, 90),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=5,
)


@given(rows, spans, st.integers(1, 6), st.sampled_from(["hit", "recall", "precision", "mrr", "ndcg"]))
def test_values_lie_in_range_and_grow_with_k(rows, spans, k, name):
    for scope in ("", "doc."):
        found = score(scope + name, ranking(*rows), spans, k=k)
        assert 0.0 <= found <= 1.0
        if name in ("hit", "recall", "mrr"):
            assert found <= score(scope + name, ranking(*rows), spans, k=k + 1)
