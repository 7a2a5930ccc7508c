"""A sweep as one HTML file that asks nothing of the network: a decision page, then the material behind it.

Questions, answers, file names and models' names are other people's text: everything passes ``_text``, which escapes
markup and drops control characters, and the page's policy forbids scripts, frames, forms and requests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from ragscout.board.show.table import cells, columns, headings, legend, visible
from ragscout.board.words.corpus_sample import sample_table
from ragscout.judges.words import agreement
from ragscout.model.evalset import Question
from ragscout.model.results.amounts import gap_end
from ragscout.model.results.board import Goal, Row
from ragscout.model.results.measured import goal_value
from ragscout.report import charts
from ragscout.report.audit_section import agreement_charts, audit_of
from ragscout.report.decision import Decision, decision
from ragscout.report.drawing import Drawing, clean, svg
from ragscout.report.material import ReportMaterial
from ragscout.report.why import Example, Side
from ragscout.report.why_text import place, rough
from ragscout.words import Words

MATRIX_QUESTIONS = 150
ANSWER, PASSAGE = 1500, 600  # code points shown
LEFT = ("mark", "name", "key")


def report(material: ReportMaterial) -> bytes:
    """Return the page as UTF-8 bytes; equal material gives equal bytes."""
    board, lang = material.snapshot.board, material.language
    style = files("ragscout.report").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = _text(f"{board.sweep} · {Words(lang)('report.title')}")
    body = "".join(_body(material))
    page = (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{title}</title><style>{style}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
    return page.encode()


def _body(material: ReportMaterial) -> Iterator[str]:
    yield _first_page(material)
    yield _board_section(material)
    drawing = charts.quality_chart(material.snapshot.board, material.language, _limit(material), everything=True)
    if drawing is not None:
        words = Words(material.language)
        content = f'<p class="soft">{words("report.pareto_help")}</p>{_drawn(drawing)}'
        yield _section(words("report.pareto"), content)
    yield _knobs(material)
    yield _questions(material)
    yield _why(material)
    yield _judges(material)
    yield _expert(material)
    yield _versions(material)


def _first_page(material: ReportMaterial) -> str:
    snapshot, lang = material.snapshot, material.language
    words, board, said = Words(lang), snapshot.board, decision(material)
    state = "" if snapshot.closed else f" · {words('report.running')}"
    drawing = charts.quality_chart(board, lang, _limit(material))
    parts = [
        f"<h1>{_text(board.sweep)}</h1>",
        f'<p class="soft">{_text(words("report.title"))} · {_text(board.eval_set)}{_text(state)}</p>',
        f'<p class="headline">{_text(said.headline)}</p>',
        _drawn(drawing),
        _columns(words, said),
        f"<h3>{words('report.not_tried')}</h3>{_list(said.not_tried, 'ul')}",
        f'<p class="soft">{_text(words("report.made", questions=board.questions))} ',
        f"{_text(' · '.join(f'{name} {value}' for name, value in said.first))}</p>",
    ]
    return f'<div class="sheet">{"".join(parts)}</div>'


def _columns(words: Words, said: Decision) -> str:
    """Reasons and risks side by side; what there is to say where nothing is recommended."""
    if not said.reasons:
        return f"<h2>{words('report.nothing')}</h2>{_list(said.risks, 'ol')}" if said.risks else ""
    reasons = f"<div><h2>{words('report.reasons')}</h2>{_list(said.reasons, 'ol')}</div>"
    return f'<div class="columns">{reasons}<div><h2>{words("report.risks")}</h2>{_list(said.risks, "ol")}</div></div>'


def _board_section(material: ReportMaterial) -> str:
    board, lang = material.snapshot.board, material.language
    words = Words(lang)
    parts = [_table(material, visible(board)), f'<p class="soft">{_text(legend(board, lang))}</p>']
    hidden = len(board.rows) - len(visible(board))
    if hidden > 0:
        parts.append(f'<p class="soft">{_text(words("report.hidden", n=hidden))}</p>')
    parts.append(f'<ul class="notes">{"".join(f"<li>{_text(note.text(lang))}</li>" for note in board.notes)}</ul>')
    if board.retrieval:
        parts += [f"<h3>{words('board.retrieval')}</h3>", _table(material, board.retrieval[:20], retrieval=True)]
    parts += _sample(material)
    return _section(words("report.board"), "".join(parts))


def _sample(material: ReportMaterial) -> Iterator[str]:
    """Yield the corpus sample against the whole corpus, where there was one."""
    board, lang = material.snapshot.board, material.language
    if board.sample is not None and board.sample.prefixes:
        heads, lines = sample_table(board.sample, board.questions, lang)
        rows = [("th", heads), *(("td", line) for line in lines[:20])]
        kinds = ["name", *("number" for _ in heads[1:])]
        body = "".join(
            "<tr>"
            + "".join(f'<{tag} class="{kind}">{_text(cell)}</{tag}>' for kind, cell in zip(kinds, line, strict=True))
            + "</tr>"
            for tag, line in rows
        )
        yield f'<h3>{Words(lang)("sample.title")}</h3><div class="scroll"><table>{body}</table></div>'


def _table(material: ReportMaterial, rows: Sequence[Row], *, retrieval: bool = False) -> str:
    board, lang = material.snapshot.board, material.language
    names = columns(board, False, retrieval)
    heads = "".join(
        f'<th class="{name if name in LEFT else "number"}">{_text(head)}</th>'
        for name, head in zip(names, headings(names, lang, board), strict=True)
    )
    lines = []
    for row in rows:
        kind = next((mark for mark in ("recommended", "failed", "unscored", "partial") if mark in row.marks), "")
        line = "".join(
            f'<td class="{name if name in LEFT else "number"}">{_text(cell)}</td>'
            for name, cell in zip(names, cells(board, row, names, lang), strict=True)
        )
        lines.append(f'<tr class="{kind}">{line}</tr>')
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _knobs(material: ReportMaterial) -> str:
    goal, lang = material.snapshot.board.goal, material.language
    words = Words(lang)
    effects = charts.effects_chart(material.effects.effects(), goal, lang)
    if effects is None:
        return ""
    fit = material.effects.fit()
    parts = [f'<p class="soft">{words("report.effects_help")}</p>', _drawn(effects)]
    if not fit.passed:
        parts.append(f"<p>{_text(words.value(rough(fit.blocks, fit.spread, fit.interaction)))}</p>")
    return _section(words("report.effects"), "".join(parts))


def _expert(material: ReportMaterial) -> str:
    """Return what only experts look for, folded away: interactions, and whether the metrics agree."""
    words, goal = Words(material.language), material.snapshot.board.goal
    maps = [charts.interaction_chart(found, goal, material.language) for found in material.effects.interactions()]
    parts = []
    if maps:
        parts += [
            f"<h3>{words('report.interactions')}</h3>",
            f'<p class="soft">{words("report.interactions_help")}</p>',
        ]
        parts += [_drawn(drawing) for drawing in maps]
    parts += _audit(material)
    if not parts:
        return ""
    folded = f'<details class="list"><summary>{words("report.expert")}</summary>{"".join(parts)}</details>'
    return f"<section>{folded}</section>"


def _questions(material: ReportMaterial) -> str:
    words, board = Words(material.language), material.snapshot.board
    rows = [row for row in visible(board) if row.answered]
    asked = hardest_first(material, rows)
    if not asked:
        return ""
    shown = asked[:MATRIX_QUESTIONS]
    drawing = charts.matrix_chart(material.snapshot, rows, [question for question, _ in shown], material.language)
    lines = "".join(
        f'<tr><td class="number">{number}</td><td>{_text(question.id)}</td><td>{_text(question.text)}</td>'
        f'<td class="number">{mean:.2f}</td></tr>'
        for number, (question, mean) in enumerate(shown, 1)
    )
    heads = f'<th class="number">#</th><th>{words("report.id")}</th><th>{words("report.question")}</th>'
    heads += f'<th class="number">{words("report.mean")}</th>'
    cut = ""
    if len(shown) < len(asked):
        cut = f'<p class="soft">{_text(words("report.cut", shown=len(shown), all=len(asked)))}</p>'
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    details = f'<details class="list"><summary>{words("report.list")}</summary>{table}</details>'
    note = f'<p class="soft">{words("report.matrix_help")}</p>'
    return _section(words("report.matrix"), f"{note}{_drawn(drawing)}{cut}{details}")


def hardest_first(material: ReportMaterial, rows: Sequence[Row]) -> list[tuple[Question, float]]:
    """Development questions that the rows were scored on with their mean goal, the hardest first."""
    goal = material.snapshot.board.goal
    found = []
    for question in material.snapshot.eval_set.development:
        values = [
            value
            for row in rows
            if row.key in material.rows
            and (value := goal_value(material.rows[row.key].scores.get(question.id, {}).get(goal.metric), goal))
            is not None
        ]
        if values:
            found.append((question, sum(values) / len(values)))
    return sorted(found, key=lambda item: (item[1] * goal.sign, item[0].id))


def _why(material: ReportMaterial) -> str:
    words, found = Words(material.language), material.why
    if found is None or not found.rival:
        return ""
    goal = material.snapshot.board.goal
    path = "".join(
        f"<dt>{_text(step.stage)}</dt><dd>{_text(step.use)} "
        f"{_text(', '.join(f'{name} {value}' for name, value in step.parameters.items()))}</dd>"
        for step in found.path
    )
    parts = [f"<h3>{words('why.path')}</h3><dl>{path}</dl>", f"<h3>{_text(words('why.rival', name=found.rival))}</h3>"]
    if found.examples:
        parts.append("".join(_example(example, words, goal) for example in found.examples))
    else:
        parts.append(f"<p>{words('why.nothing')}</p>")
    return _section(words("report.why", name=found.name), "".join(parts))


def _example(example: Example, words: Words, goal: Goal) -> str:
    reference = "".join(
        f'<p class="soft">{words("why.reference")}: {_text(text)}</p>' for text in example.references[:1]
    )
    sides = _side(words("why.own"), example.own, words) + _side(words("why.other"), example.rival, words)
    difference = words.value(gap_end(goal, example.difference))
    head = f"<p><strong>{_text(example.question)}</strong> {difference}</p>"
    return f'<div class="example">{head}{reference}<div class="sides">{sides}</div></div>'


def _side(title: str, side: Side, words: Words) -> str:
    score = "–" if side.score is None else f"{side.score:.2f}"
    passages = "".join(
        f'<div class="passage"><span class="soft">{_text(place(passage, words))}</span>\n'
        f"{_text(passage.text[:PASSAGE])}</div>"
        for passage in side.passages
    )
    if passages:
        passages = f"<details><summary>{words('why.passages')}</summary>{passages}</details>"
    return (
        f'<div><p class="soft">{_text(title)} · {score} {_text(side.failure)}</p>'
        f'<p class="answer">{_text(side.answer[:ANSWER])}</p>{passages}</div>'
    )


def _judges(material: ReportMaterial) -> str:
    words, board = Words(material.language), material.snapshot.board
    if not board.judges:
        return ""
    lines = []
    for item in board.judges:
        state = item.badge(material.language) or words("report.confirmed")
        row = (item.figure, item.judge, str(item.labels), words.value(agreement(item)), state)
        lines.append("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>")
    names = ("figure", "judge", "labels", "agreement", "state")
    heads = "".join(f"<th>{words(f'report_judges.{name}')}</th>" for name in names)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return _section(words("report.judges"), table)


def _audit(material: ReportMaterial) -> list[str]:
    """Whether the metrics agree: maps, the row that each puts first, the questions on which they do not."""
    found, words = audit_of(material.snapshot), Words(material.language)
    drawn = [_drawn(drawing) for drawing in agreement_charts(found, material.language)] if found is not None else []
    if found is None or not drawn:
        return []
    best = [words("audit.first_by", figure=figure, name=name) for figure, name in found["best"].items()]
    lines = [
        f"{item['text']} ({', '.join(f'{n} {v:.2f}' for n, v in item['scores'].items())})" for item in found["disputed"]
    ]
    parts = [f"<h3>{words('audit.title')}</h3>", f'<p class="soft">{words("audit.help")}</p>', *drawn]
    parts.append(_list(best, "ul"))
    return [*parts, *([f"<h3>{words('audit.disputed')}</h3>", _list(lines, "ol")] if lines else [])]


def _versions(material: ReportMaterial) -> str:
    words = Words(material.language)
    lines = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in decision(material).versions)
    return _section(words("report.versions"), f"<dl>{lines}</dl>")


def _limit(material: ReportMaterial) -> float | None:
    return material.limits.get("usd_per_1k")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{content}</section>"


def _list(items: Sequence[str], kind: str) -> str:
    return f"<{kind}>{''.join(f'<li>{_text(item)}</li>' for item in items)}</{kind}>"


def _drawn(drawing: Drawing | None) -> str:
    return svg(drawing) if drawing is not None else ""


def _text(text: str) -> str:
    """Somebody's text inside the page."""
    return escape(clean(text))


__all__ = ["hardest_first", "report"]
