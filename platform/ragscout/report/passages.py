"""The passages that an answer was given, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass

from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.plan.passages import StoredPassages
from ragscout.plan.setup import Setup
from ragscout.store.store import Store

SHOWN = 5


@dataclass(frozen=True)
class ShownPassage:
    """A passage as it was put into a prompt: code points ``start``..``end`` of a document. ``gold``: whether the
    document holds evidence of the question."""

    document: str
    title: str
    start: int
    end: int
    text: str
    gold: bool = False


class PassageReader:
    """Passages of answers with what the documents say of them."""

    def __init__(self, prepared: Setup, store: Store) -> None:
        """Args: prepared = the sweep; store = where its values and cells lie."""
        self._reader = StoredPassages(prepared, store)

    def of(self, configuration: Configuration, question: Question) -> tuple[ShownPassage, ...]:
        """Passages in the order of the prompt (the first of the ranking, where nothing is generated); empty without
        any."""
        given = self._reader.given(configuration, question)
        if given is None:
            return ()
        found, places = given
        gold = {span.document for span in question.evidence} | set(question.documents)
        return tuple(
            ShownPassage(
                found.document[at], found.title[at], *found.span[at], found.text[at], found.document[at] in gold
            )
            for at in (places if configuration.generates else places[:SHOWN])
        )
