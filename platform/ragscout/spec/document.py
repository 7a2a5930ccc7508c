"""YAML 1.2 to plain data with the place of every value. Nothing is ever constructed or executed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragscout.model.errors import ParameterError, SpecError, UnknownNameError
from ragscout.spec.mistakes import explain

_TAG = "tag:yaml.org,2002:"
_MOST_VALUES = 100_000
_DEEPEST = 40
_MOST_DIGITS = 300


@dataclass(frozen=True)
class SpecDocument:
    """``data``: dicts, lists, text, numbers, booleans and ``None``. ``marks``: path such as ``pipeline.chunk[0].size``
    to line and column (from 1). ``raw``: path of a number to its text, for fields that are text (``1.10``)."""

    where: str
    data: Any
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    raw: Mapping[str, str] = field(default_factory=dict, repr=False)

    def at(self, path: str) -> str:
        """``file:line:column: path`` of a value, or of what it lies in."""
        known = path
        while known and known not in self.marks:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        line, column = self.marks.get(known, (1, 1))
        return f"{self.where}:{line}:{column}" + (f": {path}" if path else "")

    def wrong(self, path: str, what: str, got: object, remedy: str) -> ParameterError:
        """Return the error for a value of the wrong kind."""
        return ParameterError(f"{self.at(path)}: {what}; got {shown(got)}. {remedy}")

    def mapping(self, data: Any, path: str, allowed: Iterable[str] = ()) -> dict[str, Any]:
        """Return a mapping whose keys are all allowed (any key when ``allowed`` is empty).

        Raises:
            ParameterError: not a mapping.
            UnknownNameError: a key that is not allowed, with a did-you-mean.
        """
        if not isinstance(data, dict):
            raise self.wrong(path, "it must be a mapping (key: value)", data, "Indent its keys below it.")
        names = tuple(allowed)
        for key in data:
            if names and key not in names:
                raise UnknownNameError(self.at(join(path, key)), "key", key, names)
        return data

    def text(self, data: Any, path: str) -> str:
        """Return a text that is not empty; a number counts as the text that was written."""
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            data = self.raw.get(path, str(data))
        if not isinstance(data, str) or not data.strip():
            raise self.wrong(path, "it must be a text", data, "Write a text, in quotes where it looks like a number.")
        return data

    def number(self, data: Any, path: str, low: float = 0.0, high: float = math.inf) -> float:
        """Return a number of ``low``..``high``."""
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise self.wrong(path, "it must be a number", data, f"Write a number of {_range(low, high)}.")
        if not low <= data <= high:
            raise self.wrong(path, "out of range", data, f"Write a number of {_range(low, high)}.")
        return float(data)

    def integer(self, data: Any, path: str, low: int = 0) -> int:
        """Return a whole number from ``low`` on."""
        value = self.number(data, path, low)
        if value != int(value):
            raise self.wrong(path, "it must be a whole number", data, f"Write for example {int(value)}.")
        return int(value)

    def flag(self, data: Any, path: str) -> bool:
        """Return ``true`` or ``false``."""
        if not isinstance(data, bool):
            raise self.wrong(path, "it must be true or false", data, "YAML 1.2 has no yes and no: write true or false.")
        return data

    def listed(self, data: Any, path: str) -> list[tuple[Any, str]]:
        """Items with their paths; what is not a list is a list of one.

        Raises:
            ParameterError: the list is empty, or nothing was written.
        """
        items = list(enumerate(data)) if isinstance(data, list) else [(-1, data)]
        if not items or data is None:
            raise self.wrong(path, "it has no values", data, "Give at least one value, or leave the key out.")
        return [(item, path if number < 0 else f"{path}[{number}]") for number, item in items]


def join(path: str, key: str) -> str:
    """Path of a key below a path."""
    return f"{path}.{key}" if path else key


def shown(value: object) -> str:
    """Return a value for a message, shortened."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read(text: str, where: str) -> SpecDocument:
    """Parse one YAML 1.2 document.

    Raises:
        SpecError: with line and column: bad YAML, a duplicate key, a tag, a merge key, NaN.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if re.search(r"^%", text, re.MULTILINE):
        line = text[: re.search(r"^%", text, re.MULTILINE).start()].count("\n") + 1  # type: ignore[union-attr]
        raise SpecError(f"{where}:{line}:1: a YAML directive; got '%'. Remove the line: the file is YAML 1.2.")
    try:
        node = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        mistake = explain(text, line)
        if mistake is not None:
            raise SpecError(f"{where}:{mistake.line}:{mistake.column}: {mistake.said}") from None
        raise SpecError(
            f"{where}:{line}:{column}: this is not YAML; got {str(error.problem).strip()!r}. Check indentation, "
            "colons, brackets and quotes here and in the line above."
        ) from None
    except RecursionError:
        raise SpecError(
            f"{where}: the file is nested too deeply; got {text.strip()[:20]!r} and more. Simplify it."
        ) from None
    except YAMLError as error:
        raise SpecError(f"{where}: this is not YAML; got {str(error).splitlines()[0]!r}. Check the file.") from None
    if node is None:
        raise SpecError(f"{where}: the file is empty; got no key. Write one with: ragscout init DOCS QUESTIONS")
    reader = _Reader(where)
    data = reader.value(node, "", 0)
    return SpecDocument(where, data, reader.marks, reader.raw)


class _Reader:
    def __init__(self, where: str) -> None:
        self.where = where
        self.marks: dict[str, tuple[int, int]] = {}
        self.raw: dict[str, str] = {}
        self._count = 0

    def value(self, node: Any, path: str, depth: int) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise self._error(node, "the file is too large or too deep", f"{self._count} values", "Simplify it.")
        self.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        tag = str(node.tag).removeprefix(_TAG)
        if isinstance(node.value, str):
            return self._scalar(node, tag, path)
        if tag not in ("map", "seq"):
            raise self._error(node, "a tag", str(node.tag), "Remove it: only plain values are allowed.")
        if tag == "seq":
            return [self.value(item, f"{path}[{number}]", depth + 1) for number, item in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key.value, str) or str(key.tag) == f"{_TAG}merge":
                raise self._error(key, "a key must be a plain name", shown(key.value), "Write name: value.")
            name = self._whole(key, key.value)
            if name in found:
                raise self._error(key, "the key stands here twice", repr(name), "Remove one of the two.")
            place = join(path, name)
            self.marks[place] = (key.start_mark.line + 1, key.start_mark.column + 1)
            found[name] = self.value(item, place, depth + 1)
        return found

    def _whole(self, node: Any, text: str) -> str:
        """Join the two halves by which JSON escapes a character beyond the basic plane; refuse a half alone."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._error(
                node, "half of a character", ascii(text)[:60], "Write the character itself, or both of its halves."
            ) from None

    def _scalar(self, node: Any, tag: str, path: str) -> Any:
        text: str = node.value
        if tag in ("str", "timestamp"):
            return self._whole(node, text)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        self.raw[path] = text
        plain = text.replace("_", "")
        if tag == "int":
            if len(plain) > _MOST_DIGITS:
                raise self._error(node, "a number of too many digits", f"{len(plain)} digits", "Write a shorter one.")
            base = {"0o": 8, "0x": 16, "0b": 2}.get(plain.lstrip("+-")[:2].lower(), 10)
            if abs(value := int(plain, base)) >= 10**_MOST_DIGITS:
                raise self._error(node, "a number of too many digits", f"{len(plain)} digits", "Write a shorter one.")
            return value
        if tag == "float" and math.isfinite(
            number := float(plain.lower().replace(".inf", "inf").replace(".nan", "nan"))
        ):
            return number
        if tag == "float":
            raise self._error(node, "not a finite number", shown(text), "Write a finite number.")
        raise self._error(node, "a tag", str(node.tag), "Remove it: only plain values are allowed.")

    def _error(self, node: Any, what: str, got: str, remedy: str) -> SpecError:
        mark = node.start_mark
        return SpecError(f"{self.where}:{mark.line + 1}:{mark.column + 1}: {what}; got {got}. {remedy}")


def _range(low: float, high: float) -> str:
    return f"at least {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"
