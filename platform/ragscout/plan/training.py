"""Training splits of a sweep: how one is frozen, and what is checked before a sweep learns from one."""

from __future__ import annotations

import re
from pathlib import Path

from ragscout.data import open_eval_set
from ragscout.model.errors import EvalSetError, ParameterError, SpecError
from ragscout.model.evalset import EvalSet
from ragscout.model.stages import learning
from ragscout.model.training import TrainingSplit, read_file, write_file
from ragscout.plan.holdout import sealed_set
from ragscout.spec import Space, SweepSpec
from ragscout.store.store import Store

_NAME = re.compile(r"[^\W_][\w-]{0,99}")


def freeze(spec: SweepSpec, name: str, store: Store) -> tuple[Path, TrainingSplit]:
    """Freeze the open questions of a sweep's evaluation set under a name, as a file beside the sweep file.

    The sealed questions of the sweep's hold-out are left out.

    Raises:
        ParameterError: the name is none.
        EvalSetError: there is no open question, or other questions are frozen under the name.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"training split: not a name; got {name!r}. Use letters, digits, '-' and '_', at most 100."
        )
    eval_set = open_eval_set(spec.eval_set, blobs=store.blobs, registry=store.ledger, base=spec.base)
    split = TrainingSplit.of(sealed_set(eval_set, spec.holdout, store).development)
    if not split.questions:
        raise EvalSetError(f"{spec.eval_set}: there is no open question to learn from. Add questions to the set.")
    return write_file(spec.base, name, split), split


def keep_splits(space: Space, spec: SweepSpec, eval_set: EvalSet, store: Store) -> None:
    """Put the training splits that a space learns from into the store, where every worker finds them.

    Args:
        space: all configurations of the sweep.
        spec: the sweep file; the splits lie beside it.
        eval_set: with its hold-out.
        store: takes the splits under their digests.

    Raises:
        SpecError: a split holds a sealed question, which may never be learnt from.
    """
    learns = {step for item in space.configurations if (step := item.steps.get(learning())) is not None}
    where = spec.document.at(f"pipeline.{learning()}")
    open_ = {question.text for question in eval_set.development}
    sealed = {question.text for question in eval_set.questions_} - open_
    for used in sorted({split.name for step in learns for split in step.splits()}):
        split = read_file(spec.base, used, where)
        held = sum(question.text in sealed for question in split.questions)
        if held:
            raise SpecError(
                f"{where}: {held} questions of training split {used!r} are sealed in the hold-out of this sweep; what "
                "is sealed may not be learnt from. Freeze the open questions under another name with ragscout data "
                "freeze, or give the share of holdout: under which the split was frozen."
            )
        store.blobs.put(split.data)
