"""The stage table: what is derived from it, and how a stage that does nothing leaves every key as it is."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.model import stages
from ragscout.model import step as registry
from ragscout.model.config import Configuration, node, reached, read_from, source_node
from ragscout.model.errors import UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.inputs import arguments, value_at, value_now
from ragscout.model.outcome import Failure, Hit, Message, Query, Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.stages import STAGES, Default, Stage
from ragscout.model.step import Step, identity_of, make, step, steps_of
from ragscout.model.values import Chunks, Passages

PACKAGE = Path(stages.__file__).parents[1]
SOURCE = source_node("0" * 64)
CHUNKS = Chunks(("a", "a", "b"), (0, 4, 0), (3, 7, 3), ("one", "two", "six"), {"a": "A"})
QUESTIONS = (Question("1", "one?"), Question("2", "둘?"))


def lexical(**more: Step) -> Configuration:
    """A lexical configuration that generates, with these steps in addition."""
    names = {"corpus": "parse", "chunk": "characters", "lexicon": "bm25", "lexical": "bm25", "fuse": "lexical"}
    made = {stage: make(stage, name) for stage, name in names.items()}
    made |= {"prompt": make("prompt", "template"), "generate": make("generate", "extractive")}
    return Configuration({**made, **more}, SOURCE)


def ranking(*rows: int) -> Ranking:
    return Ranking(tuple(Hit(row, 1.0 - row / 10) for row in rows))


def test_every_stage_is_whole() -> None:
    for name, item in STAGES.items():
        assert item.name == name and item.value is not None
        assert set(item.inputs) <= set(STAGES)
        assert (item.reads != "") == (item.grain == "question")
        assert item.sends or item.purpose is None
        earlier = [other for other in STAGES if list(STAGES).index(other) < list(STAGES).index(name)]
        assert {*item.inputs, *item.on_request} - {name} <= set(earlier), f"{name} reads what comes after it"
    assert [name for name, item in STAGES.items() if item.identifies] == ["generate"]
    with pytest.raises(UnknownNameError, match="Did you mean 'rerank'"):
        stages.stage("rernak")


def test_every_default_is_a_registered_step() -> None:
    for name, item in STAGES.items():
        if item.default_step is not None:
            assert make(name, item.default_step.use, item.default_step.parameters)
        if item.place == "reserved":
            assert item.default_step is None and not steps_of(name, every=True)


def test_keys_and_parts_of_the_pipeline() -> None:
    assert list(stages.keys()) == [
        "corpus",
        "chunk",
        "fit",
        "embed",
        "index",
        "query",
        "retriever",
        "rerank",
        "context",
        "prompt",
        "generate",
    ]
    assert stages.parts("retriever") == {"lexical": ("lexicon", "lexical"), "dense": ("dense",), "fuse": ("fuse",)}
    assert stages.made_of_vectors() == ("embed", "index")
    assert (stages.root(), stages.prefix_end(), stages.identifying()) == ("source", "rerank", "generate")
    assert (stages.frozen(), stages.learning()) == ("training", "fit")


@pytest.mark.parametrize("stage", ["fit", "query", "rerank", "context"])
def test_an_identity_step_makes_no_node_and_changes_no_key(stage: str) -> None:
    plain = identity_of(stage)
    assert plain is not None
    without, beside = lexical(), lexical(**{stage: plain})
    assert stage not in beside.steps and stage not in beside.nodes
    assert {name: item.key for name, item in beside.nodes.items()} == {
        name: item.key for name, item in without.nodes.items()
    }
    default = STAGES[stage].default_step
    assert default is not None and default.use == plain.name, "what stands there by default changes nothing"


def test_keys_are_those_of_a_graph_without_the_stages() -> None:
    """The consumer of an identity step has the key that is made of that step's inputs."""
    nodes = lexical().nodes
    prompt = make("prompt", "template")
    assert nodes["prompt"].key == prompt.key({"chunk": nodes["chunk"].key, "fuse": nodes["fuse"].key})
    assert nodes["lexical"].key == make("lexical", "bm25").key({"lexicon": nodes["lexicon"].key})
    assert lexical().retrieval().key == nodes["fuse"].key


@pytest.fixture
def extra_stage() -> Iterator[None]:
    """One more stage between rerank and context, with a step that changes nothing and one that does."""
    before, known, plain = dict(STAGES), dict(registry._REGISTRY), dict(registry._IDENTITY)
    added = Stage(
        name="toy", inputs=("rerank",), grain="question", reads="text", value=Ranking, default_step=Default("off")
    )
    STAGES.clear()
    for name, item in before.items():
        if name == "context":
            STAGES["toy"] = added
            item = replace(item, inputs=("chunk", "toy"))
        STAGES[name] = item

    @step("toy", "off", version=1)
    class _Off(Step):
        """Passes the ranking on."""

        identity: ClassVar[bool] = True

        async def run(
            self, runtime: Runtime, questions: Sequence[Question], *, rerank: Sequence[Ranking]
        ) -> list[Ranking]:
            return list(rerank)

    @step("toy", "first", version=1)
    class _First(Step):
        """Keeps the first hits."""

        n: int = field(default=1, metadata={"help": "hits kept"})

        async def run(
            self, runtime: Runtime, questions: Sequence[Question], *, rerank: Sequence[Ranking]
        ) -> list[Ranking]:
            return [Ranking(item.hits[: self.n]) for item in rerank]

    @step("context", "through-toy", version=1)
    class _Through(Step):
        """Reads the new stage."""

        async def run(
            self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, toy: Sequence[Ranking]
        ) -> list[Passages]:
            return [Passages.of(chunk, [hit.chunk for hit in item.hits]) for item in toy]

    yield
    STAGES.clear()
    STAGES.update(before)
    for held, kept in ((registry._REGISTRY, known), (registry._IDENTITY, plain)):
        held.clear()  # type: ignore[attr-defined]
        held.update(kept)  # type: ignore[arg-type]


def test_a_stage_can_be_added_without_changing_a_key(extra_stage: None) -> None:
    context = make("context", "through-toy")
    plain = lexical(context=context)
    assert plain.nodes["context"].key == context.key(
        {"chunk": plain.nodes["chunk"].key, "fuse": plain.nodes["fuse"].key}
    )
    assert lexical(context=context, toy=make("toy", "off")).key == plain.key
    cut = lexical(context=context, toy=make("toy", "first"))
    assert cut.key != plain.key and cut.nodes["context"].input("toy") is cut.nodes["toy"]
    assert "toy" in reached(cut.steps)
    given = asyncio.run(arguments(context, {"chunk": CHUNKS, "fuse": [ranking(2, 0), ranking()]}, QUESTIONS))
    assert given["toy"] == [ranking(2, 0), ranking()]


def test_what_an_identity_step_gives_is_made_on_the_spot() -> None:
    values = {"chunk": CHUNKS, "fuse": [ranking(2, 0), Failure("candidate", "step_error", "why")]}
    first, second = value_now("context", values, QUESTIONS)
    assert first == Passages(("six", "one"), ("b", "a"), ((0, 3), (0, 3)), ((2,), (0,)), ("", "A"))
    assert isinstance(second, Failure), "a failure is passed on"
    assert asyncio.run(value_at("query", {}, QUESTIONS)) == [Query(("one?",)), Query(("둘?",))]
    assert value_now("context", {"chunk": CHUNKS}, QUESTIONS) is None, "nothing was retrieved"
    assert value_now("dense", {"chunk": CHUNKS}, QUESTIONS) is None, "no identity step stands for a retriever"


def test_arguments_are_those_that_a_step_reads() -> None:
    values = {"chunk": CHUNKS, "rerank": [ranking(0)], "fuse": [ranking(1)], "prompt": ["p"]}
    given = asyncio.run(arguments(make("generate", "extractive"), values, QUESTIONS[:1]))
    assert set(given) == {"context", "prompt"} and given["context"][0].rows == ((0,),)
    model = {"provider": "p", "model": "m"}
    assert set(asyncio.run(arguments(make("generate", "chat", {"model": model}), values, QUESTIONS[:1]))) == {"prompt"}


def test_what_a_configuration_reaches() -> None:
    steps = {**lexical().steps, "embed": make("embed", "hashing")}
    found = reached(steps)
    assert {"context", "rerank", "query", "lexicon"} <= found and "embed" not in found
    system = {**steps, "generate": make("generate", "recorded", {"text": ""})}
    assert reached(system) == {"generate"} and Configuration(system, SOURCE).whole_system
    assert reached({stage: item for stage, item in steps.items() if stage != "generate"}) >= {"rerank", "fuse", "chunk"}


def test_a_step_is_seen_where_its_stage_is_read() -> None:
    row = lexical()
    assert [getattr(row.step(stage), "name", None) for stage in ("query", "rerank", "context", "embed")] == [
        "as-asked",
        "none",
        "as-retrieved",
        None,
    ]
    closed = Configuration({stage: row.steps[stage] for stage in ("prompt", "generate")}, SOURCE)
    assert not closed.retrieves and closed.nodes["prompt"].inputs == () and read_from("context", closed.nodes) is None
    with pytest.raises(ValueError, match="neither retrieves nor generates"):
        _ = Configuration({"corpus": make("corpus", "parse")}, SOURCE).key


def test_a_node_reads_what_its_step_declares() -> None:
    nodes = lexical().nodes
    measured = node(make("measure", "recall", {"k": 3}), nodes)
    assert {item.stage for item in measured.inputs} == {"chunk", "fuse"}
    assert {item.stage for item in node(make("measure", "bleu"), nodes).inputs} == {"generate"}


@pytest.mark.parametrize(
    ("stage", "attributes", "says"),
    [
        ("rerank", {"uses": ("prompt",)}, "uses \\['prompt'\\], which its stage is not given"),
        ("query", {"identity": True}, "has an identity step already, 'as-asked'"),
        ("fuse", {"identity": True, "version": 2}, "version 1"),
        ("chunk", {"identity": True}, "one cell per question"),
    ],
)
def test_declarations_that_cannot_hold_are_refused(stage: str, attributes: dict[str, object], says: str) -> None:
    version = int(str(attributes.pop("version", 1)))
    with pytest.raises(ValueError, match=says):
        step(stage, "refused-in-test", version=version)(type("Refused", (Step,), {"__doc__": "x", **attributes}))
    assert "refused-in-test" not in steps_of(stage, every=True)


def test_an_identity_step_has_no_parameters() -> None:
    class _Knob(Step):
        """x"""

        identity: ClassVar[bool] = True
        n: int = field(default=1, metadata={"help": "x"})

    with pytest.raises(ValueError, match="no parameters"):
        step("fuse", "refused-in-test", version=1)(_Knob)


def test_history_leaves_the_keys_of_other_questions_alone() -> None:
    plain = Question("1", "And then?")
    told = replace(plain, history=(Message("user", "What is leave?"), Message("assistant", "Time off.")))
    assert (
        replace(plain, history=()).text_key == plain.text_key and replace(plain, history=()).full_key == plain.full_key
    )
    assert told.text_key != plain.text_key and told.full_key != plain.full_key
    other = replace(told, history=told.history[:1])
    assert len({told.text_key, other.text_key, plain.text_key}) == 3


def test_query_texts_go_to_their_sides() -> None:
    both = Query(("a", "b"))
    assert both.of("dense") == both.of("lexical") == (("a", False), ("b", False))
    split = Query(("words", "a passage", "all"), ("lexical", "dense", "both"), (False, True, False))
    assert split.of("dense") == (("a passage", True), ("all", False))
    assert split.of("lexical") == (("words", False), ("all", False))
    with pytest.raises(ValueError, match="1 entries for 2 texts"):
        Query(("a", "b"), ("dense",))


_APART = {"steps", "testing", "data", "curate", "cli"}
"""Rooms whose words are other things (columns of files, commands), and steps, which name the stages they read."""


def test_nothing_else_lists_stages() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        if room in _APART or path == Path(stages.__file__):
            continue
        for item in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(item, (ast.List, ast.Tuple, ast.Set)):
                held = item.elts
            elif isinstance(item, ast.Dict):
                held = [key for key in item.keys if key is not None]
            else:
                continue
            names = [one.value for one in held if isinstance(one, ast.Constant) and one.value in STAGES]
            if len(names) > 1:
                found.append(f"{path.relative_to(PACKAGE)}:{item.lineno}: {names}")
    # sides of a query, purposes of requests (twice), kinds of endpoints: words of their own
    allowed = re.compile(r"model/outcome|model/runtime|plan/spending|spec/connection")
    assert [line for line in found if not allowed.match(line)] == []
