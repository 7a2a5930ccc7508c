"""Judges, rubrics and reason modes side by side on the same labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragscout.judges.asking import Judgement
from ragscout.judges.labels import Label
from ragscout.judges.report import Labelled, Report, matched, report
from ragscout.judges.sample import Item
from ragscout.model.outcome import Score, Unfilled, Usage
from ragscout.model.results.calibration import Scale
from ragscout.model.runtime import ChatModel
from ragscout.model.step import make
from ragscout.stats.agreement import DOMINANT, cohen_kappa, count_table, gwet_ac, jackknife
from ragscout.stats.rounding import rounded
from ragscout.steps.measure.judge.judge import Judge
from ragscout.steps.measure.judge.prompt import Anchored, Reason


@dataclass(frozen=True)
class Contender:
    """One judge as compared: a connection's name and the rubric's form."""

    name: str
    judge: Judge

    @property
    def scale(self) -> Scale:
        """The judge's scale."""
        return Scale(self.judge.levels, self.judge.pass_level)


@dataclass(frozen=True)
class Compared:
    """A contender's result. ``rank`` by agreement, then by price; ``tied``: its agreement cannot be told apart from the
    first one's. ``asked`` answers, ``failed`` unusable replies, ``open`` not asked for lack of endpoint or budget.
    ``money`` for 1,000 judgements, ``None`` when a price is unknown; tokens and seconds are means of one."""

    rank: int
    contender: Contender
    report: Report
    tied: bool
    asked: int
    failed: int
    open: int
    money: float | None
    tokens: float
    seconds: float


def contenders(
    base: Judge,
    criterion: str | Mapping[str, str],
    models: Mapping[str, ChatModel],
    reasons: Sequence[Reason],
    anchors: Sequence[Anchored],
    levels: Sequence[int],
) -> list[Contender]:
    """Every combination; what is not named is as in ``base``. On another scale the pass level keeps its place."""
    fields = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    found = []
    for name, model in models.items():
        for count in levels:
            passed = max(2, round(1 + (base.pass_level - 1) * (count - 1) / (base.levels - 1)))
            for form in anchors:
                for reason in reasons:
                    changed = {"model": model, "criteria": (criterion,), "reason": reason, "anchors": form}
                    changed |= {"levels": count, "pass_level": passed, "batched": False}
                    found.append(Contender(name, judge_step({**fields, **changed})))
    return found


def judge_step(fields: Mapping[str, object]) -> Judge:
    """Return a judge made of its fields.

    Raises:
        ParameterError: a value out of range.
    """
    made = make("measure", "judge", fields)
    assert isinstance(made, Judge)
    return made


def compared(
    found: Sequence[Contender],
    judgements: Sequence[Sequence[Judgement]],
    items: Sequence[Item],
    labelled: Sequence[Item],
    labels: Sequence[Label],
) -> list[Compared]:
    """Return the contenders in order.

    ``judgements``: per contender, per labelled item; ``items``: all answers of the sweep, which the weights count.
    """
    results: list[Compared] = []
    scored: list[list[Labelled]] = []
    for contender, given in zip(found, judgements, strict=True):
        outcomes = {item.key: judgement.outcome for item, judgement in zip(labelled, given, strict=True)}
        values = {key: outcome.value for key, outcome in outcomes.items() if isinstance(outcome, Score)}
        details = [outcome.detail for outcome in outcomes.values() if isinstance(outcome, Score)]
        known = matched(items, labels, values)
        figure = next(iter(contender.judge.figures())).name
        made = report(figure, contender.name, contender.scale, known, labels, details)
        left = sum(isinstance(outcome, Unfilled) for outcome in outcomes.values())
        total = Usage()
        for judgement in given:
            total = total + judgement.usage
        n = max(1, len(given) - left)
        scored.append(known)
        results.append(
            Compared(
                0,
                contender,
                made,
                False,
                len(given) - left,
                len(given) - left - len(values),
                left,
                None if total.money is None else rounded(total.money / n * 1000),
                rounded((total.input_tokens + total.output_tokens) / n),
                rounded(total.seconds / n),
            )
        )
    use_gwet = _dominated(scored, [contender.scale for contender in found])
    results = [_by(result, use_gwet) for result in results]
    order = sorted(range(len(results)), key=lambda place: _place(results[place], place))
    first = order[0] if order else 0
    return [
        dataclasses.replace(
            results[place],
            rank=rank,
            tied=place == first or _tied(scored[first], scored[place], found[first], found[place], use_gwet),
        )
        for rank, place in enumerate(order, 1)
    ]


def _dominated(scored: Sequence[Sequence[Labelled]], scales: Sequence[Scale]) -> bool:
    """Whether one class holds more than 85 % of people's labels: then all are ranked by AC1, else all by kappa."""
    sides = [pair.human >= scale.passed - 1e-9 for known, scale in zip(scored, scales, strict=True) for pair in known]
    share = sum(sides) / len(sides) if sides else 0.5
    return max(share, 1 - share) > DOMINANT


def _by(result: Compared, use_gwet: bool) -> Compared:
    made = result.report
    value = made.ac1 if use_gwet else made.kappa
    return dataclasses.replace(
        result, report=dataclasses.replace(made, coefficient="AC1" if use_gwet else "kappa", value=value)
    )


def _place(result: Compared, place: int) -> tuple[bool, float, float, float, int]:
    value = result.report.value.value
    money = float("inf") if result.money is None else result.money
    return value is None, -round(value or 0.0, 9), money, result.seconds, place


def _tied(
    first: Sequence[Labelled], other: Sequence[Labelled], best: Contender, rival: Contender, use_gwet: bool
) -> bool:
    """Whether the interval of the difference in agreement, on the answers both judged, holds 0."""
    mine = {pair.item.key: pair for pair in first}
    pairs = [(mine[pair.item.key], pair) for pair in other if pair.item.key in mine]

    def side(value: float, contender: Contender) -> int:
        return int(value >= contender.scale.passed - 1e-9)

    def difference(places: Sequence[int]) -> float | None:
        found = []
        for which, contender in ((0, best), (1, rival)):
            people = [side(pairs[place][which].human, contender) for place in places]
            machine = [side(pairs[place][which].judge, contender) for place in places]
            if not people:
                return None
            table = count_table(people, machine, 2)
            found.append(gwet_ac(table) if use_gwet else cohen_kappa(table))
        left, right = found
        return None if left is None or right is None else left - right

    made = jackknife(difference, [pair.question for pair, _ in pairs])
    return made.low is None or made.low <= 0
