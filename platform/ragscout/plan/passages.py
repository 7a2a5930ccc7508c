"""The passages of a question as a configuration made them, read back from the store."""

from __future__ import annotations

from typing import Any

from ragscout.model.config import Configuration, read_from
from ragscout.model.evalset import Question
from ragscout.model.inputs import value_now
from ragscout.model.outcome import Answer, Failure, Prompt
from ragscout.model.values import Passages, codec
from ragscout.plan.cells import CellReader
from ragscout.plan.setup import Setup
from ragscout.store.store import Store

CONTEXT = "context"


class StoredPassages:
    """Passages of questions; whole values that were loaded once are kept."""

    def __init__(self, prepared: Setup, store: Store) -> None:
        """Args: prepared = the sweep; store = where its values and cells lie."""
        self.cells, self._store = CellReader(store, prepared), store
        self._values: dict[str, Any] = {}

    def all(self, configuration: Configuration, question: Question) -> Passages | None:
        """Everything that prompts could be made from, best first; ``None`` when nothing was retrieved or it is gone."""
        nodes = read_from(CONTEXT, configuration.nodes)
        if nodes is None:
            return None
        values: dict[str, Any] = {}
        for item in nodes:
            value = self.cells.value(item, question) if item.per_question else self._whole(item.stage, item.key)
            if value is None:
                return None
            values[item.stage] = [value] if item.per_question else value
        found = value_now(CONTEXT, values, [question])[0]
        return None if isinstance(found, Failure) else found

    def given(self, configuration: Configuration, question: Question) -> tuple[Passages, tuple[int, ...]] | None:
        """Return the passages with the positions of those that the answer was given, in the order of the prompt."""
        found = self.all(configuration, question)
        if found is None or not configuration.generates:
            return None if found is None else (found, tuple(range(len(found))))
        answer = self.cells.value(configuration.last, question)
        prompt = configuration.nodes.get("prompt")
        shown = self.cells.value(prompt, question) if prompt is not None else None
        source = answer if isinstance(answer, Answer) and answer.passages else shown
        places = source.passages if isinstance(source, (Answer, Prompt)) else ()
        return found, tuple(at for at in places if at < len(found))

    def _whole(self, stage: str, key: str) -> Any:
        if key not in self._values:
            folder = self._store.value_folder(key)
            self._values[key] = None if folder is None else codec(stage).load(folder)
        return self._values[key]
