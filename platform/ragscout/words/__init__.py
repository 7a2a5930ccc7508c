"""Everything that people read, in English and Korean: one catalogue per language, found by kind.

``Words("ko")("report.title")`` gives the text of a kind. ``en.toml`` and ``ko.toml`` hold the same kinds with the same
placeholders; a test finds missing and unused ones. Placeholders are named, as in ``str.format``:

==========================  =========================================================================================
``{n}``, ``{share:.0%}``    A value with its format. ``None`` is shown as ``–``. A list is joined by commas.
``{n:row|rows}``            A word that follows the number: the first for one, the second for any other.
``{names:3}``               The first three of a list, and how many more there are.
``{name:이/가}``            A value and the Korean particle that fits its end; after a format too: ``.2f을/를``.
==========================  =========================================================================================

A value may be a phrase: a kind with values of its own, shown in the same language (``phrase``).
"""

from ragscout.words.lookup import Language, Phrase, Values, Words, WordsError, kinds, phrase, strictly
from ragscout.words.particles import particle

__all__ = [
    "Language",
    "Phrase",
    "Values",
    "Words",
    "WordsError",
    "kinds",
    "particle",
    "phrase",
    "strictly",
]
