"""Tells a model's answer from what it thinks aloud before it: thoughts are no part of an answer, nor of a verdict."""

from __future__ import annotations

import re

_NAMES = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning|reflection)"
_OPEN = re.compile(rf"\s*(?:<({_NAMES})>|\[(THINK)\]|(◁)think▷)", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAMES}>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_ANY_OPEN = re.compile(rf"<{_NAMES}>|\[THINK\]|◁think▷", re.IGNORECASE)
_FINAL = re.compile(r"<\|channel\|>final(?:\s\w+)?<\|message\|>")
_CHANNEL = re.compile(r"\s*<\|channel\|>(?:analysis|commentary)\b")
_END = re.compile(r"<\|(?:end|return)\|>\s*\Z")


def without_thoughts(text: str) -> str:
    """Return what stands behind a model's thoughts; the whole text where it begins with none.

    Thoughts are marked at the begin of a reply (``<think>...</think>`` and its kin, the channels of harmony). Where the
    template of a model opens them already, only their end is there. Thoughts that do not end leave nothing: the reply
    was cut while the model thought. A mark further on, as an answer about such marks has it, is text.
    """
    final = _FINAL.search(text) if text.lstrip().startswith("<|channel|>") else None
    if final is not None:
        return _END.sub("", text[final.end() :]).lstrip()
    if _CHANNEL.match(text):
        return ""
    start, opened = 0, _OPEN.match(text)
    if opened is None:
        closed = _CLOSE.search(text)
        if closed is None or _ANY_OPEN.search(text, 0, closed.start()):
            return text
        start = closed.end()
        opened = _OPEN.match(text, start)
    while opened is not None:
        closed = _CLOSE.search(text, opened.end())
        if closed is None:
            return ""
        start = closed.end()
        opened = _OPEN.match(text, start)
    return text[start:].lstrip()
