"""The decision in words: three reasons, three risks, what was not tried, with which data and models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragscout.board.pairs import paired_rows
from ragscout.board.words.headline import headline
from ragscout.model.board import Board, BoardLanguage, Paired, Row
from ragscout.model.outcome import CANDIDATE_KINDS
from ragscout.model.runtime import ChatModel
from ragscout.model.step import registered_stages, steps_of
from ragscout.report.material import Material
from ragscout.report.why_text import contribution, points

SHOWN = 3
FEWEST = 10
"""Common questions from which on a difference that is not significant is worth a word."""
LEAST = 0.0005
"""Smallest difference that is shown as one."""
_OPEN_STAGES = ("query", "rerank", "embed", "chunk", "generate")
"""Stages whose untried steps are worth a line."""
_RISKY = (
    "must_pass",
    "infeasible",
    "slice_loss",
    "constant",
    "judge",
    "own_judge",
    "missing",
    "optimism",
    "holdout",
    "power",
)
"""Kinds of the board's notes that are risks, the worst first."""

WORDS: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "alone": "It is separated from all {n} rows that were measured as deeply.",
        "leads": "It has the highest posterior mean. {n} rows cannot be told apart; none within one point is cheaper.",
        "near": "It cannot be told apart from the leader ({d}, {low} to {high}) and is {cheaper}.",
        "cheaper_money": "cheaper: {own} instead of {other} {currency} per 1,000 questions",
        "cheaper_plain": "no dearer and no more complex ({own} against {other})",
        "cheaper_even": "no dearer",
        "cheaper_tokens": "leaner: {own} instead of {other} tokens a question",
        "beats": "It is {d} ({low} to {high}) better than {role} {name} on {n} questions.",
        "level": "Against {role} {name} it makes {d} ({low} to {high}, n {n}).",
        "reference": "the reference",
        "baseline": "the baseline",
        "knob": "What carries it most: {knob} = {level}, {effect}.",
        "found": "Its passages hold the evidence: {figure} {value}.",
        "cost": "{money}{seconds} s per question and complexity {complexity}{dearer}.",
        "dearer": "; {n} of {total} rows need more tokens",
        "money": "{value} {currency} per 1,000 questions, ",
        "behind": "It may be worse than {role} {name}: {d} ({low} to {high}).",
        "failures": "{n} of {asked} of its answers failed or refused ({kinds}); they count as wrong.",
        "group": "It is weakest on {group}: {mean} on {n} questions, against {all} on all.",
        "partial": "{never} of {all} configurations were never asked and {partly} only in part.",
        "few": "Every figure rests on {n} questions; other questions may decide otherwise.",
        "never": "{n} of {all} configurations were never asked; {partly} answered only a part of the questions.",
        "everything": "Every configuration of the sweep file answered every question.",
        "fixed": "{stage}: only {used} (also there: {others}).",
        "one": "{stage}: only {used}.",
    },
    "ko": {
        "alone": "같은 깊이로 측정된 {n}개 구성 모두와 구별됩니다.",
        "leads": "추정값이 가장 높습니다. 구별되지 않는 구성이 {n}개 있지만, 1점 이내에 더 저렴한 것은 없습니다.",
        "near": "선두와 구별되지 않으며 ({d}, {low} ~ {high}) {cheaper}.",
        "cheaper_money": "더 저렴합니다: 1,000문항당 {other} 대신 {own} {currency}",
        "cheaper_plain": "더 비싸지도 복잡하지도 않습니다 (복잡도 {own}, 선두 {other})",
        "cheaper_even": "더 비싸지 않습니다",
        "cheaper_tokens": "토큰을 덜 씁니다: 문항당 {other} 대신 {own}",
        "beats": "{role} {name}보다 {d} ({low} ~ {high}) 낫습니다 ({n}문항).",
        "level": "{role} {name}과의 차이는 {d}입니다 ({low} ~ {high}, n {n}).",
        "reference": "기준",
        "baseline": "기준선",
        "knob": "가장 크게 기여한 설정: {knob} = {level}, {effect}.",
        "found": "발췌에 근거가 들어 있습니다: {figure} {value}.",
        "cost": "{money}문항당 {seconds}초, 복잡도 {complexity}{dearer}.",
        "dearer": "; {total}개 구성 중 {n}개는 토큰을 더 씁니다",
        "money": "1,000문항당 {value} {currency}, ",
        "behind": "{role} {name}보다 나쁠 수 있습니다: {d} ({low} ~ {high}).",
        "failures": "답변 {asked}개 중 {n}개가 실패하거나 거절되었습니다 ({kinds}). 오답으로 계산됩니다.",
        "group": "{group}에서 가장 약합니다: {n}문항에서 {mean}, 전체는 {all}.",
        "partial": "전체 {all}개 구성 중 {never}개는 질문하지 않았고 {partly}개는 일부만 질문했습니다.",
        "few": "모든 수치는 {n}문항에 근거합니다. 다른 질문에서는 결과가 다를 수 있습니다.",
        "never": "전체 {all}개 구성 중 {never_count}개는 질문하지 않았고 {partly}개는 일부 문항만 답했습니다.",
        "everything": "스윕 파일의 모든 구성이 모든 문항에 답했습니다.",
        "fixed": "{stage}: {used}만 사용 (그 밖에 가능: {others}).",
        "one": "{stage}: {used}만 사용.",
    },
}
MODEL: dict[BoardLanguage, str] = {"en": "model", "ko": "모델"}
GROUPS_KO = {"answerable": "답할 수 있는 질문", "unanswerable": "답할 수 없는 질문"}


@dataclass(frozen=True)
class Decision:
    """The first page in words."""

    headline: str
    reasons: tuple[str, ...]
    risks: tuple[str, ...]
    not_tried: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    first: tuple[tuple[str, str], ...]
    """Those of the versions that belong on the first page: data and models."""


def decision(material: Material) -> Decision:
    """Read the decision off the board; nothing is said that was not measured."""
    board = material.snapshot.board
    best = board.recommended()
    reasons = tuple(_reasons(material, best)) if best is not None else ()
    risks = (
        tuple(_risks(material, best))
        if best is not None
        else tuple(note.text(material.language) for note in board.notes if note.kind != "infeasible")
    )
    versions = tuple(_versions(material))
    model = MODEL[material.language]
    return Decision(
        headline(board, material.language),
        reasons[:SHOWN],
        risks[:SHOWN],
        tuple(_not_tried(material)),
        versions,
        (*versions[:3], *((name, value) for name, value in versions if name == model)),
    )


def _reasons(material: Material, best: Row) -> Iterator[str]:
    board, lang = material.snapshot.board, material.language
    words, goal = WORDS[lang], board.goal
    leader = board.leader()
    others = len(board.winner_set()) - 1
    compared = sum(1 for row in board.rows if row.versus_leader is not None)
    if leader is not None and leader.key != best.key and best.versus_leader is not None:
        paired = best.versus_leader
        yield words["near"].format(
            d=points(paired.difference, goal, lang),
            low=points(paired.low, goal),
            high=points(paired.high, goal),
            cheaper=_cheaper(board, best, leader, lang),
        )
    elif compared:
        yield words["alone"].format(n=compared) if others < 1 else words["leads"].format(n=others)
    for role, name, paired in _rivals(material, best):
        clear = _clear(paired, goal.sign)
        # a difference of nothing, or on a handful of questions, is no reason for a choice
        level = not clear and paired.n >= FEWEST and paired.difference * goal.sign >= LEAST
        if clear > 0 or level:
            form = "beats" if clear > 0 else "level"
            yield words[form].format(role=words[role], name=name, **_ends(material, paired, form))
        break
    helpful = [
        item
        for item in material.effects.contributions(best.key)
        if min(item.low * goal.sign, item.high * goal.sign) > 0
    ]
    if helpful:
        top = helpful[0]
        yield words["knob"].format(knob=top.knob, level=top.level, effect=contribution(top, goal, lang))
    yield _cost(board, best, lang)
    for figure in board.retrieval_figures:
        stat = best.figures.get(figure)
        if stat is not None and stat.mean is not None and "recall" in figure:
            yield words["found"].format(figure=figure, value=f"{stat.mean:.2f}")
            break


def _cheaper(board: Board, best: Row, leader: Row, lang: BoardLanguage) -> str:
    words = WORDS[lang]
    own, other = best.cost.per_1000, leader.cost.per_1000
    if own is not None and other is not None and own < other:
        # "0.79 instead of 0.79" persuades nobody: as many digits as it takes to tell them apart
        digits = next((count for count in range(2, 6) if f"{own:.{count}f}" != f"{other:.{count}f}"), 6)
        ends = {"own": f"{own:.{digits}f}", "other": f"{other:.{digits}f}"}
        return words["cheaper_money"].format(**ends, currency=board.currency).replace("  ", " ")
    mine, theirs = (row.cost.input_tokens + row.cost.output_tokens for row in (best, leader))
    if mine < theirs * 0.99:
        return words["cheaper_tokens"].format(own=f"{mine:,.0f}", other=f"{theirs:,.0f}")
    if best.complexity > leader.complexity:
        return words["cheaper_even"]
    return words["cheaper_plain"].format(own=f"{best.complexity:g}", other=f"{leader.complexity:g}")


def _rivals(material: Material, best: Row) -> Iterator[tuple[str, str, Paired]]:
    """The reference, else the best baseline, with the recommended row minus it on common questions."""
    board = material.snapshot.board
    reference = board.reference()
    if reference is not None and reference.key != best.key and best.versus_reference is not None:
        yield "reference", reference.name, best.versus_reference
    for row in board.rows:
        if row.has("baseline") and row.key != best.key and {row.key, best.key} <= set(material.rows):
            own, other = material.rows[best.key].scores, material.rows[row.key].scores
            paired = paired_rows(own, other, board.goal)
            if paired is not None:
                yield "baseline", row.name, paired
                return


def _clear(paired: Paired, sign: int) -> int:
    """1 when the interval says better, -1 when it says worse, else 0."""
    if paired.low is None or paired.high is None:
        return 0
    return sign if paired.low > 0 else -sign if paired.high < 0 else 0


def _ends(material: Material, paired: Paired, form: str) -> dict[str, object]:
    goal, lang = material.snapshot.board.goal, material.language
    sign = goal.sign if form == "beats" else 1
    ends = [None if end is None else end * sign for end in (paired.low, paired.high)]
    low, high = ends if sign > 0 else ends[::-1]
    return {
        "d": points(paired.difference * sign, goal, lang),
        "low": points(low, goal),
        "high": points(high, goal),
        "n": paired.n,
    }


def _cost(board: Board, best: Row, lang: BoardLanguage) -> str:
    words = WORDS[lang]
    money = ""
    if best.cost.per_1000:
        money = words["money"].format(value=f"{best.cost.per_1000:.2f}", currency=board.currency).replace(" ,", ",")
    own = best.cost.input_tokens + best.cost.output_tokens
    rows = [row for row in board.rows if row.answered and row.key != best.key]
    dearer = sum(1 for row in rows if row.cost.input_tokens + row.cost.output_tokens > own)
    return words["cost"].format(
        money=money,
        seconds=f"{best.cost.seconds:.2g}",
        complexity=f"{best.complexity:g}",
        dearer=words["dearer"].format(n=dearer, total=len(rows)) if dearer else "",
    )


def _risks(material: Material, best: Row) -> Iterator[str]:
    board, lang = material.snapshot.board, material.language
    words, goal = WORDS[lang], board.goal
    for role, name, paired in _rivals(material, best):
        if _clear(paired, goal.sign) < 0:
            yield words["behind"].format(role=words[role], name=name, **_ends(material, paired, "behind"))
    notes = {note.kind: note for note in reversed(board.notes)}
    yield from (notes[kind].text(lang) for kind in _RISKY if kind in notes)
    stat = best.figures.get(goal.metric)
    own = {kind: count for kind, count in stat.failures.items() if kind in CANDIDATE_KINDS} if stat else {}
    if own:
        kinds = ", ".join(f"{kind} {count}" for kind, count in own.items())
        yield words["failures"].format(n=sum(own.values()), asked=best.answered, kinds=kinds)
    mean = stat.mean if stat is not None else None
    weak = [
        (mean - group.mean, group)
        for group in best.groups
        if mean is not None and group.mean is not None and group.scored >= SHOWN
    ]
    short, worst = max(weak, key=lambda item: item[0] * goal.sign, default=(0.0, None))
    if worst is not None and short * goal.sign >= 0.005:
        group = GROUPS_KO.get(worst.group, worst.group) if lang == "ko" else f"{worst.group} questions"
        yield words["group"].format(
            group=group.removeprefix("slice:"), mean=f"{worst.mean:.2f}", n=worst.scored, all=f"{mean:.2f}"
        )
    never, partly = _unmeasured(board)
    if never or partly:
        yield words["partial"].format(never=never, all=board.configurations, partly=partly)
    yield words["few"].format(n=board.questions)


def _unmeasured(board: Board) -> tuple[int, int]:
    asked = sum(1 for row in board.rows if row.answered)
    full = sum(1 for row in board.rows if row.answered >= board.questions)
    return max(0, board.configurations - asked), asked - full


def _not_tried(material: Material) -> Iterator[str]:
    board, lang = material.snapshot.board, material.language
    words = WORDS[lang]
    never, partly = _unmeasured(board)
    if never or partly:
        yield words["never"].format(n=never, never_count=never, all=board.configurations, partly=partly)
    else:
        yield words["everything"]
    known = set(registered_stages())
    for stage in _OPEN_STAGES:
        used = sorted({item.steps[stage].name for item in material.space if stage in item.steps})
        if not used:
            continue
        others = [name for name in steps_of(stage) if name not in used and "." not in name] if stage in known else []
        labels = {item.steps[stage].label() for item in material.space if stage in item.steps}
        if others and len(used) == 1:
            yield words["fixed"].format(stage=stage, used=used[0], others=", ".join(others))
        elif len(labels) == 1:
            yield words["one"].format(stage=stage, used=next(iter(labels)))


def _versions(material: Material) -> Iterator[tuple[str, str]]:
    snapshot, lang = material.snapshot, material.language
    korean = lang == "ko"
    eval_set = snapshot.eval_set
    held = eval_set.count - len(eval_set.development)
    yield ("평가 세트" if korean else "evaluation set"), f"{snapshot.board.eval_set} ({eval_set.digest[:12]})"
    counted = f"{len(eval_set.development)} + {held} hold-out" if held else str(len(eval_set.development))
    yield ("문항" if korean else "questions"), counted.replace("hold-out", "보류" if korean else "hold-out")
    yield ("문서 파일" if korean else "document files"), str(len(eval_set.files))
    yield ("목표" if korean else "goal"), snapshot.board.goal.metric
    for name, limit in material.limits.items():
        yield ("한도" if korean else "limit"), f"{name} {limit:g}"
    for label in sorted(_models(material)):
        yield MODEL[lang], label
    signatures = dict.fromkeys(snapshot.signatures.values())
    for signature in signatures:
        yield ("지표" if korean else "metric"), signature
    yield from material.facts.items()


def _models(material: Material) -> set[str]:
    """Chat models and encoders of the space with their revisions."""
    found = set()
    for item in material.space:
        for stage, step in item.steps.items():
            values = [value for value in vars(step).values() if isinstance(value, ChatModel)]
            found |= {" ".join(filter(None, (f"{v.provider}/{v.model}", v.revision[:12]))) for v in values}
            if stage == "embed" or (stage == "rerank" and not values and step.name != "none"):
                found.add(f"{stage}: {step.label()}")
    return found
