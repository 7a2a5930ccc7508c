"""Parents of small chunks from the sweep to the served answer: what is shown is what the prompt held."""

from __future__ import annotations

from pathlib import Path

import pytest
from measured import Measured, bundled, lexical, measured

from ragscout.model.config import Configuration
from ragscout.model.text import normalise
from ragscout.serve import Pipeline, verify
from ragscout.store.store import Store

STAGES = {
    **lexical(),
    "chunk": ("parent-child", {"size": 120, "times": 4}),
    "context": ("parents", {"limit": 5}),
    "prompt": ("template", {"passages": 2}),
}


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    store = Store.open(tmp_path_factory.mktemp("parents") / "store")
    return measured(store, bundled(store, "handbook-en"), STAGES)


def test_sources_are_parents(parents: Measured, tmp_path: Path) -> None:
    documents = {path.name: path for path in (Path(__file__).parents[2] / "eval_sets/handbook-en/documents").iterdir()}
    with Pipeline.load(parents.export(tmp_path / "b.zip")) as pipeline:
        reply = pipeline.ask("How many days of annual leave do I get?")
        traced = pipeline.trace(parents.questions[0])
    assert len(reply.sources) == 2 and reply.text
    for source in reply.sources:
        text = normalise(documents[source.document].read_text(encoding="utf-8"))
        assert text[source.start : source.end] == source.text
        assert 120 < len(source.text) <= 480 and source.score is not None
    assert reply.timings.keys() == {"lexical", "fuse", "context", "prompt", "generate"}
    prompt, found = traced.outcomes["prompt"], traced.outcomes["context"]
    assert prompt.passages == (0, 1) and len(found) <= 5
    assert all(found.text[at] in prompt.messages[-1].content for at in prompt.passages)


def test_a_bundle_answers_as_measured(parents: Measured, tmp_path: Path) -> None:
    report = verify(parents.export(tmp_path / "b.bundle"))
    assert report.same and report.answers == report.answers_equal == len(parents.questions)
    assert report.rankings == report.rankings_equal > 0


def test_without_an_answer_the_ranking_is_shown(parents: Measured, tmp_path: Path) -> None:
    """A retrieval prefix has neither prompt nor context, and still shows chunks."""
    prefix = parents.configuration.retrieval()
    assert isinstance(prefix, Configuration) and "context" not in prefix.steps
    with Pipeline.of(prefix, store=parents.store, opening=parents.opening) as pipeline:
        reply = pipeline.ask("How many days of annual leave do I get?")
    assert not reply.text and reply.sources and all(len(source.text) <= 120 for source in reply.sources)
