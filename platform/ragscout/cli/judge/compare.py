"""Names, reason modes and rubric forms of ``ragscout judge compare``, checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragscout.cli.judge.bench import Bench
from ragscout.cli.judge.terminal import passages_of
from ragscout.cli.support.output import remark
from ragscout.judges.asking import Exhibit
from ragscout.judges.compare import Contender, contenders, judge_step
from ragscout.judges.sample import Item
from ragscout.model.errors import EvalSetError, ParameterError, UnknownNameError

REASONS = ("none", "before", "after")
ANCHORS = ("ends", "all")
EVERY = 10.0  # seconds between two lines of progress


def contenders_of(
    bench: Bench,
    judges: Sequence[str],
    reasons: Sequence[str],
    anchors: Sequence[str],
    levels: Sequence[str],
    file: Path,
) -> list[Contender]:
    """Return what is compared.

    Raises:
        UnknownNameError: a judge that is not under ``models:``, or a wrong mode.
        EvalSetError: there is no label yet.
    """
    connections = bench.sweep.spec.connections
    for name in judges:
        if name not in connections:
            raise UnknownNameError(str(file), "model (a name under models:)", name, connections)
    for given, allowed, option in ((reasons, REASONS, "--reason"), (anchors, ANCHORS, "--anchors")):
        for word in given:
            if word not in allowed:
                raise UnknownNameError(option, "mode", word, allowed)
    if not bench.labels:
        raise EvalSetError(
            f"{file}: nobody labelled an answer yet; got 0 labels. Run `ragscout judge label {file}` first."
        )
    models = {name: connections[name].identity_model() for name in dict.fromkeys(judges)}
    definition: Any = bench.definition
    base = (
        bench.judged.judge
        if bench.judged
        else judge_step({"model": next(iter(models.values())), "criteria": (definition,)})
    )
    forms: Any = anchors or (base.anchors,)
    modes: Any = reasons or (base.reason,)
    return contenders(base, definition, models, modes, forms, _numbers(levels) or (base.levels,))


def _numbers(words: Sequence[str]) -> tuple[int, ...]:
    for word in words:
        if not word.isdigit() or not 2 <= int(word) <= 10:
            raise ParameterError(f"--levels: not a length of a scale; got {word!r}. Use whole numbers from 2 to 10.")
    return tuple(int(word) for word in words)


class Ticker:
    """A line on standard error now and then, so that a slow judge is seen to work."""

    def __init__(self, total: int) -> None:
        """Args: total = judgements in all."""
        self._total, self._last = total, time.monotonic()

    def __call__(self, done: int) -> None:
        """Take how many are done."""
        now = time.monotonic()
        if now - self._last >= EVERY and done < self._total:
            self._last = now
            remark(f"{done} of {self._total} judged; stop at any time, nothing is lost")


def exhibits(bench: Bench, items: Sequence[Item]) -> list[Exhibit]:
    """Answers as a judge gets them, with their passages where the criterion reads them."""
    return [Exhibit(item.question, item.answer, tuple(passages_of(bench, item))) for item in items]
