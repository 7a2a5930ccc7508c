"""A task: what an executor runs. Plain values, so that it can cross any border.

A task reads its inputs from the store by key, writes its value or cells there, and returns only what is needed to go
on: which cells stayed open and why.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter

from ragscout.model.config import Node
from ragscout.model.errors import StoreError
from ragscout.model.outcome import Unfilled
from ragscout.model.step import Step, field_adapter, make
from ragscout.store.ledger import NodeRow


@dataclass(frozen=True)
class Task:
    """Fill a node: its value when ``questions`` is empty, else the cells of these question ids.

    ``sweep`` names the journal whose opening record holds the evaluation set, the connections and the limits.
    """

    sweep: str
    node: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What came of a task.

    ``unfilled``: question id to why its cell stayed open. ``failed``: why the node cannot be computed at all, for a
    reason of the candidate's own; empty when it can. ``retry``: what stood in the way of the whole task and is not the
    candidate's; the value, or every cell asked for, stays open. ``reports``: figures a step told about its node.
    """

    unfilled: Mapping[str, Unfilled] = field(default_factory=dict)
    failed: str = ""
    retry: Unfilled | None = None
    reports: Mapping[str, float] = field(default_factory=dict)


class Executor(Protocol):
    """Runs tasks somewhere. Every executor gives the same leaderboard (one test class holds them to it)."""

    async def run(self, task: Task) -> Done:
        """Run one task to its end.

        Raises:
            WorkerError: what ran it died, hung or answered nonsense. The engine leaves the node open.
        """
        ...

    async def close(self) -> None:
        """Release what the executor holds."""
        ...


def task_json(task: Task) -> str:
    """Return a task as JSON text."""
    return json.dumps(dataclasses.asdict(task))


def task_from(text: str) -> Task:
    """Inverse of ``task_json``."""
    data = json.loads(text)
    return Task(data["sweep"], data["node"], tuple(data["questions"]))


def done_json(done: Done) -> str:
    """Return a result as JSON text."""
    return json.dumps(dataclasses.asdict(done))


def done_from(text: str) -> Done:
    """Inverse of ``done_json``."""
    return TypeAdapter(Done).validate_json(text)


def step_json(step: Step | None) -> str:
    """Return a step as JSON text: name, version and the parameters that differ from their default."""
    if step is None:
        return "{}"
    parameters = {
        name: field_adapter(type(step), name).dump_python(value, mode="json")
        for name, value in step.parameters().items()
    }
    return json.dumps({"name": step.name, "version": step.version, "parameters": parameters}, ensure_ascii=False)


def step_from(stage: str, text: str) -> Step | None:
    """Inverse of ``step_json``."""
    data: dict[str, Any] = json.loads(text)
    return make(stage, data["name"], data["parameters"]) if data else None


class NodeRows(Protocol):
    """The part of the ledger that knows nodes."""

    def nodes_add(self, nodes: Iterable[NodeRow]) -> None:
        """Write nodes down; nothing happens to those that are known."""
        ...

    def node(self, key: str) -> NodeRow | None:
        """Return a node's row; ``None`` when it is unknown."""
        ...


def write_nodes(ledger: NodeRows, nodes: Iterable[Node]) -> None:
    """Write nodes and everything they depend on into the ledger."""
    every = {item.key: item for node in nodes for item in node.ancestors()}
    ledger.nodes_add(
        NodeRow(item.key, item.stage, step_json(item.step), {parent.stage: parent.key for parent in item.inputs})
        for item in every.values()
    )


def read_node(ledger: NodeRows, key: str, known: dict[str, Node]) -> Node:
    """Rebuild a node from the ledger. ``known`` holds nodes that were rebuilt before, and takes the new ones.

    Raises:
        StoreError: when it is unknown, or when this version of ragscout gives the step another key.
    """
    if key in known:
        return known[key]
    row = ledger.node(key)
    if row is None:
        raise StoreError(f"store: node {key[:12]} is unknown; got no row for it. Run the sweep that made it again.")
    step = step_from(row.stage, row.step)
    inputs = tuple(read_node(ledger, parent, known) for parent in row.inputs.values())
    if step is not None and step.key({item.stage: item.key for item in inputs}) != key:
        raise StoreError(
            f"store: node {key[:12]} was made by another version of step {step.name!r}; got a different key. "
            "Run the sweep again with this version."
        )
    known[key] = Node(row.stage, step, inputs, key)
    return known[key]
