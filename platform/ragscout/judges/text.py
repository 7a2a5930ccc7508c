"""Calibration reports and comparisons as text, in English and Korean, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ragscout.judges.compare import Compared
from ragscout.judges.labels import Label
from ragscout.judges.report import Bias, Rate, Report
from ragscout.model.calibration import AGREEMENT_FLOOR, ENOUGH_LABELS
from ragscout.stats.agreement import Estimate

if TYPE_CHECKING:
    from rich.table import Table

Lines = list[str]
_W: Mapping[str, Mapping[str, str]] = {
    "en": {
        "head": "{figure} by {judge}: {answers} answers, {labels} labels by {people}",
        "nobody": "nobody",
        "few": "Not calibrated: {left} more labels are needed before anything is said ({need} in all).",
        "good": "Calibrated: {coef} {value} with people, at least {floor}.",
        "bad": "Not validated: {coef} {value} with people is below {floor}.",
        "dominant": "One class holds more than 85 %: AC1 counts, kappa misleads there.",
        "kappa": "kappa (right or wrong)",
        "ac1": "AC1 (right or wrong)",
        "weighted": "weighted kappa (levels)",
        "ac2": "AC2 (levels)",
        "pass": "false pass: people say wrong, judge passes",
        "fail": "false fail: people say right, judge fails",
        "bias": "bias (judge minus people), all answers",
        "bias_of": "bias for {model}",
        "found": "  ← excludes 0",
        "slope": "bias per doubling of the answer's length",
        "noise": "repeats: sd of one answer {sd}, {flipped} of {n} verdicts change sides",
        "between": "{first} and {second}: {same} of {n} alike, kappa {kappa}, AC1 {ac1}",
        "worst": "Where judge and people are furthest apart:",
        "disputed": "Where labellers disagree ({n}):",
        "of": "{count} of {of}",
        "answer": "A",
        "question": "Q",
        "levels": "people {human}, judge {judge}",
    },
    "ko": {
        "head": "{figure}, 심사 모델 {judge}: 답변 {answers}개, 라벨 {labels}개 (라벨한 사람: {people})",
        "nobody": "없음",
        "few": "보정되지 않음: 라벨이 {left}개 더 있어야 판단할 수 있습니다 (모두 {need}개).",
        "good": "보정됨: 사람과의 {coef} {value}, 기준 {floor} 이상.",
        "bad": "검증되지 않음: 사람과의 {coef} {value}, 기준 {floor} 미만.",
        "dominant": "한 범주가 85 %를 넘으므로 kappa 대신 AC1로 판단합니다.",
        "kappa": "kappa (정답/오답)",
        "ac1": "AC1 (정답/오답)",
        "weighted": "가중 kappa (등급)",
        "ac2": "AC2 (등급)",
        "pass": "잘못된 통과: 사람은 오답, 심사는 통과",
        "fail": "잘못된 탈락: 사람은 정답, 심사는 탈락",
        "bias": "편향 (심사 - 사람), 전체 답변",
        "bias_of": "{model} 답변의 편향",
        "found": "  ← 0을 벗어남",
        "slope": "답변 길이가 두 배가 될 때의 편향 변화",
        "noise": "반복 심사: 한 답변의 표준편차 {sd}, {n}개 중 {flipped}개의 판정이 바뀜",
        "between": "{first}, {second}: {n}개 중 {same}개 일치, kappa {kappa}, AC1 {ac1}",
        "worst": "심사와 사람이 가장 다른 답변:",
        "disputed": "라벨한 사람들이 다른 답변 ({n}):",
        "of": "{of}개 중 {count}개",
        "answer": "답변",
        "question": "질문",
        "levels": "사람 {human}, 심사 {judge}",
    },
}
_SHOWN = 160
_HEADS = {
    "en": "#|judge|reason|anchors|levels|n|agreement|bias|false pass|false fail|per 1,000|tokens|s",
    "ko": "#|심사 모델|이유|기준|등급|n|일치도|편향|잘못된 통과|잘못된 탈락|1,000회 비용|토큰|초",
}


def report_lines(report: Report, disputed: Sequence[Sequence[Label]], language: str) -> Lines:
    """A report for people."""
    w = _W["ko" if language == "ko" else "en"]
    lines = [
        w["head"].format(
            figure=report.figure,
            judge=report.judge,
            answers=report.answers,
            labels=report.labels,
            people=", ".join(report.labellers) or w["nobody"],
        )
    ]
    if not report.answers:
        return [*lines, w["few"].format(left=ENOUGH_LABELS, need=ENOUGH_LABELS)]
    lines += [*_verdict(report, w), ""]
    rows = [(w["kappa"], _estimate(report.kappa)), (w["ac1"], _estimate(report.ac1))]
    if report.ac2.value is not None:
        rows += [(w["weighted"], _estimate(report.weighted_kappa)), (w["ac2"], _estimate(report.ac2))]
    rows += [(w["pass"], _rate(report.false_pass, w)), (w["fail"], _rate(report.false_fail, w))]
    rows += [
        (w["bias_of"].format(model=bias.model) if bias.model else w["bias"], _bias(bias, w)) for bias in report.bias
    ]
    rows.append((w["slope"], _estimate(report.slope, signed=True)))
    lines += [f"  {name:<46} {value}" for name, value in rows]
    if report.noise is not None:
        noise = report.noise
        lines.append("  " + w["noise"].format(sd=f"{noise.sd:.3f}", flipped=noise.flipped, n=noise.answers))
    lines += [
        "  "
        + w["between"].format(
            first=pair.first,
            second=pair.second,
            same=pair.same,
            n=pair.n,
            kappa=_estimate(pair.kappa),
            ac1=_estimate(pair.ac1),
        )
        for pair in report.between
    ]
    if report.worst:
        lines += ["", w["worst"]]
        for pair in report.worst[:5]:
            shown = w["levels"].format(human=f"{pair.human:.2f}", judge=f"{pair.judge:.2f}")
            lines += [f"  {shown}  {w['question']}: {_short(pair.item.question.text)}"]
            lines += [f"    {w['answer']}: {_short(pair.item.answer)}"]
    if disputed:
        lines += ["", w["disputed"].format(n=len(disputed))]
        for group in disputed[:10]:
            said = ", ".join(f"{label.labeller} {label.level}/{label.levels}" for label in group)
            lines += [f"  {said}  {w['question']}: {_short(group[0].question)}"]
            lines += [f"    {w['answer']}: {_short(group[0].answer)}"]
    return lines


def _verdict(report: Report, w: Mapping[str, str]) -> Lines:
    if report.state == "not_calibrated" or report.value.value is None:
        return [w["few"].format(left=max(0, ENOUGH_LABELS - report.answers), need=ENOUGH_LABELS)]
    name = "good" if report.state == "calibrated" else "bad"
    said = w[name].format(coef=report.coefficient, value=_estimate(report.value), floor=AGREEMENT_FLOOR)
    return [said, *([w["dominant"]] if report.coefficient == "AC1" else [])]


def _estimate(made: Estimate, signed: bool = False) -> str:
    if made.value is None:
        return "–"
    form = "+.3f" if signed else ".2f"
    if made.low is None or made.high is None:
        return f"{made.value:{form}}"
    return f"{made.value:{form}} [{made.low:{form}}, {made.high:{form}}]"


def _bias(bias: Bias, w: Mapping[str, str]) -> str:
    shown = _estimate(Estimate(bias.bias, bias.low, bias.high, bias.n), signed=True)
    return f"{shown} (n {bias.n}){w['found'] if bias.found else ''}"


def _rate(made: Rate, w: Mapping[str, str]) -> str:
    counted = w["of"].format(count=made.count, of=made.of)
    if made.share is None or made.low is None or made.high is None:
        return counted
    return f"{counted} = {made.share * 100:.0f} % [{made.low * 100:.0f}, {made.high * 100:.0f}]"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def comparison_table(rows: Sequence[Compared], currency: str, language: str) -> Table:
    """The comparison for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    heads = _HEADS["ko" if language == "ko" else "en"].split("|")
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
    """A report as plain values."""
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
    """A comparison's row as plain values."""
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
