"""The metric audit as text, in English and in Korean."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.board.audit import Audit, Disputed
from ragscout.model.board import BoardLanguage
from ragscout.stats.rank_correlation import Correlation

_WORDS = {
    "en": {
        "title": "Do the metrics agree? ({rows} rows, {questions} questions answered by all of them)",
        "configurations": "Order of the configurations",
        "questions": "Order of the questions",
        "pair": "metrics",
        "tau": "Kendall tau (95 %)",
        "rho": "Spearman rho (95 %)",
        "n": "n",
        "best": "First by",
        "disputed": "Questions on which they disagree most",
        "question": "question",
        "spread": "spread",
        "scores": "mean scores",
        "left_out": "Left out",
        "summary": "The goal {goal}: median tau {agreement} with the other answer metrics, {rest} among those.",
        "few": "Fewer than 4 configurations answered the same questions: their order cannot be compared.",
    },
    "ko": {
        "title": "지표들이 서로 맞나요? (구성 {rows}개, 모두가 답한 문항 {questions}개)",
        "configurations": "구성의 순서",
        "questions": "문항의 순서",
        "pair": "지표",
        "tau": "켄달 타우 (95 %)",
        "rho": "스피어만 로 (95 %)",
        "n": "n",
        "best": "1위",
        "disputed": "지표들의 이견이 가장 큰 문항",
        "question": "문항",
        "spread": "이견",
        "scores": "평균 점수",
        "left_out": "제외",
        "summary": "목표 {goal}: 다른 답변 지표들과의 타우 중앙값 {agreement}, 그 지표들끼리는 {rest}.",
        "few": "같은 문항에 답한 구성이 4개보다 적어 구성의 순서를 비교할 수 없습니다.",
    },
}
_REASONS = {
    "not a share of 1": "0~1 비율이 아님",
    "one figure for the whole set": "세트 전체에 값이 하나",
    "no question was scored for every row": "모든 구성에서 채점된 문항이 없음",
    "equal everywhere": "모두 같은 값",
}


def render_markdown(found: Audit, language: BoardLanguage = "en") -> str:
    """The audit as a Markdown page; ends with a newline. The strongest disagreements come first."""
    words = _WORDS[language]
    lines = [f"## {words['title'].format(rows=found.rows, questions=found.questions)}", ""]
    if found.agreement is not None:
        lines.append(
            words["summary"].format(
                goal=f"`{found.goal}`", agreement=_number(found.agreement), rest=_number(found.rest)
            )
        )
    lines += [f"- {_escape(note.text(language))}" for note in found.notes]
    tables = (("configurations", found.configurations), ("questions", found.across_questions))
    for name, pairs in tables:
        lines += ["", f"### {words[name]}", ""]
        if any(item.tau is not None for item in pairs):
            lines += _pairs(pairs, words)
        elif name == "configurations":
            lines.append(words["few"])
    lines += ["", f"### {words['best']}", ""]
    lines += [f"- `{figure}`: {_escape(name)}" for figure, name in found.best.items()]
    if found.disputed:
        lines += ["", f"### {words['disputed']}", ""]
        lines += _disputes(found.disputed, words)
    if found.left_out:
        shown = ", ".join(
            f"`{name}` ({_REASONS[why] if language == 'ko' else why})" for name, why in found.left_out.items()
        )
        lines += ["", f"{words['left_out']}: {shown}"]
    return "\n".join(lines) + "\n"


def _pairs(pairs: Sequence[Correlation], words: dict[str, str]) -> list[str]:
    lines = [f"| {words['pair']} | {words['tau']} | {words['rho']} | {words['n']} |", "|:--|--:|--:|--:|"]
    known = sorted((item for item in pairs if item.tau is not None), key=lambda item: (item.tau or 0.0, item.first))
    for item in known:
        tau = f"{_number(item.tau)} ({_number(item.tau_low)}, {_number(item.tau_high)})"
        rho = f"{_number(item.rho)} ({_number(item.rho_low)}, {_number(item.rho_high)})"
        lines.append(f"| `{item.first}` · `{item.second}` | {tau} | {rho} | {item.n} |")
    return lines


def _disputes(disputed: Sequence[Disputed], words: dict[str, str]) -> list[str]:
    lines = [f"| {words['question']} | {words['spread']} | {words['scores']} |", "|:--|--:|:--|"]
    for item in disputed:
        text = item.text if len(item.text) <= 80 else item.text[:79] + "…"
        scores = ", ".join(f"{name} {value:.2f}" for name, value in item.scores.items())
        lines.append(f"| {_escape(item.question)}: {_escape(text)} | {item.spread:.2f} | {_escape(scores)} |")
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _escape(text: str) -> str:
    for char in "\\|*_`<[":
        text = text.replace(char, "\\" + char)
    return text.replace("\n", " ")
