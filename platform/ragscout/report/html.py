"""A sweep as one HTML file that asks nothing of the network: a decision page, then the material behind it.

Questions, answers, file names and models' names are other people's text: everything passes ``_text``, which escapes
markup and drops control characters, and the page's policy forbids scripts, frames, forms and requests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from ragscout.board.show.table import cells, columns, headings, legend, visible
from ragscout.board.words.corpus_sample import WORDS as SAMPLE_WORDS
from ragscout.board.words.corpus_sample import sample_table
from ragscout.model.board import Row
from ragscout.model.evalset import Question
from ragscout.model.measured import goal_value
from ragscout.report import charts
from ragscout.report.audit_section import WORDS as AUDIT_WORDS
from ragscout.report.audit_section import agreement_charts, audit_of
from ragscout.report.decision import Decision, decision
from ragscout.report.html_words import WORDS
from ragscout.report.material import Material
from ragscout.report.scene import Scene, clean, svg
from ragscout.report.why import Example, Side
from ragscout.report.why_text import WORDS as WHY_WORDS
from ragscout.report.why_text import place, points

MATRIX_QUESTIONS = 150
ANSWER, PASSAGE = 1500, 600  # code points shown
LEFT = ("mark", "name", "key")


def report(material: Material) -> bytes:
    """The page as UTF-8 bytes; equal material gives equal bytes."""
    board, lang = material.snapshot.board, material.language
    style = files("ragscout.report").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = _text(f"{board.sweep} · {WORDS[lang]['title']}")
    body = "".join(_body(material))
    page = (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{title}</title><style>{style}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
    return page.encode()


def _body(material: Material) -> Iterator[str]:
    yield _first_page(material)
    yield _board_section(material)
    scene = charts.quality_chart(material.snapshot.board, material.language, _limit(material), everything=True)
    if scene is not None:
        yield _chart_section(material, "pareto", [scene])
    yield _knobs(material)
    yield _questions(material)
    yield _why(material)
    yield _judges(material)
    yield _audit(material)
    yield _versions(material)


def _first_page(material: Material) -> str:
    snapshot, lang = material.snapshot, material.language
    words, board, said = WORDS[lang], snapshot.board, decision(material)
    state = "" if snapshot.closed else f" · {words['running']}"
    scene = charts.quality_chart(board, lang, _limit(material))
    parts = [
        f"<h1>{_text(board.sweep)}</h1>",
        f'<p class="soft">{_text(words["title"])} · {_text(board.eval_set)}{_text(state)}</p>',
        f'<p class="headline">{_text(said.headline)}</p>',
        _drawn(scene),
        _columns(words, said),
        f"<h3>{words['not_tried']}</h3>{_list(said.not_tried, 'ul')}",
        f'<p class="soft">{_text(words["made"].format(questions=board.questions))} ',
        f"{_text(' · '.join(f'{name} {value}' for name, value in said.first))}</p>",
    ]
    return f'<div class="sheet">{"".join(parts)}</div>'


def _columns(words: dict[str, str], said: Decision) -> str:
    """Reasons and risks side by side; what there is to say where nothing is recommended."""
    if not said.reasons:
        return f"<h2>{words['nothing']}</h2>{_list(said.risks, 'ol')}" if said.risks else ""
    reasons = f"<div><h2>{words['reasons']}</h2>{_list(said.reasons, 'ol')}</div>"
    return f'<div class="columns">{reasons}<div><h2>{words["risks"]}</h2>{_list(said.risks, "ol")}</div></div>'


def _board_section(material: Material) -> str:
    board, lang = material.snapshot.board, material.language
    words = WORDS[lang]
    parts = [_table(material, visible(board)), f'<p class="soft">{_text(legend(board, lang))}</p>']
    hidden = len(board.rows) - len(visible(board))
    if hidden > 0:
        parts.append(f'<p class="soft">{_text(words["hidden"].format(n=hidden))}</p>')
    parts.append(f'<ul class="notes">{"".join(f"<li>{_text(note.text(lang))}</li>" for note in board.notes)}</ul>')
    if board.retrieval:
        parts += [f"<h3>{words['retrieval']}</h3>", _table(material, board.retrieval[:20], retrieval=True)]
    parts += _sample(material)
    return _section(words["board"], "".join(parts))


def _sample(material: Material) -> Iterator[str]:
    """The corpus sample against the whole corpus, where there was one."""
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
        yield f'<h3>{SAMPLE_WORDS[lang]["title"]}</h3><div class="scroll"><table>{body}</table></div>'


def _table(material: Material, rows: Sequence[Row], *, retrieval: bool = False) -> str:
    board, lang = material.snapshot.board, material.language
    names = columns(board, False, retrieval)
    heads = "".join(
        f'<th class="{name if name in LEFT else "number"}">{_text(head)}</th>'
        for name, head in zip(names, headings(names, lang, board), strict=True)
    )
    lines = []
    for row in rows:
        kind = next((mark for mark in ("recommended", "failed", "partial") if mark in row.marks), "")
        line = "".join(
            f'<td class="{name if name in LEFT else "number"}">{_text(cell)}</td>'
            for name, cell in zip(names, cells(board, row, names, lang), strict=True)
        )
        lines.append(f'<tr class="{kind}">{line}</tr>')
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _chart_section(material: Material, name: str, scenes: Iterable[Scene | None]) -> str:
    words = WORDS[material.language]
    drawn = "".join(_drawn(scene) for scene in scenes)
    return _section(words[name], f'<p class="soft">{words[name + "_help"]}</p>{drawn}') if drawn else ""


def _knobs(material: Material) -> str:
    goal, lang = material.snapshot.board.goal, material.language
    words = WORDS[lang]
    effects = charts.effects_chart(material.effects.effects(), goal, lang)
    if effects is None:
        return ""
    fit = material.effects.fit()
    trust = "" if fit.passed else WHY_WORDS[lang]["rough"].format(**vars(fit))
    parts = [f'<p class="soft">{words["effects_help"]}</p>', _drawn(effects)]
    parts += [f"<p>{_text(trust)}</p>"] if trust else []
    maps = [charts.interaction_chart(found, goal, lang) for found in material.effects.interactions()]
    if maps:
        parts += [f"<h3>{words['interactions']}</h3>", f'<p class="soft">{words["interactions_help"]}</p>']
        parts += [_drawn(scene) for scene in maps]
    return _section(words["effects"], "".join(parts))


def _questions(material: Material) -> str:
    words, board = WORDS[material.language], material.snapshot.board
    rows = [row for row in visible(board) if row.answered]
    asked = hardest_first(material, rows)
    if not asked:
        return ""
    shown = asked[:MATRIX_QUESTIONS]
    scene = charts.matrix_chart(material.snapshot, rows, [question for question, _ in shown], material.language)
    lines = "".join(
        f'<tr><td class="number">{number}</td><td>{_text(question.id)}</td><td>{_text(question.text)}</td>'
        f'<td class="number">{mean:.2f}</td></tr>'
        for number, (question, mean) in enumerate(shown, 1)
    )
    heads = f'<th class="number">#</th><th>{words["id"]}</th><th>{words["question"]}</th>'
    cut = ""
    if len(shown) < len(asked):
        cut = f'<p class="soft">{_text(words["cut"].format(shown=len(shown), all=len(asked)))}</p>'
    table = (
        f'<table><thead><tr>{heads}<th class="number">{words["mean"]}</th></tr></thead><tbody>{lines}</tbody></table>'
    )
    details = f'<details class="list"><summary>{words["list"]}</summary>{table}</details>'
    return _section(words["matrix"], f'<p class="soft">{words["matrix_help"]}</p>{_drawn(scene)}{cut}{details}')


def hardest_first(material: Material, rows: Sequence[Row]) -> list[tuple[Question, float]]:
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


def _why(material: Material) -> str:
    words, found = WORDS[material.language], material.why
    if found is None or not found.rival:
        return ""
    goal, lang = material.snapshot.board.goal, material.language
    path = "".join(
        f"<dt>{_text(step.stage)}</dt><dd>{_text(step.use)} "
        f"{_text(', '.join(f'{name} {value}' for name, value in step.parameters.items()))}</dd>"
        for step in found.path
    )
    parts = [f"<h3>{_text(WHY_WORDS[lang]['path'])}</h3><dl>{path}</dl>"]
    title = f"{WHY_WORDS[lang]['rival'].format(name=found.rival)}"
    parts.append(f"<h3>{_text(title)}</h3>")
    if found.examples:
        parts.append("".join(_example(example, lang_words=WHY_WORDS[lang], goal=goal) for example in found.examples))
    else:
        parts.append(f"<p>{_text(WHY_WORDS[lang]['nothing'])}</p>")
    return _section(words["why"].format(name=found.name), "".join(parts))


def _example(example: Example, *, lang_words: dict[str, str], goal: object) -> str:
    reference = "".join(
        f'<p class="soft">{_text(lang_words["reference"])}: {_text(text)}</p>' for text in example.references[:1]
    )
    sides = _side(lang_words["own"], example.own, lang_words) + _side(lang_words["other"], example.rival, lang_words)
    head = f"<p><strong>{_text(example.question)}</strong> {points(example.difference, goal)}</p>"  # type: ignore[arg-type]
    return f'<div class="example">{head}{reference}<div class="sides">{sides}</div></div>'


def _side(title: str, side: Side, words: dict[str, str]) -> str:
    score = "–" if side.score is None else f"{side.score:.2f}"
    passages = "".join(
        f'<div class="passage"><span class="soft">{_text(place(passage, words))}</span>\n'
        f"{_text(passage.text[:PASSAGE])}</div>"
        for passage in side.passages
    )
    if passages:
        passages = f"<details><summary>{_text(words['passages'])}</summary>{passages}</details>"
    return (
        f'<div><p class="soft">{_text(title)} · {score} {_text(side.failure)}</p>'
        f'<p class="answer">{_text(side.answer[:ANSWER])}</p>{passages}</div>'
    )


def _judges(material: Material) -> str:
    words, board = WORDS[material.language], material.snapshot.board
    if not board.judges:
        return ""
    lines = []
    for item in board.judges:
        agreement = "–" if item.agreement is None else f"{item.coefficient} {item.agreement:.2f}"
        if item.low is not None and item.high is not None:
            agreement += f" [{item.low:.2f}, {item.high:.2f}]"
        row = (
            item.figure,
            item.judge,
            str(item.labels),
            agreement,
            item.badge(material.language) or words["confirmed"],
        )
        lines.append("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>")
    heads = "".join(f"<th>{_text(words[name])}</th>" for name in ("figure", "judge", "labels", "agreement", "state"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return _section(words["judges"], table)


def _audit(material: Material) -> str:
    found, words = audit_of(material.snapshot), AUDIT_WORDS[material.language]
    drawn = [_drawn(scene) for scene in agreement_charts(found, material.language)] if found is not None else []
    if found is None or not drawn:
        return ""
    best = [words["best"].format(figure=figure, name=name) for figure, name in found["best"].items()]
    lines = [
        f"{item['text']} ({', '.join(f'{n} {v:.2f}' for n, v in item['scores'].items())})" for item in found["disputed"]
    ]
    parts = [f'<p class="soft">{_text(words["help"])}</p>', *drawn, _list(best, "ul")]
    parts += [f"<h3>{_text(words['disputed'])}</h3>", _list(lines, "ol")] if lines else []
    return _section(words["title"], "".join(parts))


def _versions(material: Material) -> str:
    words = WORDS[material.language]
    lines = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in decision(material).versions)
    return _section(words["versions"], f"<dl>{lines}</dl>")


def _limit(material: Material) -> float | None:
    return material.limits.get("usd_per_1k")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{content}</section>"


def _list(items: Sequence[str], kind: str) -> str:
    return f"<{kind}>{''.join(f'<li>{_text(item)}</li>' for item in items)}</{kind}>"


def _drawn(scene: Scene | None) -> str:
    return svg(scene) if scene is not None else ""


def _text(text: str) -> str:
    """Somebody's text inside the page."""
    return escape(clean(text))


__all__ = ["hardest_first", "report"]
