"""Text as it was before it was set in lines: ligatures are letters again, words broken at line ends are whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LIGATURES = dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_SOFT = re.compile("\xad[ \t]*\n?[ \t]*")
_COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]++[-‐][^\W\d_]++")
_BROKEN = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,})[-‐][ \t]*\n[ \t]*([^\W\d_]{2,})([^\w\s]*)[ \t]?\n?")


def unset(pages: Sequence[str]) -> list[str]:
    """Return pages without ligatures and with the words that a line end broke joined.

    A break stays a hyphen where the document writes the compound with one inside a line, and between words that do not
    go on in lower case. The line goes on after the joined word.
    """
    plain = [_SOFT.sub("", page.translate(_LIGATURES)) for page in pages]
    compounds = {word.casefold() for page in plain for word in _COMPOUND.findall(page)}

    def join(found: re.Match[str]) -> str:
        first, second, mark = found[1], found[2], found[3]
        if not (first[-1].islower() and second[0].islower()):
            return found[0]
        hyphen = "-" if f"{first}-{second}".casefold() in compounds else ""
        return f"{first}{hyphen}{second}{mark}\n"

    return [_BROKEN.sub(join, page) for page in plain]
