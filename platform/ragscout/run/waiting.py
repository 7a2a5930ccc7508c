"""What waits for the next run: rows and columns whose model does not answer, and rows that the budget does not allow.

The other rows of a sweep go on. Nothing is held against those that wait, and the next run asks for them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ragscout.engine.fill import Filled
from ragscout.model.config import Configuration, Node
from ragscout.model.results.board import Note
from ragscout.model.runtime import ChatModel
from ragscout.model.step import Step, chat_models
from ragscout.plan.setup import Setup


@dataclass(frozen=True)
class Waiting:
    """What waits, with the reason. ``models``: models that did not answer: every row that asks one waits, and every
    column beside the goal that one judges. ``nodes``: keys of nodes that stayed open for another reason, such as the
    budget or an endpoint of a whole system; all that depends on them waits."""

    models: Mapping[ChatModel, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.models or self.nodes)

    def why(self, configuration: Configuration, prepared: Setup) -> str:
        """Say why a configuration waits; empty when it does not."""
        if not self:
            return ""
        judged = [node for node in prepared.measures(configuration) if node.step in prepared.deciding]
        nodes = [*configuration.last.ancestors(), *judged]
        return next((said for node in nodes if (said := self._said(node))), "")

    def wanted(self, configuration: Configuration, prepared: Setup) -> list[Node]:
        """Return what must be filled to measure a configuration that does not wait; columns that wait are left out."""
        return [node for node in prepared.wanted(configuration) if not self._said(node)]

    def columns(self, configuration: Configuration, prepared: Setup) -> dict[str, str]:
        """Return the measure nodes of a configuration that wait while it goes on, by key with the reason."""
        found = {node.key: self._said(node) for node in prepared.measures(configuration)}
        return {key: said for key, said in found.items() if said}

    def among(self, prepared: Setup, dropped: Collection[str]) -> dict[str, str]:
        """Return every configuration of the space that waits, by key with the reason; dropped ones left out."""
        rows = [item for item in prepared.space.configurations if item.key not in dropped]
        reasons = {item.key: self.why(item, prepared) for item in rows}
        return {key: why for key, why in reasons.items() if why}

    def words(self, rows: Mapping[str, str], prepared: Setup) -> tuple[str, ...]:
        """Say what waits and why, one sentence a cause. ``rows``: see ``among``."""
        labels = {why: model.label for model, why in self.models.items()}
        said = [
            f"{why.removesuffix('.')} ({_rows(count)} for it; --drop {labels[why]} leaves them out for good)"
            if why in labels
            else why
            for why, count in Counter(rows.values()).items()
        ]
        columns = [metric for metric in prepared.metrics if metric not in prepared.deciding and self._of(metric)]
        for metric in columns:
            names = ", ".join(figure.name for figure in metric.figures())
            said.append(f"{self._of(metric)} ({names} waits for it)")
        return tuple(said)

    def found(self, configuration: Configuration, filled: Filled, prepared: Setup) -> Waiting:
        """Return what waits once a configuration was to be filled."""
        models, nodes = dict(self.models), dict(self.nodes)
        for node in (node for wanted in prepared.wanted(configuration) for node in wanted.ancestors()):
            dear = next((item for item in node.ancestors() if filled.beyond_budget(item.key)), None)
            if dear is not None:
                nodes[node.key] = f"budget: {filled.beyond_budget(dear.key)}"
        for wanted in prepared.wanted(configuration):
            # what depends on an open node is open for the same reason, and inputs come first
            first = next((node for node in wanted.ancestors() if filled.unanswered(node.key)), None)
            if first is None or first.step is None:
                continue
            asked, said = chat_models(first.step), filled.unanswered(first.key)
            if configuration.whole_system and wanted is configuration.last:
                nodes[first.key] = f"endpoint: {configuration.label()}: {said}"
            elif len(asked) == 1:
                models.setdefault(asked[0], f"endpoint: {said}")
            else:
                nodes[first.key] = f"endpoint: {first.step.label()}: {said}"
        return Waiting(models, nodes)

    def _said(self, node: Node) -> str:
        """Say why a node waits; empty when it does not."""
        return self.nodes.get(node.key, "") or self._of(node.step)

    def _of(self, step: Step | None) -> str:
        """Say why a model waits that a step asks; empty when all of them answer."""
        asked = chat_models(step) if self.models and step is not None else ()
        return next((self.models[model] for model in asked if model in self.models), "")


def waiting_notes(rows: Mapping[str, str]) -> list[Note]:
    """Return what the board says of rows that wait, by configuration key with the reason: one note a cause."""
    return [Note("rows_wait", {"rows": count, "why": why}) for why, count in Counter(rows.values()).items()]


def _rows(count: int) -> str:
    return "1 row waits" if count == 1 else f"{count} rows wait"
