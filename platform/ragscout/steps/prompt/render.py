"""Prompt files: messages by role, rendered in a sandbox, with passages that cannot leave their fence.

A prompt file is a Jinja template. A line ``[system]``, ``[user]`` or ``[assistant]`` begins a message; a file without
such lines is one user message. Roles are read from the file before anything is filled in, so that no passage can begin
a message.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ragscout.model.outcome import Message

VARIABLES = ("question", "passages", "language", "citations", "retrieval")
"""What a prompt file may use. ``passages``: number, text, title and document of each; ``citations``: ``none`` or
``numbers``; ``retrieval``: whether anything was searched at all (``passages`` may still be empty)."""

Role = Literal["system", "user", "assistant"]
_ROLE = re.compile(r"^[ \t]*\[(system|user|assistant)\][ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"<(\s*+(?:/\s*+)?(?:passage|발췌문))", re.IGNORECASE)
_CONTROL = re.compile(r"<\|")
_BLANKS = re.compile(r"\n{3,}")
_TROUBLE = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError, MemoryError)
"""What templates raise beside errors of their own kind."""


@dataclass(frozen=True)
class PromptPassage:
    """A chunk as a prompt shows it; ``number`` counts from 1 in the order shown."""

    number: int
    text: str
    title: str
    document: str


def fenced(text: str) -> str:
    """Text that neither closes its fence nor holds the control marks of chat formats (``<|im_end|>``)."""
    return _CONTROL.sub("< |", _FENCE.sub("‹\\1", text))


def messages(
    source: str, *, question: str, passages: Sequence[PromptPassage], language: str, citations: str, retrieval: bool
) -> tuple[Message, ...]:
    """Render a prompt file; messages that come out empty are left out.

    Raises:
        ValueError: in one sentence, when the template is wrong or does more than a prompt needs.
    """
    import jinja2

    from ragscout.steps.prompt.sandbox import TemplateLimitError, rendered

    values: Mapping[str, Any] = {
        "question": fenced(question),
        "passages": tuple(passages),
        "language": language,
        "citations": citations,
        "retrieval": retrieval,
    }
    found = []
    for role, template in _parts(source):
        try:
            text = rendered(template, len(source), values)
        except jinja2.TemplateError as error:
            raise ValueError(_sentence(error)) from error
        except TemplateLimitError:
            raise
        except _TROUBLE as error:
            raise ValueError(f"the prompt cannot be rendered; got {type(error).__name__}: {error}") from error
        text = _BLANKS.sub("\n\n", text).strip()
        if text:
            found.append(Message(role, text))
    return tuple(found)


def check(source: str, *, shows_passages: bool = True) -> None:
    """Refuse a prompt file that cannot work, before a sweep starts.

    Args:
        source: the prompt file's text.
        shows_passages: whether it must show the passages it is given.

    Raises:
        ValueError: in one sentence: syntax, an unknown variable, a missing question, passages left out.
    """
    probe = [PromptPassage(number, f"passage-{number}", "title", "document") for number in (1, 2)]
    for passages, retrieval in ((probe, True), ([], True), ([], False)):
        for citations in ("none", "numbers"):
            made = messages(
                source,
                question="question-probe",
                passages=passages,
                language="en",
                citations=citations,
                retrieval=retrieval,
            )
            shown = "\n".join(message.content for message in made)
            if "question-probe" not in shown:
                raise ValueError("the prompt does not show the question. Write {{ question }} where it belongs.")
            if shows_passages and passages and probe[0].text not in shown:
                raise ValueError(
                    "the prompt does not show the passages. Write for example "
                    "{% for passage in passages %}[{{ passage.number }}] {{ passage.text }}{% endfor %}."
                )


@functools.lru_cache(maxsize=256)
def _parts(source: str) -> tuple[tuple[Role, Any], ...]:
    """Role and compiled template of each message."""
    import jinja2
    from jinja2 import meta

    from ragscout.steps.prompt.sandbox import LONGEST_SOURCE, metered

    environment = _environment()
    if len(source) > LONGEST_SOURCE:
        raise ValueError(f"the prompt is too long; got {len(source):,} characters. Write at most {LONGEST_SOURCE:,}.")
    pieces = _ROLE.split(source)
    found: list[tuple[Role, str]] = [("user", pieces[0])] if pieces[0].strip() else []
    found += [(cast("Role", role), text) for role, text in zip(pieces[1::2], pieces[2::2], strict=True)]
    if len(pieces) > 1 and pieces[0].strip():
        raise ValueError("the prompt has text before its first [system] or [user] line. Put it below such a line.")
    try:
        with metered(len(source)):
            trees = [environment.parse(text) for _, text in found]
            unknown = sorted({name for tree in trees for name in meta.find_undeclared_variables(tree)} - set(VARIABLES))
            made = tuple((role, environment.from_string(text)) for role, text in found)
    except jinja2.TemplateError as error:
        raise ValueError(_sentence(error)) from error
    except (*_TROUBLE, SyntaxError) as error:
        raise ValueError(
            f"the prompt is nested too deeply, or a number in it is too long; got {type(error).__name__}. Make the "
            "template simpler."
        ) from error
    if unknown:
        raise ValueError(
            f"the prompt uses unknown variables; got {', '.join(unknown)}. Allowed: {', '.join(VARIABLES)}."
        )
    return made


@functools.cache
def _environment() -> Any:
    from ragscout.steps.prompt.sandbox import Sandbox

    return Sandbox()


def _sentence(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    place = f" in line {line} of its message" if line else ""
    return f"the prompt is not a valid template{place}; got {' '.join(str(error).split()).rstrip('.')}."
