"""Every search of docs/searching.md exists, and every name is in its table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ragscout.search import SEARCHES, check
from ragscout.spec.parse import parse

PAGE = (Path(__file__).parents[2] / "docs" / "searching.md").read_text("utf-8")
LINES = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL).group(1).splitlines()  # type: ignore[union-attr]
SWEEP = """
sweep: example
eval_set: example@1
pipeline: {retriever: bm25, generate: extractive}
measure: {answer: [token_f1]}
"""


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_a_search(line):
    spec = parse(SWEEP + line + "\n", "example.yaml")
    policy, sampler = check(spec.search.use, spec.search.parameters)
    assert policy is not None
    assert (sampler is not None) == ("optuna" in line)


def test_every_name_is_in_the_table_and_among_the_lines():
    table = PAGE[PAGE.index("| name |") : PAGE.index("Whatever the name")]
    for name in SEARCHES:
        assert f"`{name}`" in table, name
        assert any(re.search(rf"\b{name}\b", line) for line in LINES), name
