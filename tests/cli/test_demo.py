"""The demonstration ends with a question that its pipeline answers rightly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from ragscout.serve import Pipeline
from ragscout.steps.measure.fact.features import fact_words

ROOT = Path(__file__).parents[2]


def test_the_quick_demo_ends_with_a_question_that_is_answered_rightly(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    bundle = tmp_path / "demo.bundle"
    status, out, errors = call("demo", "--quick", "--store", str(tmp_path / "s"), "-o", str(bundle))
    assert status == 0, errors
    (question,) = re.findall(r'^ +ragscout ask \S+ "(.+)"$', out, re.MULTILINE)
    lines = (ROOT / "eval_sets" / "handbook-en" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    references = next(item["references"] for item in map(json.loads, lines) if item["question"] == question)
    said = Pipeline.load(bundle).ask(question).text
    words = set(fact_words(said, "en"))
    assert any(words >= set(fact_words(reference, "en")) for reference in references), (references, said)
