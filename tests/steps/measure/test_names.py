from __future__ import annotations

import pytest

from ragscout.model.errors import ParameterError
from ragscout.steps.measure.names import canonical_figure, mlflow_name, parse_metric


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("recall@5", ("recall", {"k": 5})),
        ("doc.ndcg@10", ("doc.ndcg", {"k": 10})),
        ("nDCG@10", ("ndcg", {"k": 10})),
        ("Doc.MRR@3", ("doc.mrr", {"k": 3})),
        ("judge.correctness", ("judge", {"criteria": ("correctness",)})),
        ("judge", ("judge", {})),
        ("bleu", ("bleu", {})),
        ("BERTScore", ("bertscore", {})),
        ("rouge-L", ("rougeL", {})),
        ("chrF++", ("chrf", {})),
        ("context_tokens", ("context_tokens", {})),
    ],
)
def test_names_as_the_field_writes_them(text, wanted):
    assert parse_metric(text) == wanted


@pytest.mark.parametrize("text", ["recall@", "recall@0", "recall@five", "recall@-1", "recall@1.5", "recall@99999999"])
def test_wrong_cutoffs_are_refused(text):
    with pytest.raises(ParameterError, match="@5"):
        parse_metric(text)


def test_canonical_names_are_fixed_points():
    for text in ("nDCG@10", "recall@5", "judge.correctness", "BLEU", "rouge-l", "doc.hit@1"):
        assert canonical_figure(canonical_figure(text)) == canonical_figure(text)
    assert canonical_figure("nDCG@10") == "ndcg@10"


def test_mlflow_takes_no_at_sign():
    assert mlflow_name("recall@5") == "recall_5"
    assert mlflow_name("judge.정확성") == "judge.정확성"
