"""Splits of a data set (train, test) among the files of an upload: one counts, the others are named."""

from __future__ import annotations

import re

from ragscout.data.draft import Draft
from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions

_SPLITS = {"train": "train", "training": "train", "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev"}
_SPLITS |= {"test": "test", "testing": "test"}


def one_split(draft: Draft, options: ReadOptions) -> None:
    """Of question files of several splits (``train``, ``test``) one split counts: the one that the options name, else
    the first of test, dev, validation. ``all`` keeps them together."""
    splits = {file: split_of(file) for file in dict.fromkeys(question.file for question in draft.questions)}
    names = list(dict.fromkeys(splits.values()))
    if len(names) < 2 or "" in names or options.split == "all":
        return
    wanted = split_of(options.split) if options.split else ""
    chosen = wanted if wanted in names else next((name for name in ("test", "dev") if name in names), names[0])
    others = [f"{file} ({split})" for file, split in splits.items() if split != chosen]
    draft.questions = [question for question in draft.questions if splits[question.file] == chosen]
    text = f"the files hold several splits: questions of {chosen!r} were used, those of the others left out"
    remedy = "Pass --split with another of them, or with all."
    draft.findings.append(Finding("split", "warning", text, rows=tuple(others), remedy=remedy))


def split_of(file: str) -> str:
    """Return the split that a file's path names: ``train``, ``dev`` (also ``validation``) or ``test``; else empty."""
    parts = [word for part in file.replace("#", "/").split("/") for word in re.split(r"[-_.]", part.casefold())]
    return next((_SPLITS[word] for word in reversed(parts) if word in _SPLITS), "")
