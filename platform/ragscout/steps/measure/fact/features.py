"""What the fact score looks at: 23 features that compare an answer with its references, each between 0 and 1.

``FEATURES`` documents them one by one, with the direction in which each may count. Words are content morphemes in
Korean and Porter stems without stop words in English.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragscout.model.text import Language
from ragscout.steps.measure.answer.answer_in_text import occurs
from ragscout.steps.measure.answer.meteor import meteor, meteor_tokens, without_synonyms
from ragscout.steps.measure.fact.names import initials, names
from ragscout.steps.measure.fact.polarity import granted, negated, polarity
from ragscout.steps.measure.fact.quantities import Quantity, quantities
from ragscout.steps.measure.fact.tables import pattern, table
from ragscout.steps.measure.tokens import overlap_tokens, pair_language

UNKNOWN = 0.5
"""What a share is when the references hold nothing of the kind."""
LEAST_SHARED = 0.4
"""Share of the question's words that an answer must repeat before its negation is read as a yes or a no."""
WHOLE = 0.75
"""Share of the words of a reference above which their order is looked at: a paraphrase may well change it."""
SHORT = 3
"""Words up to which an answer counts as a mere yes or no in other words."""
_STOP = frozenset(table("words", "stop").split())
_ASKS_NUMBER = pattern("asks_number")
_GLUED = re.compile(r"(\d)([a-zA-Z])")


@dataclass(frozen=True)
class Feature:
    """One figure: its name, whether more of it may only speak for (1) or only against (-1) an answer (0: either), and
    what it says."""

    name: str
    sign: Literal[-1, 0, 1]
    help: str


FEATURES = (
    Feature("answer_in_text", 1, "a whole reference stands in the answer"),
    Feature("recall", 1, "share of a reference's words in the answer, best reference"),
    Feature(
        "key_recall", 1, "share of the shortest reference's numbers and words, the question's apart, in the answer"
    ),
    Feature("precision", 1, "share of the answer's words that stand in a reference"),
    Feature("novel_precision", 1, "the same for the answer's words that are not the question's own"),
    Feature("echo", -1, "share of the answer's words that are the question's own"),
    Feature("meteor", 1, "METEOR without synonyms, best reference"),
    Feature("bigram", 1, "share of a reference's pairs of neighbouring words in the answer, best reference"),
    Feature("swapped", -1, "words that answer and reference share stand in another order (best reference)"),
    Feature("number_recall", 1, "share of a reference's numbers in the answer, whatever their units"),
    Feature("unit_recall", 1, "share of a reference's numbers in the answer with agreeing units"),
    Feature(
        "number_answer", 1, "the question asks for a number, and the answer gives all of a reference's and no other"
    ),
    Feature("unit_conflict", -1, "a reference's number stands in the answer with another unit"),
    Feature("number_extra", -1, "the answer holds a number that neither references nor question know"),
    Feature("number_conflict", -1, "it does, and numbers of the references are missing"),
    Feature("number_echo", -1, "of the numbers only the question's are repeated"),
    Feature("name_recall", 1, "share of a reference's names in the answer"),
    Feature("name_conflict", -1, "the answer names something unknown while names of the references are missing"),
    Feature("polarity_match", 1, "both say yes, or both say no"),
    Feature("polarity_conflict", -1, "one says yes and the other no"),
    Feature("polarity_bare", 1, "a reference is a bare yes or no, and the answer says the same"),
    Feature("implied_match", 1, "the answer repeats the question in the sense of the reference's yes or no"),
    Feature("negation_differs", -1, "a word of negation stands in exactly one of answer and reference"),
)
NAMES = tuple(feature.name for feature in FEATURES)


@dataclass
class FactFeatures:
    """Figures by name, and for people what stands behind some of them (``number_conflict``: ``20 against 25``)."""

    values: dict[str, float]
    because: dict[str, str] = field(default_factory=dict)


def compare(question: str, references: Sequence[str], answer: str) -> FactFeatures:
    """Compare an answer with its references (at least one; all texts in normal form)."""
    lang = pair_language(references[0], answer)
    found = FactFeatures({})
    _words(found.values, question, references, answer, lang)
    _numbers(found, question, references, answer)
    _names(found, question, references, answer)
    _polarity(found.values, question, references, answer, lang)
    return found


@functools.lru_cache(maxsize=8192)
def fact_words(text: str, lang: Language) -> tuple[str, ...]:
    """Words that carry meaning, in order: digits apart from letters, English stems without stop words."""
    stem = _stemmer()
    found = (word for word in overlap_tokens(_GLUED.sub(r"\1 \2", text), lang) if word not in _STOP)
    return tuple(stem(word) if "a" <= word[0] <= "z" else word for word in found)


@functools.cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer

    return functools.lru_cache(maxsize=1 << 16)(PorterStemmer().stem)


def _words(values: dict[str, float], question: str, references: Sequence[str], answer: str, lang: Language) -> None:
    listed = fact_words(answer, lang)
    said, asked = set(listed), set(fact_words(question, lang))
    wanted = [set(fact_words(reference, lang)) for reference in references]
    known = set[str]().union(*wanted)
    values["answer_in_text"] = float(any(occurs(reference, answer, lang) for reference in references))
    values["recall"] = max(_share(words & said, words) for words in wanted)
    values["key_recall"] = _key_recall(min(references, key=len), answer, asked, said, lang)
    values["precision"] = _share(said & known, said)
    values["novel_precision"] = _share((said - asked) & known, said - asked)
    values["echo"] = _share(said & asked, said)
    tokens = meteor_tokens(answer, lang)
    values["meteor"] = max(
        meteor(meteor_tokens(reference, lang), tokens, without_synonyms()) for reference in references
    )
    pairs = set(itertools.pairwise(listed))
    shares = []
    for reference in references:
        words = fact_words(reference, lang)
        expected = set(itertools.pairwise(words))
        shares += [len(expected & pairs) / len(expected)] if expected else []
    values["bigram"] = max(shares, default=values["recall"])
    values["swapped"] = 0.0
    if values["recall"] >= WHOLE:
        values["swapped"] = min(_swapped(fact_words(reference, lang), listed) for reference in references)


def _key_recall(key: str, answer: str, asked: set[str], said: set[str], lang: Language) -> float:
    """Share of a short reference's numbers and other words in the answer; a mere yes or no says nothing here."""
    if polarity(key) and len(fact_words(key, lang)) <= SHORT:
        return UNKNOWN
    numbers, given = quantities(key), quantities(answer)
    rest = key.lower()
    for number in numbers:
        rest = rest.replace(number.text, " ", 1)
    words = set(fact_words(rest, lang))
    words = words - asked or words
    held = sum(any(number.agrees(other) for other in given) for number in numbers) + len(words & said)
    return held / (len(numbers) + len(words)) if numbers or words else UNKNOWN


def _numbers(found: FactFeatures, question: str, references: Sequence[str], answer: str) -> None:
    asked, said = quantities(question), quantities(answer)
    in_question = {quantity.value for quantity in asked}
    every = [quantities(reference) for reference in references]
    wanted = [[quantity for quantity in listed if quantity.value not in in_question] for listed in every]
    listed = [quantities_of for quantities_of in wanted if quantities_of]
    values = found.values

    def share(holds: Callable[[Quantity], bool]) -> float:
        return max((sum(map(holds, quantities_of)) / len(quantities_of) for quantities_of in listed), default=UNKNOWN)

    numbers = {quantity.value for quantity in said} | {quantity.amount[1] for quantity in said}
    values["number_recall"] = share(lambda one: one.value in numbers or one.amount[1] in numbers)
    values["unit_recall"] = share(lambda one: any(one.agrees(other) for other in said))
    values["unit_conflict"] = max(values["number_recall"] - values["unit_recall"], 0.0)
    known = [quantity for quantities_of in (*every, asked) for quantity in quantities_of]
    extra = [one for one in said if not any(one.agrees(other) or one.value == other.value for other in known)]
    values["number_extra"] = float(bool(extra))
    values["number_conflict"] = float(bool(listed and extra) and values["number_recall"] < 1)
    whole = bool(listed) and values["unit_recall"] == 1 and not extra
    values["number_answer"] = float(whole and _ASKS_NUMBER.search(question.lower()) is not None)
    repeated = any(quantity.value in in_question for quantity in said)
    values["number_echo"] = float(bool(listed) and values["number_recall"] == 0 and repeated)
    if values["number_conflict"]:
        missing = next((one for one in listed[0] if one.value not in numbers), listed[0][0])
        found.because["number_conflict"] = f"{extra[0].text} against {missing.text}"


def _names(found: FactFeatures, question: str, references: Sequence[str], answer: str) -> None:
    asked, lower = names(question), answer.lower()
    wanted = [reference_names - asked for reference_names in map(names, references)]
    listed = [named for named in wanted if named]
    values = found.values
    values["name_recall"] = max(
        (sum(name in lower for name in named) / len(named) for named in listed), default=UNKNOWN
    )
    words = {word for text in (question, *references) for word in re.findall(r"\w+", text.lower())}
    letters = " ".join(map(initials, (question, *references)))
    unknown = sorted(
        name for name in names(answer) - set().union(*wanted) - asked - words if len(name) < 2 or name not in letters
    )
    values["name_conflict"] = float(bool(listed and unknown) and values["name_recall"] < 1)
    if values["name_conflict"]:
        missing = next((name for name in sorted(listed[0]) if name not in lower), sorted(listed[0])[0])
        found.because["name_conflict"] = f"{unknown[0]} against {missing}"


def _polarity(values: dict[str, float], question: str, references: Sequence[str], answer: str, lang: Language) -> None:
    wanted = next(filter(None, map(polarity, references)), 0)
    said = polarity(answer)
    asked, shared = set(fact_words(question, lang)), set(fact_words(answer, lang))
    implied = 0
    if wanted and not said and len(asked & shared) >= max(2.0, LEAST_SHARED * len(asked)):
        implied = -1 if negated(answer) != negated(question) else 1
    elif wanted and not said and len(shared) <= SHORT:
        implied = -1 if negated(answer) else int(granted(answer))
    bare = any(polarity(reference) and len(reference) < 6 for reference in references)
    values["polarity_match"] = float(wanted != 0 and wanted == said)
    values["polarity_conflict"] = float(wanted != 0 and said == -wanted)
    values["polarity_bare"] = float(bare and values["polarity_match"] == 1)
    values["implied_match"] = float(wanted != 0 and implied == wanted)
    values["negation_differs"] = float(all(negated(reference) != negated(answer) for reference in references))


def _swapped(reference: Sequence[str], answer: Sequence[str]) -> float:
    """Share of the pairs of neighbouring shared words, in the answer's order, that stand the other way round in the
    reference. Only words that stand once in both count; fewer than two say nothing (0)."""
    places = {word: place for place, word in enumerate(reference) if reference.count(word) == 1}
    shared = [places[word] for word in answer if word in places and answer.count(word) == 1]
    pairs = list(itertools.pairwise(shared))
    return sum(first > second for first, second in pairs) / len(pairs) if pairs else 0.0


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / len(whole) if whole else 0.0


def ordered(values: Mapping[str, float]) -> list[float]:
    """Return the figures in the order of ``FEATURES``."""
    return [values[name] for name in NAMES]
