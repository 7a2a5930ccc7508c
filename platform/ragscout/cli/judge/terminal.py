"""Labelling in the terminal: one answer at a time, one key each, safe to stop at any moment."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence

from ragscout.cli.judge.bench import Bench
from ragscout.judges.labels import Label
from ragscout.judges.sample import Item
from ragscout.model.text import language as language_of
from ragscout.prompts.files import Tongue
from ragscout.steps.measure.judge_prompt import BUILT_IN, criterion

_W = {
    "en": {
        "question": "Question", "reference": "Reference", "passage": "Passage", "answer": "Answer",
        "keys": "{levels}   s skip   b back   q quit", "wrong": "1 wrong   2 right",
        "unknown": "Not a key: {key}", "all": "Everything in the sample is labelled.",
        "task": "How to label: {task}", "sides": ("wrong", "right"),
    },
    "ko": {
        "question": "질문", "reference": "기준 답", "passage": "자료", "answer": "답변",
        "keys": "{levels}   s 건너뛰기   b 뒤로   q 끝내기", "wrong": "1 틀림   2 맞음",
        "unknown": "없는 키: {key}", "all": "표본의 답변을 모두 라벨했습니다.",
        "task": "라벨 방법: {task}", "sides": ("틀림", "맞음"),
    },
}  # fmt: skip
_KEYS = {"y": "2", "n": "1", "o": "2", "x": "1"}
_WIDTH = 100


def passages_of(bench: Bench, item: Item) -> Sequence[str]:
    """Passages of an answer, where the criterion is about them."""
    if bench.criterion != "faithfulness" and bench.criterion in BUILT_IN:
        return ()
    return bench.passages.of(item.configurations[0], item.question)


def guide(bench: Bench, levels: int, language: str) -> list[str]:
    """What the levels mean, in a language."""
    lang: Tongue = "ko" if language == "ko" else "en"
    w = _W[lang]
    definition = bench.definition
    text = "" if isinstance(definition, str) else definition[bench.criterion]
    rubric = criterion(bench.criterion, text, 5 if levels == 2 else levels, "all", lang)
    lines = [str(w["task"]).format(task=rubric.task)]
    if levels == 2:
        wrong, right = w["sides"]
        return [*lines, f"1 = {wrong}", f"2 = {right} ({rubric.best})"]
    return [*lines, *(f"{level} = {meaning}" for level, meaning in reversed(rubric.anchors))]


Show = Callable[[str], None]


def ask_all(
    bench: Bench, chosen: Sequence[Item], open_: Sequence[Item], who: str, levels: int, language: str, say: Show
) -> int:
    """Ask for every open answer; each label is in the store before the next answer is shown (by ``say``). Returns how
    many labels were given."""
    lang = "ko" if language == "ko" else "en"
    if not open_:
        say(str(_W[lang]["all"]))
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
            say(str(_W[lang]["unknown"]).format(key=key))
    return given


def _shown(bench: Bench, item: Item, where: str, levels: int, lang: str) -> Iterator[str]:
    w = _W["ko" if language_of(item.question.text) == "ko" else lang]
    yield ""
    yield f"{where} {'─' * 60}"
    yield _text(str(w["question"]), item.question.text)
    for reference in item.question.references:
        yield _text(str(w["reference"]), reference)
    for number, passage in enumerate(passages_of(bench, item), 1):
        yield _text(f"{w['passage']} {number}", passage)
    yield _text(str(w["answer"]), item.answer)
    keys = str(w["wrong"]) if levels == 2 else " ".join(map(str, range(1, levels + 1)))
    yield str(w["keys"]).format(levels=keys)


def _text(head: str, text: str) -> str:
    body = textwrap.fill(" ".join(text.split()), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return f"{head}:\n{_printable(body)}"


def _printable(text: str) -> str:
    """Text that cannot move the cursor or colour the screen."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)


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
