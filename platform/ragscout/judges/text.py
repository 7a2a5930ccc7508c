"""Calibration reports and comparisons as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ragscout.judges.compare import Compared
from ragscout.judges.labels import Label
from ragscout.judges.report import Bias, Rate, Report
from ragscout.model.results.calibration import AGREEMENT_FLOOR, ENOUGH_LABELS
from ragscout.model.text import padded
from ragscout.stats.agreement import EstimatedValue
from ragscout.words import Language, Words

if TYPE_CHECKING:
    from rich.table import Table

Lines = list[str]
_SHOWN = 160
_HEADS = (
    "judge",
    "reason",
    "anchors",
    "levels",
    "n",
    "agreement",
    "bias",
    "false_pass",
    "false_fail",
    "cost",
    "tokens",
)
"""Columns of a comparison beside the rank and the seconds."""


def report_lines(report: Report, disputed: Sequence[Sequence[Label]], language: Language) -> Lines:
    """Return a report for people."""
    words = Words(language)
    needed = {"left": max(0, ENOUGH_LABELS - report.answers), "needed": ENOUGH_LABELS}
    if not report.answers:
        return [
            words("judges.head_unlabelled", figure=report.figure, judge=report.judge),
            words("judges.few", **needed),
        ]
    lines = [
        words(
            "judges.head",
            figure=report.figure,
            judge=report.judge,
            answers=report.answers,
            labels=report.labels,
            people=report.labellers,
        )
    ]
    if report.state == "not_calibrated" or report.value.value is None:
        lines.append(words("judges.few", **needed))
    else:
        lines += _verdict(report, words)
    lines += ["", *(f"  {padded(name, 46)} {value}" for name, value in _figures(report, words))]
    if report.noise is not None:
        noise = report.noise
        lines.append("  " + words("judges.noise", sd=noise.sd, flipped=noise.flipped, n=noise.answers))
    for pair in report.between:
        kappa, ac1 = _estimate(pair.kappa), _estimate(pair.ac1)
        values = {"first": pair.first, "second": pair.second, "same": pair.same, "n": pair.n}
        lines.append("  " + words("judges.between", **values, kappa=kappa, ac1=ac1))
    return [*lines, *_worst(report, words), *_disputed(disputed, words)]


def _figures(report: Report, words: Words) -> Iterator[tuple[str, str]]:
    """Yield the report's figures by name."""
    yield words("judges.kappa"), _estimate(report.kappa)
    yield words("judges.ac1"), _estimate(report.ac1)
    if report.ac2.value is not None:
        yield words("judges.weighted"), _estimate(report.weighted_kappa)
        yield words("judges.ac2"), _estimate(report.ac2)
    yield words("judges.pass"), _rate(report.false_pass, words)
    yield words("judges.fail"), _rate(report.false_fail, words)
    for bias in report.bias:
        yield words("judges.bias_of", model=bias.model) if bias.model else words("judges.bias"), _bias(bias, words)
    yield words("judges.slope"), _estimate(report.slope, signed=True)


def _worst(report: Report, words: Words) -> Lines:
    """Answers about which judge and people are furthest apart."""
    lines = ["", words("judges.worst")] if report.worst else []
    for pair in report.worst[:5]:
        shown = words("judges.levels", human=pair.human, judge=pair.judge)
        lines += [f"  {shown}  {words('judges.question')}: {_short(pair.item.question.text)}"]
        lines += [f"    {words('judges.answer')}: {_short(pair.item.answer)}"]
    return lines


def _disputed(disputed: Sequence[Sequence[Label]], words: Words) -> Lines:
    """Answers about which people disagree."""
    lines = ["", words("judges.disputed", n=len(disputed))] if disputed else []
    for group in disputed[:10]:
        given = ", ".join(f"{label.labeller} {label.level}/{label.levels}" for label in group)
        lines += [f"  {given}  {words('judges.question')}: {_short(group[0].question)}"]
        lines += [f"    {words('judges.answer')}: {_short(group[0].answer)}"]
    return lines


def _verdict(report: Report, words: Words) -> Lines:
    kind = "judges.good" if report.state == "calibrated" else "judges.bad"
    given = {"coefficient": report.coefficient, "value": _estimate(report.value), "floor": AGREEMENT_FLOOR}
    return [words(kind, **given), *([words("judges.dominant")] if report.coefficient == "AC1" else [])]


def _estimate(made: EstimatedValue, signed: bool = False) -> str:
    if made.value is None:
        return "–"
    form = "+.3f" if signed else ".2f"
    if made.low is None or made.high is None:
        return f"{made.value:{form}}"
    return f"{made.value:{form}} [{made.low:{form}}, {made.high:{form}}]"


def _bias(bias: Bias, words: Words) -> str:
    shown = _estimate(EstimatedValue(bias.bias, bias.low, bias.high, bias.n), signed=True)
    return f"{shown} (n {bias.n}){words('judges.found') if bias.found else ''}"


def _rate(made: Rate, words: Words) -> str:
    counted = words("judges.of", count=made.count, of=made.of)
    if made.share is None or made.low is None or made.high is None:
        return counted
    return f"{counted} = {made.share * 100:.0f} % [{made.low * 100:.0f}, {made.high * 100:.0f}]"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def comparison_table(rows: Sequence[Compared], currency: str, language: Language) -> Table:
    """Return the comparison for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    words = Words(language)
    heads = ["#", *(words(f"judges.column_{name}") for name in _HEADS), words("judges.column_seconds")]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(Text(head), justify="left" if place in (1, 2, 3) else "right", no_wrap=True)
    for row in rows:
        judge, report = row.contender.judge, row.report
        bias = report.bias[0] if report.bias else None
        table.add_row(
            f"{row.rank}{'=' if row.tied and row.rank > 1 else ''}",
            Text(row.contender.name),
            judge.reason,
            judge.anchors,
            str(judge.levels),
            f"{report.answers}/{row.asked + row.open}",
            f"{report.coefficient} {_estimate(report.value)}",
            "–" if bias is None else f"{bias.bias:+.2f}",
            f"{report.false_pass.count}/{report.false_pass.of}",
            f"{report.false_fail.count}/{report.false_fail.of}",
            "–" if row.money is None else f"{row.money:.3f} {currency}".strip(),
            f"{row.tokens:.0f}",
            f"{row.seconds:.2f}",
            style="bold" if row.rank == 1 else "",
        )
    return table


def report_json(report: Report, disputed: Sequence[Sequence[Label]]) -> dict[str, Any]:
    """Return a report as plain values."""
    plain = asdict(report)
    plain["state"] = report.state
    plain["worst"] = [
        {
            "question": pair.question,
            "answer": pair.item.answer,
            "model": pair.item.model,
            "people": pair.human,
            "judge": pair.judge,
        }
        for pair in report.worst
    ]
    plain["disputed"] = [[vars(label) for label in group] for group in disputed]
    return plain


def comparison_json(row: Compared) -> dict[str, Any]:
    """Return a comparison's row as plain values."""
    judge = row.contender.judge
    return {
        "rank": row.rank,
        "judge": row.contender.name,
        "reason": judge.reason,
        "anchors": judge.anchors,
        "levels": judge.levels,
        "tied": row.tied,
        "asked": row.asked,
        "failed": row.failed,
        "open": row.open,
        "money_per_1000": row.money,
        "tokens": row.tokens,
        "seconds": row.seconds,
        "report": report_json(row.report, []),
    }
