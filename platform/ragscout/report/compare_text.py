"""A comparison of two sweeps as text."""

from __future__ import annotations

from ragscout.model.board import BoardLanguage, Goal
from ragscout.report.compare import Comparison, RowPair
from ragscout.report.why_text import BY, flat, points

WORDS: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "head": "{after} against {before}: {metric} on {common} common questions",
        "counted": "{same} of them with equal references and evidence; {only_before} only before, {only_after} "
        "only after",
        "changes": "What changed",
        "nothing": "nothing",
        "more": "{n} more",
        "did": "What that did (after minus before, 95 % interval)",
        "row": "{role}: {mean_before} -> {mean_after}, {d} ({low} to {high}; {wins} won, {losses} lost of {n})",
        "unpaired": "{role}: no common scored question",
        "from": "before {before} | after {after}",
        "no_pairs": "No configuration was measured in both.",
    },
    "ko": {
        "head": "{before} 대비 {after}: 공통 문항 {common}개의 {metric}",
        "counted": "이 중 정답과 근거가 같은 문항 {same}개; 이전에만 {only_before}개, 이후에만 {only_after}개",
        "changes": "바뀐 것",
        "nothing": "없음",
        "more": "{n}개 더",
        "did": "그 영향 (이후 - 이전, 95 % 구간)",
        "row": "{role}: {mean_before} -> {mean_after}, {d} ({low} ~ {high}; {n}문항 중 {wins}승 {losses}패)",
        "unpaired": "{role}: 점수가 있는 공통 문항 없음",
        "from": "이전 {before} | 이후 {after}",
        "no_pairs": "양쪽에서 측정한 구성이 없습니다.",
    },
}
NAMES: dict[BoardLanguage, dict[str, str]] = {
    "en": {},
    "ko": {
        "documents": "문서",
        "questions": "문항",
        "evaluation set": "평가 세트",
        "references": "정답",
        "models": "모델",
        "metrics": "지표",
        "space": "탐색 공간",
        "recommended": "추천",
        "reference": "기준",
        "baseline": "기준선",
        "same knobs": "같은 설정",
    },
}
_SHOWN, _GROUPS = 30, 5


def comparison_lines(found: Comparison, goal: Goal, lang: BoardLanguage = "en") -> list[str]:
    """The comparison, one line each."""
    words, names = WORDS[lang], NAMES[lang]
    plain = vars(found)
    lines = [words["head"].format(**plain), words["counted"].format(**plain), "", words["changes"]]
    for item in found.changes[:_SHOWN]:
        name = flat(names.get(item.name, item.name), 80)
        lines.append(f"  {names.get(item.what, item.what)} {name}: {_ends(item.before, item.after)}")
    if len(found.changes) > _SHOWN:
        lines.append("  " + words["more"].format(n=len(found.changes) - _SHOWN))
    if not found.changes:
        lines.append(f"  {words['nothing']}")
    lines += ["", words["did"]]
    for pair in found.pairs[:_SHOWN]:
        lines += _pair(pair, goal, lang)
    return lines if found.pairs else [*lines, f"  {words['no_pairs']}"]


def _pair(pair: RowPair, goal: Goal, lang: BoardLanguage) -> list[str]:
    words, role = WORDS[lang], NAMES[lang].get(pair.role, pair.role)
    paired = pair.difference
    if paired is None or pair.mean_before is None or pair.mean_after is None:
        return ["  " + words["unpaired"].format(role=role)]
    head = words["row"].format(
        role=role,
        mean_before=f"{pair.mean_before:.3f}",
        mean_after=f"{pair.mean_after:.3f}",
        d=points(paired.difference, goal, lang),
        low=points(paired.low, goal),
        high=points(paired.high, goal),
        wins=paired.wins,
        losses=paired.losses,
        n=paired.n,
    )
    lines = [f"  {head}"]
    lines.append("    " + words["from"].format(before=flat(pair.before, 80), after=flat(pair.after, 80)))
    changed = [group for group in pair.groups if abs(group.difference) > 1e-9]
    for group in sorted(changed, key=lambda item: -abs(item.difference) * item.n)[:_GROUPS]:
        lines.append(
            f"    {BY[lang][group.kind]}: {flat(group.name, 60)} {points(group.difference, goal, lang)} (n {group.n})"
        )
    return lines


def _ends(before: str, after: str) -> str:
    return f"{flat(before, 100) or '–'} -> {flat(after, 100) or '–'}"
