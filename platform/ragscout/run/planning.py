"""The plan of a sweep with what people should know before they pay for it."""

from __future__ import annotations

from dataclasses import replace

from ragscout.board.power import power_advice
from ragscout.plan.holdout import sealed_must_pass, use_of
from ragscout.plan.plan import Plan, make_plan
from ragscout.plan.sampling import plan_line
from ragscout.plan.setup import Setup
from ragscout.store.store import Store


def advised_plan(prepared: Setup, store: Store, sample: str) -> Plan:
    """Return the plan with advice: what the questions can tell apart, what the hold-out is worth, what a corpus sample
    would do."""
    use = use_of(prepared.eval_set, store, prepared.sweep_id)
    power = power_advice(len(prepared.questions), prepared.held, use.opened, use.seen)
    sealed = [note.text("en") for note in sealed_must_pass(prepared.eval_set)]
    return replace(make_plan(prepared, store), advice=(*power, *sealed), sample=plan_line(prepared, sample))
