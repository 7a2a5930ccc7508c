"""The passages that an answer was given, as judges read them."""

from __future__ import annotations

from ragscout.model.outcome import Answer, Failure, Prompt
from ragscout.model.values import Passages


def given_passages(
    answer: Answer | Failure | None, prompt: Prompt | Failure | None, context: Passages | Failure | None, limit: int
) -> tuple[str, ...]:
    """Return the texts of the passages in the order of the prompt, together at most ``limit`` characters.

    They are those of the prompt, or those that the answer names where there was no prompt; none where nothing was
    retrieved. Blank ones are left out.
    """
    if not isinstance(context, Passages):
        return ()
    shown = prompt if isinstance(prompt, Prompt) else answer if isinstance(answer, Answer) else None
    texts: list[str] = []
    left = limit
    for at in shown.passages if shown is not None else ():
        text = context.text[at]
        if left > 0 and text.strip():
            texts.append(text[:left])
            left -= len(texts[-1])
    return tuple(texts)
