"""The passages that an answer was given, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass

from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Ranking
from ragscout.model.values import Chunks, codec
from ragscout.plan.cells import CellReader
from ragscout.plan.setup import Prepared
from ragscout.store.store import Store


@dataclass(frozen=True)
class Passage:
    """A chunk as it was put into a prompt: code points ``start``..``end`` of a document. ``gold``: whether the document
    holds evidence of the question."""

    document: str
    title: str
    start: int
    end: int
    text: str
    gold: bool = False


class PassageReader:
    """Passages of answers; chunks that were loaded once are kept."""

    def __init__(self, prepared: Prepared, store: Store) -> None:
        """Args: prepared = the sweep; store = where its values and cells lie."""
        self._cells, self._store = CellReader(store, prepared), store
        self._chunks: dict[str, Chunks | None] = {}

    def of(self, configuration: Configuration, question: Question) -> tuple[Passage, ...]:
        """Passages in the order of the prompt (of the ranking, where nothing is generated); empty without any."""
        chunks = self._loaded(configuration)
        if chunks is None:
            return ()
        value = self._cells.value(configuration.last, question)
        rows: tuple[int, ...] = ()
        if isinstance(value, Answer):
            rows = value.passages
        elif isinstance(value, Ranking):
            rows = tuple(hit.chunk for hit in value.hits[:5])
        gold = {span.document for span in question.evidence} | set(question.documents)
        return tuple(
            Passage(
                chunks.document[row],
                chunks.titles.get(chunks.document[row], ""),
                chunks.start[row],
                chunks.end[row],
                chunks.text[row],
                chunks.document[row] in gold,
            )
            for row in rows
            if 0 <= row < len(chunks)
        )

    def _loaded(self, configuration: Configuration) -> Chunks | None:
        node = configuration.nodes.get("chunk")
        if node is None:
            return None
        if node.key not in self._chunks:
            folder = self._store.value_folder(node.key)
            self._chunks[node.key] = codec("chunk").load(folder) if folder is not None else None
        return self._chunks[node.key]
