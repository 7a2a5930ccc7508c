"""Configurations and plans: nodes by key, shared prefixes once, what falls away."""

from __future__ import annotations

import itertools

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.model.config import Configuration, Node, node, plan, source_node
from ragscout.model.step import Step, make

SOURCE = source_node("0" * 64)


def made(size: int = 200, retriever: str = "bm25", passages: int = 3, **more: object) -> Configuration:
    steps: dict[str, Step] = {
        "corpus": make("corpus", "parse"),
        "chunk": make("chunk", "characters", {"size": size, "overlap": 0}),
        "query": make("query", "as-asked"),
        "rerank": make("rerank", "none"),
        "prompt": make("prompt", "template", {"passages": passages}),
        "generate": make("generate", "extractive"),
    }
    if retriever == "bm25":
        steps |= {"lexicon": make("lexicon", "bm25"), "lexical": make("lexical", "bm25")}
        steps["fuse"] = make("fuse", "lexical")
    else:
        steps |= {"embed": make("embed", "hashing"), "index": make("index", "lancedb")}
        steps |= {"dense": make("dense", "nearest"), "fuse": make("fuse", "dense")}
    knobs = {"chunk.size": str(size), "retriever": retriever, "prompt.passages": str(passages)}
    return Configuration(steps, SOURCE, knobs, **more)  # type: ignore[arg-type]


def test_a_node_takes_what_its_step_reads_and_nothing_else() -> None:
    corpus = node(make("corpus", "parse"), [SOURCE, None])
    assert corpus.input("source") is SOURCE and corpus.input("chunk") is None and not corpus.per_question
    chunks = node(make("chunk", "characters"), [SOURCE, corpus])
    assert chunks.inputs == (corpus,) and chunks == node(make("chunk", "characters"), [corpus])


def test_a_step_that_changes_nothing_makes_no_node() -> None:
    nodes = made().nodes
    assert not {"query", "rerank", "context"} & set(nodes)
    assert nodes["prompt"].input("fuse") is nodes["fuse"], "what reads it reads through it"


def test_the_order_of_inputs_is_that_of_the_graph() -> None:
    nodes = made(retriever="dense").nodes
    given = [nodes["embed"], nodes["chunk"]]
    assert node(make("index", "lancedb"), given) == node(make("index", "lancedb"), given[::-1]) == nodes["index"]
    assert hash(node(make("index", "lancedb"), given)) == hash(nodes["index"])
    assert nodes["index"] != "a text with the same key"


def test_ancestors_come_once_and_inputs_first() -> None:
    found = list(made(retriever="dense").last.ancestors())
    assert found[-1].stage == "generate" and len({item.key for item in found}) == len(found)
    for place, item in enumerate(found):
        assert {parent.key for parent in item.inputs} <= {earlier.key for earlier in found[:place]}


def test_the_key_is_that_of_the_last_node() -> None:
    whole = made()
    assert whole.key == whole.nodes["generate"].key and whole.generates and whole.retrieves
    prefix = whole.retrieval()
    assert prefix.key == whole.nodes["fuse"].key and not prefix.generates
    assert set(prefix.knobs) == {"chunk.size", "retriever"} and prefix.roles == ()
    assert made(passages=5).retrieval().key == prefix.key, "passages are no matter of retrieval"
    assert made(size=300).retrieval().key != prefix.key


def test_without_retrieval_only_the_question_is_left() -> None:
    bare = Configuration({"prompt": make("prompt", "template"), "generate": make("generate", "extractive")}, SOURCE)
    assert set(bare.nodes) == {"source", "prompt", "generate"} and not bare.retrieves and not bare.sampled
    assert [item.stage for item in bare.last.ancestors()] == ["prompt", "generate"]


def test_names_roles_and_knobs_are_in_no_key() -> None:
    named = made(name="today", roles=("reference",))
    assert named.key == made().key
    assert named.label() == "today"
    assert made().label() == "200 · bm25 · 3"
    bare = Configuration(made().steps, SOURCE)
    assert bare.label() == "characters(size=200) · lexical · extractive"


def test_a_sample_of_documents_stands_in_for_the_files() -> None:
    sample = node(make("corpus", "parse"), [SOURCE])
    steps = {stage: item for stage, item in made().steps.items() if stage != "corpus"}
    sampled = Configuration(steps, sample)
    assert sampled.sampled and sampled.key == made().key, "the same documents, so the same work"


def test_a_plan_holds_shared_work_once_and_inputs_first() -> None:
    rows = [made(*choices) for choices in itertools.product((200, 400), ("bm25", "dense"), (1, 3))]
    found = plan(rows)
    counted: dict[str, int] = {}
    for item in found.values():
        counted[item.stage] = counted.get(item.stage, 0) + 1
    assert counted["source"] == counted["corpus"] == 1
    assert counted["chunk"] == counted["lexicon"] == counted["embed"] == 2
    assert counted["fuse"] == 4 and counted["prompt"] == counted["generate"] == 8
    seen: set[str] = set()
    for key, item in found.items():
        assert key == item.key and {parent.key for parent in item.inputs} <= seen
        seen.add(key)
    assert plan([*rows, *rows]).keys() == found.keys() and plan([]) == {}


def test_nodes_are_equal_by_key_alone() -> None:
    assert Node("chunk", None, (), "k") == Node("chunk", make("chunk", "characters"), (), "k")
