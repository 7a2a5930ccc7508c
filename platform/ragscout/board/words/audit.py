"""The metric audit as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.board.audit import Audit, Disputed
from ragscout.model import markdown
from ragscout.model.markdown import escape
from ragscout.model.results.board import BoardLanguage
from ragscout.stats.rank_correlation import Correlation
from ragscout.words import Words


def render_markdown(found: Audit, language: BoardLanguage = "en") -> str:
    """Return the audit as a Markdown page; ends with a newline. The strongest disagreements come first."""
    words = Words(language)
    lines = [f"## {words('audit.page_title', rows=found.rows, questions=found.questions)}", ""]
    if found.agreement is not None:
        lines.append(words("audit.summary", goal=f"`{found.goal}`", agreement=found.agreement, rest=found.rest))
    lines += [f"- {escape(note.text(language))}" for note in found.notes]
    lines += ["", f"### {words('audit.configurations')}", ""]
    known = any(item.tau is not None for item in found.configurations)
    lines += _pairs(found.configurations, words) if known else [words("audit.few")]
    lines += ["", f"### {words('audit.questions')}", ""]
    if any(item.tau is not None for item in found.across_questions):
        lines += _pairs(found.across_questions, words)
    lines += ["", f"### {words('audit.best')}", ""]
    lines += [f"- `{figure}`: {escape(name)}" for figure, name in found.best.items()]
    if found.disputed:
        lines += ["", f"### {words('audit.disputed')}", ""]
        lines += _disputes(found.disputed, words)
    if found.left_out:
        shown = ", ".join(f"`{name}` ({words(f'audit_out.{why}')})" for name, why in found.left_out.items())
        lines += ["", words("audit.left_out", shown=shown)]
    return "\n".join(lines) + "\n"


def _pairs(pairs: Sequence[Correlation], words: Words) -> list[str]:
    heads = [words("audit.pair"), words("audit.tau"), words("audit.rho"), "n"]
    known = sorted((item for item in pairs if item.tau is not None), key=lambda item: (item.tau or 0.0, item.first))
    rows = [
        [
            f"{item.first} · {item.second}",
            f"{_number(item.tau)} ({_number(item.tau_low)}, {_number(item.tau_high)})",
            f"{_number(item.rho)} ({_number(item.rho_low)}, {_number(item.rho_high)})",
            str(item.n),
        ]
        for item in known
    ]
    return markdown.table(heads, rows, [True, False, False, False])


def _disputes(disputed: Sequence[Disputed], words: Words) -> list[str]:
    rows = []
    for item in disputed:
        text = item.text if len(item.text) <= 80 else item.text[:79] + "…"
        scores = ", ".join(f"{name} {value:.2f}" for name, value in item.scores.items())
        rows.append([f"{item.question}: {text}", f"{item.spread:.2f}", scores])
    heads = [words("audit.question"), words("audit.spread"), words("audit.scores")]
    return markdown.table(heads, rows, [True, False, True])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
