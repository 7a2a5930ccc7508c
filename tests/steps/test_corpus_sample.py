"""Which documents a corpus sample holds."""

from typing import Any

import pytest

from ragscout.model.config import Configuration, source_node
from ragscout.model.errors import ParameterError
from ragscout.model.evalset import Document, Question, Span
from ragscout.model.offsets import Origin
from ragscout.model.results.declared_sample import Declared, on_sample, setting, size_of
from ragscout.model.step import make, steps_of
from ragscout.model.values import Corpus
from ragscout.steps.corpus import Sample
from ragscout.testing.steps import FakeRuntime, WholeKit, run

WORDS = ("leave", "travel", "salary", "휴가", "출장", "급여", "training", "security", "보안", "parking")


def documents(count: int = 40) -> tuple[Document, ...]:
    """Documents of ten topics, Korean and English by turns."""
    return tuple(
        Document(f"folder/doc{number:02}.md", f"{WORDS[number % 10]} rule {number}. " + "filler text " * (number % 4))
        for number in range(count)
    )


def names(parameters: dict[str, Any], corpus: Corpus | None = None) -> list[str]:
    found = run(make("corpus", "sample", parameters), None, corpus=corpus or Corpus(documents()))
    return [document.id for document in found.documents]


class TestSample(WholeKit):
    stage = "corpus"
    cases = (
        ("sample", {"size": 12, "seed": 3, "questions": ("leave rule", "휴가 규정")}),
        ("sample", {"share": 0.2, "evidence": (("doc03", ""), ("", "travel rule 11.")), "questions": ("출장",)}),
        ("sample", {"size": 12, "seed": 4, "pooled": ("급여",), "questions": ("급여", "보안 규정")}),
    )

    def inputs(self) -> dict[str, Any]:
        return {"corpus": Corpus(documents())}

    def comparable(self, value: Any) -> Any:
        return tuple(value.documents), dict(value.aliases)


def test_evidence_is_never_left_out_and_comes_first() -> None:
    every = [(document.id, "") for document in documents()[::3]]
    assert names({"size": 3, "evidence": every}) == [name for name, _ in every], "more evidence than the size"
    found = names({"size": 20, "evidence": every, "questions": ("leave rule",)})
    assert len(found) == 20 and {name for name, _ in every} <= set(found)


@pytest.mark.parametrize("name", ["folder/doc07.md", "Folder/DOC07.md", "folder/doc07", "doc07", "doc07.txt"])
def test_documents_are_found_by_every_name(name: str) -> None:
    assert names({"size": 1, "evidence": [(name, "")]}) == ["folder/doc07.md"]


def test_parts_repeats_and_bare_quotes_are_found() -> None:
    parts = tuple(Document(f"big.md#{n}", f"part {n}", origin=Origin("big.md", "d", ((0, 0, 6),))) for n in range(3))
    corpus = Corpus((*documents(), *parts), {"copy.md": "folder/doc05.md"})
    assert names({"size": 1, "evidence": [("big.md", "")]}, corpus) == [part.id for part in parts]
    assert names({"size": 1, "evidence": [("copy.md", "")]}, corpus) == ["folder/doc05.md"]
    assert names({"size": 1, "evidence": [("", "휴가  rule 13.")]}, corpus) == ["folder/doc13.md"]
    assert names({"size": 1, "evidence": [("gone.md", "출장 rule 4.")]}, corpus) == ["folder/doc04.md"]


def test_nearest_distractors_come_before_random_ones() -> None:
    runtime = FakeRuntime()
    step = make("corpus", "sample", {"size": 12, "evidence": [("doc00", "")], "questions": ["휴가 규정", "salary"]})
    found = run(step, runtime, corpus=Corpus(documents()))
    kept = [document.text.split()[0] for document in found.documents]
    assert kept.count("휴가") == 4 and kept.count("salary") == 4, "all that share a word with a question"
    assert runtime.reports == {"documents": 12, "of": 40, "evidence": 1, "nearest": 8, "random": 3}
    order = [document.id for document in found.documents]
    assert order == sorted(order), "in the corpus' order"


def test_without_evidence_the_best_documents_are_pooled() -> None:
    runtime = FakeRuntime()
    step = make("corpus", "sample", {"size": 1, "pooled": ["휴가 규정", "parking"]})
    found = run(step, runtime, corpus=Corpus(documents()))
    assert {document.text.split()[0] for document in found.documents} == {"휴가", "parking"}
    assert runtime.reports["evidence"] == 8


def test_a_sample_is_seeded_and_stable_when_the_corpus_grows() -> None:
    small, other = names({"size": 10, "seed": 1}), names({"size": 10, "seed": 2})
    assert small == names({"size": 10, "seed": 1}) and small != other
    grown = names({"size": 12, "seed": 1}, Corpus(documents(44)))
    assert len(set(small) & set(grown)) >= 8
    assert names({"size": 40}) == names({"size": 400}) == [document.id for document in documents()]


def test_the_key_holds_corpus_questions_size_and_seed() -> None:
    questions = (Question("a", "휴가는?", evidence=(Span("d.md", "열흘"),)), Question("b", "Pay?"))
    base = Declared(size=10, seed=1).step(questions)
    keys = {
        step.key({"corpus": corpus})
        for corpus in ("x", "y")
        for step in (
            base,
            Declared(size=11, seed=1).step(questions),
            Declared(size=10, seed=2).step(questions),
            Declared(size=10, seed=1).step(questions[:1]),
        )
    }
    assert len(keys) == 8
    assert Declared(10, 0.0, 1, True, 5.0, 6.0).step(questions[::-1]) == base, "order and reasons are in no key"
    assert list(base.parameters()["pooled"]) == ["Pay?"]


def test_prefixes_on_a_sample_have_keys_of_their_own() -> None:
    steps = {
        stage: make(stage, name)
        for stage, name in (
            ("corpus", "parse"),
            ("chunk", "characters"),
            ("lexicon", "bm25"),
            ("query", "as-asked"),
            ("lexical", "bm25"),
            ("fuse", "lexical"),
            ("rerank", "none"),
        )
    }
    prefix = Configuration(steps, source_node("files"), {"retriever": "bm25"})
    (found,) = on_sample([prefix], Declared(size=5), ()).values()
    assert found.sampled and not prefix.sampled
    assert found.source.inputs == (prefix.nodes["corpus"],), "the whole corpus is what it is taken from"
    same = {stage for stage, node in found.nodes.items() if node.key == prefix.nodes[stage].key}
    assert not same, "whatever depends on the documents has keys of its own"


def test_only_the_engine_names_it() -> None:
    assert "sample" not in steps_of("corpus") and steps_of("corpus", every=True)["sample"] is Sample


def test_settings() -> None:
    assert [setting(value) for value in ("auto", "Off", 2000, "10%", 0.1, "2.5%")] == [
        "auto",
        "off",
        "2000",
        "10%",
        "10%",
        "2.5%",
    ]
    assert (size_of("2000"), size_of("2.5%")) == ((2000, 0.0), (0, 0.025))
    for wrong in ("many", 0, -3, True, 1.5, "0%", "100%", None, [10]):
        with pytest.raises(ParameterError, match="auto, off, a number"):
            setting(wrong)
