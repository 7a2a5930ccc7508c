"""The stage graph: the one table of stages. A stage is a place, a step fills it; nothing else lists stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragscout.model.errors import UnknownNameError
from ragscout.model.fitted import PerFold
from ragscout.model.outcome import Answer, Evidence, Prompt, Query, Ranking, Scores
from ragscout.model.runtime import Purpose
from ragscout.model.training import TrainingSplit
from ragscout.model.values import Chunks, Corpus, DenseIndex, Embedded, Lexicon, Passages, Source

Grain = Literal["whole", "question"]
Reads = Literal["", "text", "evidence", "full"]
Place = Literal["root", "frozen", "configuration", "measuring", "reserved"]
Kind = Literal["retrieval", "prompt", "model"]


@dataclass(frozen=True)
class Default:
    """The step that fills a stage when a sweep file says nothing, with its parameters."""

    use: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One place of the graph.

    What it computes. ``inputs``: the stages whose values a step may read, as keyword arguments of those names; a step
    reads them all unless it says less. ``on_request``: further ones, which only a step reads that names them.
    ``grain``: one value per node, or one cell per question. ``reads``: the fields of a question that a cell depends
    on, and so which question key addresses it. ``value``: the type of its value.

    Where it stands. ``place``: ``root`` (the files), ``frozen`` (a training split), ``configuration`` (a configuration
    may have a step there), ``measuring`` (beside configurations) or ``reserved`` (no steps yet). ``in_prefix``: it
    belongs to the retrieval prefix, which is measured without any answer. ``identifies``: the key of its node is the
    key of a configuration that has one; a configuration without one is known by the last node of its prefix.

    How a sweep file names it. ``default_step``: what stands there when nothing is written. ``at``: the key of
    ``pipeline:`` that holds it, its own name where it is empty. ``part``: the part of that key it belongs to, where
    several stages share a key. ``unsaid``: the canonical form of a sweep file leaves the key out where only its default
    stands there, so that files from before there was the stage keep their identity.

    What is said of it. ``holds``: its value in a word, where readers of metrics want it. ``purpose``: what its requests
    to models are booked under. ``sends``: what leaves the machine when they go to an endpoint. ``kind``: the group of
    knobs it belongs to. ``decided``: its turn when knobs are decided one by one, 0 for last. ``said``: a default that
    was chosen is worth a note. ``varied``: other steps that were not tried are worth a line. ``named``: its step is
    part of a configuration's name where nothing varies.
    """

    name: str
    inputs: tuple[str, ...] = ()
    on_request: tuple[str, ...] = ()
    grain: Grain
    reads: Reads = ""
    value: Any
    place: Place = "configuration"
    in_prefix: bool = False
    identifies: bool = False
    default_step: Default | None = None
    at: str = ""
    part: str = ""
    unsaid: bool = False
    holds: str = ""
    purpose: Purpose | None = None
    sends: str = ""
    kind: Kind = "retrieval"
    decided: int = 0
    said: bool = False
    varied: bool = False
    named: bool = False

    @property
    def key(self) -> str:
        """The key of ``pipeline:`` in a sweep file that holds this stage."""
        return self.at or self.name


_PASSAGES = "questions and passages"

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(name="source", grain="whole", value=Source, place="root", in_prefix=True),
        Stage(name="training", grain="whole", value=TrainingSplit, place="frozen"),
        Stage(
            name="corpus",
            inputs=("source", "corpus"),
            grain="whole",
            value=Corpus,
            holds="documents",
            in_prefix=True,
            default_step=Default("parse"),
            decided=7,
        ),
        Stage(
            name="chunk",
            inputs=("corpus",),
            grain="whole",
            value=Chunks,
            holds="passages",
            in_prefix=True,
            default_step=Default("characters", {"size": 1000, "overlap": "10%"}),
            purpose="embed",
            sends="every sentence of the documents",
            decided=5,
            said=True,
            varied=True,
            named=True,
        ),
        Stage(
            name="fit",
            inputs=("training", "corpus", "chunk"),
            grain="whole",
            value=PerFold,
            default_step=Default("none"),
            unsaid=True,
            purpose="data",
            sends="training questions and their references, and chunks of the documents",
            kind="prompt",
            decided=10,
            varied=True,
        ),
        Stage(
            name="embed",
            inputs=("chunk",),
            on_request=("fit",),
            grain="whole",
            value=Embedded,
            in_prefix=True,
            default_step=Default("use-multilingual"),
            purpose="embed",
            sends="every chunk of the documents, and the questions",
            decided=2,
            said=True,
            varied=True,
        ),
        Stage(
            name="index",
            inputs=("chunk", "embed"),
            on_request=("fit",),
            grain="whole",
            value=DenseIndex,
            in_prefix=True,
            default_step=Default("lancedb"),
        ),
        Stage(
            name="lexicon",
            inputs=("chunk",),
            on_request=("fit",),
            grain="whole",
            value=Lexicon,
            in_prefix=True,
            default_step=Default("bm25"),
            at="retriever",
            part="lexical",
            decided=4,
            said=True,
        ),
        Stage(name="guard_question", grain="question", reads="text", value=Query, place="reserved"),
        Stage(
            name="query",
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Query,
            in_prefix=True,
            default_step=Default("as-asked"),
            purpose="query",
            sends="questions",
            decided=6,
            varied=True,
        ),
        Stage(
            name="dense",
            inputs=("query", "index"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Ranking,
            in_prefix=True,
            default_step=Default("nearest"),
            at="retriever",
            part="dense",
            decided=4,
        ),
        Stage(
            name="lexical",
            inputs=("query", "lexicon"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Ranking,
            in_prefix=True,
            default_step=Default("bm25"),
            at="retriever",
            part="lexical",
            decided=4,
        ),
        Stage(
            name="fuse",
            inputs=("dense", "lexical"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Ranking,
            in_prefix=True,
            default_step=Default("rrf"),
            at="retriever",
            part="fuse",
            decided=4,
            named=True,
        ),
        Stage(
            name="rerank",
            inputs=("chunk", "fuse"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Ranking,
            holds="ranking",
            in_prefix=True,
            default_step=Default("none"),
            purpose="rerank",
            sends=_PASSAGES,
            decided=3,
            varied=True,
        ),
        Stage(
            name="context",
            inputs=("chunk", "rerank"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Passages,
            holds="passages",
            default_step=Default("as-retrieved"),
            purpose="context",
            sends=_PASSAGES,
            decided=8,
            varied=True,
        ),
        Stage(
            name="guard_passages",
            inputs=("context",),
            grain="question",
            reads="text",
            value=Passages,
            place="reserved",
        ),
        Stage(
            name="prompt",
            inputs=("context",),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Prompt,
            default_step=Default("template", {"passages": 3}),
            sends=_PASSAGES,
            kind="prompt",
            decided=9,
            said=True,
        ),
        Stage(
            name="generate",
            inputs=("context", "prompt"),
            on_request=("fit",),
            grain="question",
            reads="text",
            value=Answer,
            holds="answer",
            identifies=True,
            default_step=Default("extractive"),
            purpose="answer",
            sends=_PASSAGES,
            kind="model",
            decided=1,
            said=True,
            varied=True,
            named=True,
        ),
        Stage(
            name="guard_answer",
            inputs=("context", "prompt", "generate"),
            grain="question",
            reads="text",
            value=Answer,
            place="reserved",
        ),
        Stage(
            name="evidence",
            inputs=("corpus",),
            grain="question",
            reads="evidence",
            value=Evidence,
            holds="evidence",
            place="measuring",
            default_step=Default("place"),
        ),
        Stage(
            name="measure",
            inputs=("chunk", "evidence", "rerank", "context", "prompt", "generate"),
            grain="question",
            reads="full",
            value=Scores,
            place="measuring",
            purpose="judge",
            sends="questions, answers, references (and passages for faithfulness)",
        ),
    )
}


def stage(name: str) -> Stage:
    """Look a stage up.

    Raises:
        UnknownNameError: when there is no such stage.
    """
    try:
        return STAGES[name]
    except KeyError:
        raise UnknownNameError("stage", "stage", name, STAGES) from None


def configured() -> tuple[str, ...]:
    """Return the stages at which a configuration may have a step, in graph order."""
    return tuple(name for name, item in STAGES.items() if item.place == "configuration")


def keys() -> dict[str, tuple[str, ...]]:
    """Return the keys of ``pipeline:`` with the stages that each holds. A key stands where its last stage stands."""
    found: dict[str, tuple[str, ...]] = {}
    for name in configured():
        key = STAGES[name].key
        found[key] = (*found.pop(key, ()), name)
    return found


def parts(key: str) -> dict[str, tuple[str, ...]]:
    """Return the named parts of a key that several stages share, each with its stages in graph order."""
    found: dict[str, tuple[str, ...]] = {}
    for name in keys()[key]:
        found[STAGES[name].part] = (*found.get(STAGES[name].part, ()), name)
    return found


def identifying() -> str:
    """Return the stage whose node identifies a configuration that generates."""
    return next(name for name, item in STAGES.items() if item.identifies)


def prefix_end() -> str:
    """Return the last stage of the retrieval prefix: its value is the ranking that retrieval metrics read."""
    return [name for name, item in STAGES.items() if item.in_prefix][-1]


def made_of_vectors() -> tuple[str, ...]:
    """Return the whole stages whose values hold vectors of an encoder, or point to them."""
    held = [name for name, item in STAGES.items() if item.value is Embedded]
    return tuple(name for name, item in STAGES.items() if name in held or set(item.inputs) & set(held))


def root() -> str:
    """Return the stage of the uploaded files."""
    return next(name for name, item in STAGES.items() if item.place == "root")


def frozen() -> str:
    """Return the stage of the training split."""
    return next(name for name, item in STAGES.items() if item.place == "frozen")


def learning() -> str:
    """Return the stage whose steps learn from a training split."""
    return next(name for name, item in STAGES.items() if frozen() in item.inputs)
