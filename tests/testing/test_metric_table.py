"""docs/metrics.md says what the registry says."""

import re
from pathlib import Path

import pytest

from ragscout.model.step import steps_of
from ragscout.spec import parse
from ragscout.testing.metric_table import metrics, table, written

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_holds_the_table() -> None:
    assert written(PAGE.read_text("utf-8")) == table(), "Run: python -m ragscout.testing.metric_table"


def test_every_metric_is_in_the_table() -> None:
    listed = {metric.name for metric in metrics()}
    packaged = {name for name, cls in steps_of("measure").items() if cls.__module__.startswith("ragscout.steps.")}
    assert listed == packaged - {"moverscore"}
    for metric in metrics():
        assert all(f"`{figure.name}`" in table() for figure in metric.figures())


def test_the_pages_examples_can_be_parsed() -> None:
    head = "sweep: s\neval_set: e\nmodels: {small: {provider: local, alias: qwen2.5-coder-0.5b}}\npipeline: {}\n"
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        spec = parse(head + block, "docs/metrics.md")
        assert spec.goal.metric in ("judge.correctness", "weighted")
    assert len(blocks) == 2


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="substring"):
        written("no marks")
