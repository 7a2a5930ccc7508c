"""Configurations and the plan: nodes by key, shared prefixes once.

A node reads the stages that its step declares. A stage without a node of its own is read through its identity step: the
node gets that step's inputs instead, so that its key is the one it would have if the stage did not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ragscout.model.key import short
from ragscout.model.stages import STAGES, configured, frozen, identifying, keys, learning, prefix_end, root
from ragscout.model.step import Step, identity_of


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

    @property
    def measures(self) -> bool:
        """Whether it scores what others made, failures among it."""
        return STAGES[self.stage].reads == "full"

    @cached_property
    def learnt(self) -> bool:
        """Whether it reads, directly or not, what was learnt from questions."""
        return any(parent.stage == learning() or parent.learnt for parent in self.inputs)

    def input(self, stage: str) -> Node | None:
        """Return the input at a stage, ``None`` when this node has none there."""
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


def read_from(stage: str, nodes: Mapping[str, Node]) -> tuple[Node, ...] | None:
    """Return the nodes that the value of a stage is made from: its own node, else what its identity step reads.

    ``nodes`` holds nodes by stage. The result is ``None`` when the value cannot be had, and empty when an identity step
    makes it from the question alone.
    """
    if stage in nodes:
        return (nodes[stage],)
    step = identity_of(stage)
    if step is None:
        return None
    found: list[Node] = []
    for name in step.inputs:
        given = read_from(name, nodes)
        if given is None:
            return None
        found += given
    return tuple(found)


def node(step: Step, inputs: Iterable[Node | None] | Mapping[str, Node]) -> Node:
    """Make a node of what its step reads among these nodes (one at a stage); the others are left aside."""
    given = inputs.values() if isinstance(inputs, Mapping) else inputs
    nodes = {item.stage: item for item in given if item is not None}
    found = {item.stage: item for name in step.inputs for item in read_from(name, nodes) or ()}
    read = tuple(found[stage] for stage in STAGES if stage in found)
    return Node(step.stage, step, read, step.key({item.stage: item.key for item in read}))


def source_node(files_digest: str) -> Node:
    """Return the root: the uploaded files, by digest."""
    return Node(root(), None, (), files_digest)


def reached(steps: Mapping[str, Step]) -> frozenset[str]:
    """Return the stages that the last stage of a configuration reads, directly or not, itself among them."""
    found: set[str] = set()

    def walk(stage: str) -> None:
        if stage in found:
            return
        found.add(stage)
        step = steps.get(stage) or identity_of(stage)
        for name in step.inputs if step is not None else ():
            walk(name)

    walk(identifying() if identifying() in steps else prefix_end())
    return frozenset(found)


@dataclass(frozen=True)
class Configuration:
    """One step per stage that is needed. ``knobs`` are the choices that made it, for people and samplers.

    ``steps`` holds stage name to step; a stage that the configuration does not need is absent (a lexical one has no
    ``embed``), and so is one whose step changes nothing. ``source``: what it starts from, the files or (then without a
    step at ``corpus``) a sample of the documents.
    """

    steps: Mapping[str, Step]
    source: Node
    knobs: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    roles: tuple[str, ...] = ()
    """Any of ``reference``, ``baseline``, ``include``: rows that are always measured and never pruned."""

    def __post_init__(self) -> None:
        kept = {stage: step for stage, step in self.steps.items() if not step.idle(self.steps)}
        object.__setattr__(self, "steps", kept)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Stage name to node, in graph order."""
        made: dict[str, Node] = {self.source.stage: self.source}
        if (learns := self.steps.get(learning())) is not None:
            made |= {frozen(): Node(frozen(), None, (), split.digest) for split in learns.splits()}
        for stage in configured():
            step = self.steps.get(stage)
            if step is not None:
                made[stage] = node(step, made)
        return made

    @property
    def ranking(self) -> Node | None:
        """The node whose cells are the ranking that retrieval ends with, ``None`` when nothing is retrieved."""
        found = read_from(prefix_end(), self.nodes)
        return found[-1] if found else None

    @property
    def last(self) -> Node:
        """The node that identifies it: of the answers, or of the ranking when nothing is generated."""
        last = self.nodes.get(identifying()) or self.ranking
        if last is None:
            raise ValueError(f"a configuration neither retrieves nor generates; its stages are {sorted(self.steps)}")
        return last

    @property
    def key(self) -> str:
        """Identity of the configuration: the key of its last node."""
        return self.last.key

    @property
    def sampled(self) -> bool:
        """Whether it starts from a sample of the documents, so that its figures only guide a search."""
        return self.source.stage != root()

    @property
    def generates(self) -> bool:
        """Whether an answer is generated."""
        return identifying() in self.steps

    @property
    def retrieves(self) -> bool:
        """Whether anything is retrieved (the no-retrieval baseline does not)."""
        return self.ranking is not None

    @property
    def whole_system(self) -> bool:
        """Whether its answers come from a system of its own, which reads no stage before it."""
        return self.generates and not self.steps[identifying()].inputs

    def step(self, stage: str) -> Step | None:
        """Return the step at a stage; the one that changes nothing where the value is read through it."""
        return self.steps.get(stage) or (identity_of(stage) if stage in reached(self.steps) else None)

    def retrieval(self) -> Configuration:
        """Return the retrieval prefix: nothing is generated. What was learnt from questions stays where it is read."""
        within = {stage: step for stage, step in self.steps.items() if STAGES[stage].in_prefix}
        inside = {stage for stage in STAGES if STAGES[stage].in_prefix} | reached(within)
        kept = {stage: step for stage, step in self.steps.items() if stage in inside}
        beyond = {key for key, held in keys().items() if not inside & set(held)}
        knobs = {knob: value for knob, value in self.knobs.items() if knob.split(".")[0] not in beyond}
        return Configuration(kept, self.source, knobs, "", ())

    def label(self) -> str:
        """Name for people: the given one, or the knobs' values, or where nothing varies what it is made of."""
        plain = " · ".join(self.steps[name].label() for name in STAGES if STAGES[name].named and name in self.steps)
        return self.name or " · ".join(self.knobs.values()) or plain or short(self.key)


def plan(configurations: Iterable[Configuration]) -> dict[str, Node]:
    """Union of all nodes by key, inputs before what needs them."""
    found: dict[str, Node] = {}
    for configuration in configurations:
        for item in configuration.nodes.values():
            found.setdefault(item.key, item)
    return found
