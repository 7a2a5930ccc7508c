"""What MLflow shows of a sweep in words, in the language of its questions: the description of the parent run."""

from __future__ import annotations

import re
from collections import Counter

from ragscout.model.evalset import EvalSet
from ragscout.model.markdown import escape
from ragscout.model.results.amounts import gap, gap_end
from ragscout.model.results.board import Board, BoardLanguage, FigureStat, Row
from ragscout.model.text import language
from ragscout.record.recorder import Snapshot
from ragscout.words import Words


def field_name(name: str) -> str:
    """Return a metric or parameter name as MLflow takes it: ``recall@5`` becomes ``recall_5``; letters of any script,
    digits, ``_ - .`` and spaces stay."""
    return re.sub(r"[^\w\-. ]", "_", name)[:250]


def of_language(eval_set: EvalSet) -> BoardLanguage:
    """``ko`` when most development questions are Korean, else ``en``."""
    found = Counter(language(question.text) for question in eval_set.development)
    return "ko" if found["ko"] * 2 > sum(found.values()) else "en"


def description(snapshot: Snapshot) -> str:
    """Who leads, what is recommended, by how much and how sure, with the board's notes."""
    board, lang = snapshot.board, of_language(snapshot.eval_set)
    words, metric = Words(lang), field_name(board.goal.metric)
    lines = [f"**{escape(snapshot.headline[lang])}**", ""]
    leader, recommended, reference = board.leader(), board.recommended(), board.reference()
    for mark, row in (("leader", leader), ("recommended", recommended), ("reference", reference)):
        if row is not None:
            stat = row.figures.get(board.goal.metric)
            shown = f" – {metric} {_mean(stat)}{_interval(stat)}" if stat is not None else ""
            lines.append(
                f"- {words(f'mlflow_row.{mark}')}: **{escape(row.name)}**{shown}, {row.answered}/{board.questions}"
            )
    if leader is not None and recommended is not None:
        lines += _sure(board, leader, recommended, words)
    lines += ["", f"{words('mlflow.goal')}: `{metric}` · {words('mlflow.eval_set')}: `{board.eval_set}`", ""]
    lines.append(words("mlflow.sort", metric=field_name(board.ranked_by)))
    lines += [f"- {escape(note.text(lang))}" for note in board.notes]
    if not snapshot.closed:
        lines += ["", words("mlflow.open")]
    return "\n".join(lines) + "\n"


def _sure(board: Board, leader: Row, recommended: Row, words: Words) -> list[str]:
    """How far leader, recommended row and reference are apart."""
    lines, goal = [], board.goal
    if leader.key == recommended.key:
        lines.append(words("mlflow.same"))
    elif (paired := recommended.versus_leader) is not None:
        ends = {"low": _turned(paired.high), "high": _turned(paired.low)}
        ends_shown = {name: gap_end(goal, end) for name, end in ends.items()}
        lines.append(words("mlflow.ahead", d=gap(goal, -paired.difference), **ends_shown, n=paired.n))
    if (paired := recommended.versus_reference) is not None:
        ends_shown = {"low": gap_end(goal, paired.low), "high": gap_end(goal, paired.high)}
        lines.append(words("mlflow.against", d=gap(goal, paired.difference), **ends_shown, n=paired.n, p=paired.p))
    if (others := len(board.winner_set()) - 1) > 0:
        lines.append(words("mlflow.tied", n=others))
    return [f"- {line}" for line in lines]


def _turned(value: float | None) -> float | None:
    return None if value is None else -value


def _mean(stat: FigureStat | None) -> str:
    return "–" if stat is None or stat.mean is None else f"{stat.mean:.3f}"


def _interval(stat: FigureStat | None) -> str:
    if stat is None or stat.low is None or stat.high is None:
        return ""
    return f" ({stat.low:.3f}–{stat.high:.3f})"
