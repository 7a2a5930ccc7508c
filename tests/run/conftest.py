"""Small sweeps for the tests of the flow: a handful of questions, answers without a model unless a server is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_sweeps import Write

from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[2]
TEXT = """
sweep: {name}
eval_set: {eval_set}
pipeline:
  chunk: {{use: characters, size: [200, 400]}}
  retriever: bm25
  prompt: {{use: template, passages: {passages}}}
  generate: {generate}
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: {search}
budget: {{{budget}}}
network: offline
{more}
"""
MODELS = """
models:
  writer:
    provider: openai
    base_url: "{url}"
    model: gpt-writer
    price: {{input: 1, output: 2, per: 1M}}
    limits: {{concurrency: 1}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Ten questions of the English handbook, with its documents."""
    folder = tmp_path / "small"
    shutil.copytree(ROOT / "eval_sets" / "handbook-en" / "documents", folder / "documents")
    lines = (ROOT / "eval_sets" / "handbook-en" / "questions.jsonl").read_text("utf-8").splitlines()
    (folder / "questions.jsonl").write_text("\n".join(lines[:10]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def write(tmp_path: Path, small: Path) -> Write:
    """Writes a sweep file; with ``url`` answers come from the endpoint there, one at a time."""

    def written(
        name: str = "t",
        *,
        search: str = "grid",
        budget: str = "",
        more: str = "probe: off",
        url: str = "",
        passages: str = "1",
    ) -> Path:
        generate = "{use: chat, model: writer, max_tokens: 16}" if url else "extractive"
        text = TEXT.format(
            name=name,
            eval_set=small,
            generate=generate,
            search=search,
            budget=budget,
            more=more,
            passages=passages,
        )
        path = tmp_path / f"{name}.yaml"
        path.write_text(text + (MODELS.format(url=url) if url else ""), encoding="utf-8")
        return path

    return written


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """An endpoint on loopback."""
    with FakeServer() as running:
        yield running
