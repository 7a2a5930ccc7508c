"""Configurations and the plan: nodes by key, shared prefixes once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ragscout.model.key import short
from ragscout.model.stages import ORDER, STAGES
from ragscout.model.step import Step

PATH = tuple(name for name in ORDER if name not in ("source", "evidence", "measure"))
NAMED = ("chunk", "fuse", "generate")
"""Stages that a configuration without knobs is named by."""


@dataclass(frozen=True)
class Node:
    """A step at its place with its inputs. ``key`` is known before anything runs."""

    stage: str
    step: Step | None
    inputs: tuple[Node, ...]
    key: str

    @property
    def per_question(self) -> bool:
        """Whether the node has one cell per question."""
        return STAGES[self.stage].grain == "question"

    def input(self, stage: str) -> Node | None:
        """The input at a stage, ``None`` when this node has none there."""
        return next((node for node in self.inputs if node.stage == stage), None)

    def ancestors(self) -> Iterator[Node]:
        """Every node this one depends on, itself last, inputs first, each once."""
        seen: set[str] = set()

        def walk(node: Node) -> Iterator[Node]:
            if node.key in seen:
                return
            seen.add(node.key)
            for parent in node.inputs:
                yield from walk(parent)
            yield node

        yield from walk(self)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other.key == self.key


def node(step: Step, inputs: Iterable[Node | None]) -> Node:
    """Make a node; inputs the stage table does not list are refused."""
    given = tuple(sorted((item for item in inputs if item is not None), key=lambda item: ORDER.index(item.stage)))
    allowed = STAGES[step.stage].inputs
    for item in given:
        if item.stage not in allowed:
            raise ValueError(f"a {step.stage} node takes {allowed}, not {item.stage}")
    return Node(step.stage, step, given, step.key({item.stage: item.key for item in given}))


def source_node(files_digest: str) -> Node:
    """The root: the uploaded files, by digest."""
    return Node("source", None, (), files_digest)


@dataclass(frozen=True)
class Configuration:
    """One step per stage that is needed. ``knobs`` are the choices that made it, for people and samplers.

    ``steps`` holds stage name to step for the stages from ``corpus`` to ``generate``; a stage that the configuration
    does not need is absent (a lexical one has no ``embed``). ``source``: what it starts from, the files or (then
    without a step at ``corpus``) a sample of the documents.
    """

    steps: Mapping[str, Step]
    source: Node
    knobs: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    roles: tuple[str, ...] = ()
    """Any of ``reference``, ``baseline``, ``include``: rows that are always measured and never pruned."""

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Stage name to node, in graph order."""
        made: dict[str, Node] = {self.source.stage: self.source}
        for stage in PATH:
            found = self.steps.get(stage)
            if found is not None:
                made[stage] = node(found, (made.get(name) for name in STAGES[stage].inputs))
        return made

    @property
    def last(self) -> Node:
        """The ``generate`` node, or ``rerank`` when nothing is generated."""
        return self.nodes.get("generate") or self.nodes["rerank"]

    @property
    def key(self) -> str:
        """Identity of the configuration: the key of its last node."""
        return self.last.key

    @property
    def sampled(self) -> bool:
        """Whether it starts from a sample of the documents, so that its figures only guide a search."""
        return self.source.stage == "corpus"

    @property
    def generates(self) -> bool:
        """Whether an answer is generated."""
        return "generate" in self.steps

    @property
    def retrieves(self) -> bool:
        """Whether anything is retrieved (the no-retrieval baseline does not)."""
        return "rerank" in self.steps

    def retrieval(self) -> Configuration:
        """The retrieval prefix: the same up to ``rerank``, nothing generated."""
        kept = {stage: step for stage, step in self.steps.items() if stage not in ("prompt", "generate")}
        knobs = {knob: value for knob, value in self.knobs.items() if knob.split(".")[0] not in ("prompt", "generate")}
        return Configuration(kept, self.source, knobs, "", ())

    def label(self) -> str:
        """Name for people: the given one, or the knobs' values, or where nothing varies what it is made of."""
        plain = " · ".join(step.label() for stage in NAMED if (step := self.steps.get(stage)) is not None)
        return self.name or " · ".join(self.knobs.values()) or plain or short(self.key)


def plan(configurations: Iterable[Configuration]) -> dict[str, Node]:
    """Union of all nodes by key, inputs before what needs them."""
    found: dict[str, Node] = {}
    for configuration in configurations:
        for item in configuration.nodes.values():
            found.setdefault(item.key, item)
    return found
