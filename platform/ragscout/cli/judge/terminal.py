"""Labelling in the terminal: one answer at a time, one key each, safe to stop at any moment."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence

from ragscout.cli.judge.bench import Bench
from ragscout.judges.labels import Label
from ragscout.judges.sample import Item
from ragscout.model.text import language as language_of
from ragscout.steps.measure.judge.prompt import BUILT_IN, criterion
from ragscout.words import Language, Words

_KEYS = {"y": "2", "n": "1", "o": "2", "x": "1"}
_WIDTH = 100


def passages_of(bench: Bench, item: Item) -> Sequence[str]:
    """Passages of an answer, where the criterion is about them."""
    if bench.criterion != "faithfulness" and bench.criterion in BUILT_IN:
        return ()
    return bench.passages.of(item.configurations[0], item.question)


def guide(bench: Bench, levels: int, lang: Language) -> list[str]:
    """Return what the levels mean, in a language."""
    words, definition = Words(lang), bench.definition
    text = "" if isinstance(definition, str) else definition[bench.criterion]
    rubric = criterion(bench.criterion, text, 5 if levels == 2 else levels, "all", lang)
    lines = [words("label.task", task=rubric.task)]
    if levels == 2:
        return [*lines, words("label.wrong"), words("label.right", best=rubric.best)]
    return [*lines, *(f"{level} = {meaning}" for level, meaning in reversed(rubric.anchors))]


Show = Callable[[str], None]


def ask_all(
    bench: Bench, chosen: Sequence[Item], open_: Sequence[Item], who: str, levels: int, lang: Language, say: Show
) -> int:
    """Ask for every open answer; each label is in the store before the next answer is shown (by ``say``). Returns how
    many labels were given."""
    words = Words(lang)
    if not open_:
        say(words("label.all"))
        return 0
    for line in guide(bench, levels, lang):
        say(line)
    place, given = 0, 0
    while 0 <= place < len(open_):
        item = open_[place]
        where = f"[{len(chosen) - len(open_) + place + 1}/{len(chosen)}]"
        for line in _shown(bench, item, where, levels, lang):
            say(line)
        key = _key(levels)
        if key == "q":
            break
        if key == "b":
            place = max(0, place - 1)
        elif key == "s":
            place += 1
        elif key.isdigit() and 1 <= int(key) <= levels:
            bench.keep([Label(item.key, bench.criterion, who, int(key), levels, item.question.text, item.answer)])
            given += 1
            place += 1
        else:
            say(words("label.unknown", key=key))
    return given


def _shown(bench: Bench, item: Item, where: str, levels: int, lang: Language) -> Iterator[str]:
    words = Words("ko" if language_of(item.question.text) == "ko" else lang)
    yield ""
    yield f"{where} {'─' * 60}"
    yield _text(words("label.question"), item.question.text)
    for reference in item.question.references:
        yield _text(words("label.reference"), reference)
    for number, passage in enumerate(passages_of(bench, item), 1):
        yield _text(words("label.passage", number=number), passage)
    yield _text(words("label.answer"), item.answer)
    keys = words("label.binary") if levels == 2 else " ".join(map(str, range(1, levels + 1)))
    yield words("label.keys", levels=keys)


def _text(head: str, text: str) -> str:
    body = textwrap.fill(" ".join(text.split()), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return f"{head}:\n{body}"


def _key(levels: int) -> str:
    """One key on a terminal (0 for level 10), a line elsewhere; the end of input is ``q``."""
    if sys.stdin.isatty():
        import click

        pressed = click.getchar()
    else:
        line = sys.stdin.readline()
        pressed = line.strip()[:2] if line else "q"
    key = pressed.strip().lower()
    if levels == 2:
        key = _KEYS.get(key, key)
    return "10" if key == "0" and levels == 10 else key or "?"
