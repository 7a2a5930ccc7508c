"""The page of the pipeline says what the stage table and the registry say."""

from pathlib import Path

import ragscout.steps  # noqa: F401 - fills the registry
from ragscout.model.stages import STAGES, keys
from ragscout.testing.stage_table import TABLES, rewritten

PAGE = Path(__file__).parents[2] / "docs" / "pipeline.md"


def test_the_page_is_up_to_date() -> None:
    """Run ``python -m ragscout.testing.stage_table`` after a change."""
    page = PAGE.read_text("utf-8")
    assert rewritten(page) == page


def test_the_tables_hold_everything() -> None:
    stages = TABLES["stages"]()
    assert all(f"\n| {name} |" in stages for name in STAGES)
    steps = TABLES["steps"]()
    assert all(f"\n| {key} |" in steps for key in keys() if key != "retriever")
    assert "| `hybrid` | lexical: `bm25`, dense: `nearest`, fuse: `rrf` |" in TABLES["retrievers"]()
