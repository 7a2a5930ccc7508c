"""People's labels of answers, kept in the ledger for good: one append-only journal per evaluation set's lineage.

A label belongs to an answer to a question, not to a judge, a configuration or a sweep: whatever gives the same answer
to the same question (with the same references, and for criteria such as faithfulness from the same passages) finds it
again. The newest label of a labeller counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragscout.model.evalset import EvalSet, Question
from ragscout.model.key import digest
from ragscout.store.journal import History


@dataclass(frozen=True)
class Label:
    """What one person said of one answer. ``level`` counts from 1 to ``levels`` (2: wrong or right); 0 takes a label
    back. ``question``, ``answer``: the texts that were shown, so that a label can be read without the sweep."""

    item: str
    criterion: str
    labeller: str
    level: int
    levels: int
    question: str = ""
    answer: str = ""
    comment: str = ""

    @property
    def value(self) -> float:
        """The label on 0..1, as a judge's level is: (level - 1) / (levels - 1)."""
        return (self.level - 1) / (self.levels - 1)


def item_key(question: Question, answer: str, passages: Sequence[str] = ()) -> str:
    """Identity of an answer to a question: the question's text, references and answerable flag, the answer, and the
    passages it was given where the criterion reads them."""
    texts = ("label", question.text, question.references, question.answerable, answer)
    return digest(*texts, tuple(passages)) if passages else digest(*texts)


class Labels:
    """The labels of one evaluation set, all its versions together."""

    def __init__(self, ledger: History, eval_set: EvalSet) -> None:
        """Args: ledger = where they are kept; eval_set = any version of the set."""
        self._ledger = ledger
        self._stream = f"labels:{eval_set.lineage or eval_set.name}"

    def add(self, labels: Sequence[Label]) -> None:
        """Keep labels; each is safe as soon as this returns."""
        for label in labels:
            payload = {name: value for name, value in vars(label).items() if value != ""}
            self._ledger.journal_append(self._stream, "label", payload)

    def end(self) -> int:
        """Return a number that grows with every label."""
        return self._ledger.journal_end(self._stream)

    def all(self, criterion: str = "") -> list[Label]:
        """Return the newest label of every labeller for every answer (of one criterion), in the order of first
        labelling."""
        found: dict[tuple[str, str, str], Label] = {}
        for entry in self._ledger.journal(self._stream):
            label = Label(**entry.payload)
            if criterion in ("", label.criterion):
                found[label.item, label.criterion, label.labeller] = label
        return [label for label in found.values() if label.level > 0]
