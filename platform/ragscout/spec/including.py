"""Adding a row to ``include:`` of a sweep file that somebody wrote, comments and order kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragscout.model.errors import SpecError


def add_row(path: Path, name: str, generate: Mapping[str, str], reference: bool = False) -> None:
    """Add a row with this generator, or replace the one of the same name.

    Raises:
        SpecError: another row is the reference already.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    yaml.preserve_quotes = True
    data: Any = yaml.load(path.read_text(encoding="utf-8-sig"))
    rows = data.get("include")
    if not isinstance(rows, CommentedSeq):
        rows = CommentedSeq([] if rows is None else [rows])
        data["include"] = rows
    others = [row for row in rows if str(row.get("name")) != name]
    if reference and any(row.get("reference") for row in others):
        raise SpecError(
            f"{path}: another included row is the reference already; got {name!r} as a second one. Remove reference: "
            "from one of them."
        )
    row = CommentedMap({"name": name, **({"reference": True} if reference else {}), "generate": dict(generate)})
    place = next((number for number, item in enumerate(rows) if str(item.get("name")) == name), None)
    if place is None:
        rows.append(row)
    else:
        rows[place] = row
    out = io.StringIO()
    yaml.dump(data, out)
    path.write_text(out.getvalue(), encoding="utf-8")
