"""The metric audit inside the report: how alike the metrics order configurations and questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ragscout.model.results.board import BoardLanguage
from ragscout.record.recorder import Snapshot
from ragscout.report.charts import diverging
from ragscout.report.drawing import GREY, INK, SOFT, Box, Drawing, TextLabel, short
from ragscout.words import Words

FILE = "audit.json"


def audit_of(snapshot: Snapshot) -> Mapping[str, Any] | None:
    """Return the audit beside a finished sweep's board, ``None`` where there is none."""
    data = snapshot.attachments.get(FILE)
    found: Mapping[str, Any] | None = json.loads(data) if data else None
    return found


def agreement_charts(found: Mapping[str, Any], lang: BoardLanguage) -> list[Drawing]:
    """One map of Kendall's tau for the order of the configurations, one for that of the questions."""
    words = Words(lang)
    titles = {"configurations": words("audit.configurations"), "across_questions": words("audit.questions")}
    drawings = [_map(found[part], title) for part, title in titles.items()]
    return [drawing for drawing in drawings if drawing is not None]


def _map(pairs: Sequence[Mapping[str, Any]], title: str) -> Drawing | None:
    known = {(item["first"], item["second"]): item for item in pairs if item["tau"] is not None}
    names = list(dict.fromkeys(name for pair in known for name in pair))
    if not names:
        return None
    left, top, wide, high = 200.0, 56.0, min(96.0, 660.0 / len(names)), 28.0
    n = max(int(item["n"]) for item in known.values())
    title = f"{title} (n {n})"
    drawing = Drawing(left + wide * len(names) + 10, top + high * len(names) + 10, title)
    drawing.add(TextLabel(8, 18, short(title, drawing.width - 16, 12), 12, INK, bold=True))
    for place, name in enumerate(names):
        drawing.add(TextLabel(left + wide * (place + 0.5), top - 8, short(name, wide - 4, 10), 10, SOFT, "middle"))
        drawing.add(TextLabel(left - 8, top + high * place + 18, short(name, left - 16, 11), 11, SOFT, "end"))
    for down, first in enumerate(names):
        for place, second in enumerate(names):
            item = known.get((first, second)) or known.get((second, first))
            x, y = left + wide * place, top + high * down
            if first == second or item is None:
                drawing.add(
                    Box(x, y, wide - 2, high - 2, "#f1f3f5"), TextLabel(x + wide / 2, y + 18, "–", 10, GREY, "middle")
                )
                continue
            drawing.add(Box(x, y, wide - 2, high - 2, diverging(item["tau"])))
            drawing.add(TextLabel(x + wide / 2 - 1, y + 18, f"{item['tau']:.2f}", 10, INK, "middle"))
    return drawing
