"""The corpus sample that a sweep declares: how large it is, and every retrieval prefix on it.

A sample is a value of the stage graph like any other (``corpus.sample``): its key is that of the corpus it is taken
from, the evaluation set's questions and evidence, the size and the seed. Chunks, vectors and indexes of the sample are
ordinary nodes beside those of the whole corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragscout.model.config import Configuration, Node, node
from ragscout.model.errors import ParameterError
from ragscout.model.evalset import Question
from ragscout.model.step import Step, make

AUTO, OFF = "auto", "off"


@dataclass(frozen=True)
class Declared:
    """A sample before anything runs: ``size`` in documents, else ``share`` of them. ``auto``: whether it was chosen
    because of the time budget. ``seconds``: expected time of building all prefixes on the whole corpus; ``budget``: of
    the sweep, 0 without one."""

    size: int = 0
    share: float = 0.0
    seed: int = 0
    auto: bool = False
    seconds: float = 0.0
    budget: float = 0.0

    def step(self, questions: Sequence[Question]) -> Step:
        """Return the step that chooses the documents for these questions; their order does not matter."""
        evidence = {(span.document, span.quote) for question in questions for span in question.evidence}
        evidence |= {(name, "") for question in questions for name in question.documents}
        unknown = [item for item in questions if item.answerable and not item.evidence and not item.documents]
        return make(
            "corpus",
            "sample",
            {
                "size": self.size,
                "share": self.share,
                "seed": self.seed,
                "evidence": tuple(sorted(evidence)),
                "pooled": tuple(sorted({question.text for question in unknown})),
                "questions": tuple(sorted({question.text for question in questions})),
            },
        )


def setting(value: object) -> str:
    """``screen: {sample: ...}`` as one spelling: ``auto``, ``off``, a number of documents, or a share such as ``10%``.

    Raises:
        ParameterError: it is none of these.
    """
    text = str(value).strip().lower()
    if text in (AUTO, OFF):
        return text
    if isinstance(value, float) and 0 < value < 1:
        return f"{value:.6%}".rstrip("%").rstrip("0").rstrip(".") + "%"
    if not isinstance(value, bool) and re.fullmatch(r"[1-9]\d*", text):
        return text
    if re.fullmatch(r"\d{1,2}(\.\d{1,6})?%", text) and float(text[:-1]) > 0:
        return text
    raise ParameterError(
        f"search.screen.sample: not a sample; got {value!r}. Write auto, off, a number of documents such as 2000, or a "
        "share such as 10%."
    )


def size_of(text: str) -> tuple[int, float]:
    """Documents and share that a ``setting`` names; one of them is 0."""
    return (0, round(float(text[:-1]) / 100, 8)) if text.endswith("%") else (int(text), 0.0)


def on_sample(
    prefixes: Iterable[Configuration], declared: Declared, questions: Sequence[Question]
) -> dict[str, Configuration]:
    """Key of a retrieval prefix to the same prefix on the sample of its corpus."""
    step = declared.step(questions)
    roots: dict[str, Node] = {}
    found: dict[str, Configuration] = {}
    for prefix in prefixes:
        corpus = prefix.nodes["corpus"]
        if corpus.key not in roots:
            roots[corpus.key] = node(step, [corpus])
        steps = {stage: item for stage, item in prefix.steps.items() if stage != "corpus"}
        found[prefix.key] = Configuration(steps, roots[corpus.key], prefix.knobs, prefix.name)
    return found
