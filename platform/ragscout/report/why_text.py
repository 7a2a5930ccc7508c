"""An explanation as text, in English or Korean."""

from __future__ import annotations

from ragscout.board.effects import Effect
from ragscout.model.board import BoardLanguage, Goal
from ragscout.model.text import display_width
from ragscout.report.passages import Passage
from ragscout.report.why import Side, Why

WORDS: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "row": "{name}: rank {rank}, {metric} {estimate}, {answered} of {questions} questions answered",
        "key": "key {key}",
        "failed": "It failed: {why}",
        "path": "What it does",
        "defaults": "defaults",
        "knobs": "What each knob adds here (against the configurations that differ in this knob only; 95 % interval)",
        "none": "Nothing to compare: no other measured configuration differs in one knob.",
        "from": "of {n} alternative",
        "froms": "of {n} alternatives",
        "predicted": "The knobs alone give {predicted}; measured {estimate}.",
        "rough": (
            "Read the knobs as rough: the factor model did not pass its check ({blocks} predicted blocks, spread of "
            "errors {spread:.2f}, interactions {interaction:.0%})."
        ),
        "rival": "Against {name}",
        "differs": "differs in",
        "duel": "{wins} won, {losses} lost, {ties} alike of {n}; difference {d} ({low} to {high})",
        "group": "won {wins}, lost {losses} of {n}, {d}",
        "more": "{n} more",
        "examples": "Questions that differ most ({n})",
        "own": "here",
        "other": "there",
        "reference": "reference",
        "passages": "passages",
        "gold": "holds evidence",
        "nothing": "No question differs.",
        "alone": "No other row to compare with.",
    },
    "ko": {
        "row": "{name}: {rank}위, {metric} {estimate}, {questions}문항 중 {answered}문항 답변",
        "key": "키 {key}",
        "failed": "실패: {why}",
        "path": "구성",
        "defaults": "기본값",
        "knobs": "설정값별 기여 (이 설정만 다른 구성들과 비교; 95 % 구간)",
        "none": "비교할 것이 없습니다: 한 설정만 다른 측정된 구성이 없습니다.",
        "from": "대안 {n}개 대비",
        "froms": "대안 {n}개 대비",
        "predicted": "설정만으로 예측한 값 {predicted}; 측정값 {estimate}.",
        "rough": (
            "설정별 기여는 대략으로 보십시오: 요인 모형이 점검을 통과하지 못했습니다 (예측 블록 {blocks}개, 오차 퍼짐 "
            "{spread:.2f}, 상호작용 {interaction:.0%})."
        ),
        "rival": "{name}와(과) 비교",
        "differs": "다른 설정",
        "duel": "{n}문항 중 {wins}승 {losses}패 {ties}무; 차이 {d} ({low} ~ {high})",
        "group": "{n}문항 중 {wins}승 {losses}패, {d}",
        "more": "{n}개 더",
        "examples": "차이가 가장 큰 {n}문항",
        "own": "여기",
        "other": "상대",
        "reference": "정답",
        "passages": "발췌",
        "gold": "근거 포함",
        "nothing": "차이가 나는 문항이 없습니다.",
        "alone": "비교할 다른 구성이 없습니다.",
    },
}
BY: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "type": "by question type",
        "slice": "by slice",
        "answerable": "by answerability",
        "language": "by language",
        "document": "by document",
    },
    "ko": {
        "type": "질문 유형별",
        "slice": "구분별",
        "answerable": "답변 가능 여부별",
        "language": "언어별",
        "document": "문서별",
    },
}
_GROUPS, _ANSWER, _PASSAGE = 8, 300, 160


def why_lines(found: Why, goal: Goal, lang: BoardLanguage = "en") -> list[str]:
    """The explanation, one line each, without markup."""
    words = WORDS[lang]
    estimate = "–" if found.estimate is None else f"{found.estimate:.3f}"
    badge = found.judge.badge(lang) if found.judge is not None else ""
    head = words["row"].format(
        name=flat(found.name, 120),
        rank=found.rank,
        metric=found.metric + (f" [{badge}]" if badge else ""),
        estimate=estimate,
        answered=found.answered,
        questions=found.questions,
    )
    lines = [head, words["key"].format(key=found.key[:12])]
    lines += [words["failed"].format(why=flat(found.failed, 500))] if found.failed else []
    lines += ["", words["path"]]
    for step in found.path:
        given = ", ".join(f"{name} {flat(value, 60)}" for name, value in step.parameters.items())
        lines.append(f"  {step.stage:<9} {step.use}: {given or words['defaults']}")
    lines += ["", words["knobs"], *_knobs(found, goal, lang, estimate), ""]
    return lines + _against(found, goal, lang)


def _knobs(found: Why, goal: Goal, lang: BoardLanguage, estimate: str) -> list[str]:
    words = WORDS[lang]
    if not found.contributions:
        return [f"  {words['none']}"]
    wide = max(display_width(f"{item.knob} = {item.level}") for item in found.contributions)
    lines = [f"  {_padded(f'{e.knob} = {e.level}', wide)}  {contribution(e, goal, lang)}" for e in found.contributions]
    if found.predicted is not None:
        lines.append("  " + words["predicted"].format(predicted=f"{found.predicted:.3f}", estimate=estimate))
    return lines if found.trusted else [*lines, "  " + words["rough"].format(**found.fit)]


def contribution(effect: Effect, goal: Goal, lang: BoardLanguage) -> str:
    """``+6 points (+2 to +10), of 2 alternatives``."""
    word = WORDS[lang]["from" if effect.configurations == 1 else "froms"].format(n=effect.configurations)
    to = " ~ " if lang == "ko" else " to "
    return f"{points(effect.value, goal, lang)} ({points(effect.low, goal)}{to}{points(effect.high, goal)}), {word}"


def points(value: float | None, goal: Goal, unit: BoardLanguage | None = None) -> str:
    """A difference as points of 100 where the goal is a share, else in the goal's own unit."""
    if value is None:
        return "–"
    if not goal.unit:
        return f"{value:+.3g}"
    return f"{value * 100:+.1f}" + {"en": " points", "ko": "점", None: ""}[unit]


def _against(found: Why, goal: Goal, lang: BoardLanguage) -> list[str]:
    words = WORDS[lang]
    if not found.rival:
        return [words["alone"]]
    lines = [words["rival"].format(name=flat(found.rival, 120))]
    lines += [f"  {words['differs']} {item.knob}: {item.own} | {item.rival}" for item in found.differs]
    duel = found.duel
    if duel is not None:
        lines.append(
            "  "
            + words["duel"].format(
                wins=duel.wins,
                losses=duel.losses,
                ties=duel.n - duel.wins - duel.losses,
                n=duel.n,
                d=points(duel.difference, goal, lang),
                low=points(duel.low, goal),
                high=points(duel.high, goal),
            )
        )
    for kind, title in BY[lang].items():
        members = [item for item in found.groups if item.kind == kind]
        if members:
            lines.append(f"  {title}")
        for item in members[:_GROUPS]:
            text = words["group"].format(
                wins=item.wins, losses=item.losses, n=item.n, d=points(item.difference, goal, lang)
            )
            lines.append(f"    {flat(item.name, 60)}: {text}")
        if len(members) > _GROUPS:
            lines.append("    " + words["more"].format(n=len(members) - _GROUPS))
    lines += ["", words["examples"].format(n=len(found.examples)) if found.examples else words["nothing"]]
    for number, example in enumerate(found.examples, 1):
        lines.append(f"{number:>3}. {flat(example.question, 200)}  [{example.id}] {points(example.difference, goal)}")
        for reference in example.references[:1]:
            lines.append(f"     {words['reference']}: {flat(reference, _ANSWER)}")
        lines += _side(words["own"], example.own, words) + _side(words["other"], example.rival, words)
    return lines


def _side(title: str, side: Side, words: dict[str, str]) -> list[str]:
    score = f"{side.score:.2f}" if side.score is not None else "–"
    failure = f" [{side.failure}]" if side.failure else ""
    lines = [f"     {title} {score}{failure}: {flat(side.answer, _ANSWER)}"]
    for passage in side.passages:
        lines.append(f"       · {place(passage, words)}: {flat(passage.text, _PASSAGE)}")
    return lines


def place(passage: Passage, words: dict[str, str]) -> str:
    """Where a passage lies, and whether its document holds evidence."""
    return f"{passage.document} {passage.start}–{passage.end}" + (f" ({words['gold']})" if passage.gold else "")


def flat(text: str, limit: int) -> str:
    """One line without control characters: answers may hold anything."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    flat = " ".join(clean.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - display_width(text))
