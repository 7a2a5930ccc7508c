"""Where prompt templates run: a sandbox whose work is counted, so that no template takes the machine.

Rounds of loops, calls, and the texts that are looked at or made are charged, the large ones before they are made. The
same template with the same texts ends in the same place on every machine, a slow one too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_SOURCE = 200_000
"""Characters of a template."""
LONGEST = 10_000_000
"""Characters of a rendered message."""
_WORK = 100_000_000  # characters that are looked at or made while one message is rendered
_ROUND = 2_000  # what a round of a loop or a call costs, in characters
_ITEM = 100  # what an item of a list costs
_LARGEST = 100_000  # of a whole number that a filter or a function is given
_BITS = 4096  # of a whole number
_WIDE = re.compile(r"%[-+ #.*\d]*?\d{5}|\{[^{}]*?\d{5}")  # a width in a format
_LEFT_OUT = frozenset(("filesizeformat", "pprint", "random", "striptags", "urlize", "xmlattr"))
"""Filters that are not there: left to chance, made for web pages, or slow on long texts."""
_TIMES = frozenset(("batch", "center", "expandtabs", "indent", "ljust", "rjust", "slice", "tojson", "zfill"))
"""Filters and methods whose numbers multiply what they are given."""
_FORMATS = frozenset(("format", "format_map"))
_MULTIPLY = _TIMES | _FORMATS | {"translate", "wordwrap"}
"""Filters and methods that may repeat one text for every part of another."""


class TemplateLimitError(ValueError):
    """A template would do more than a prompt needs."""

    def __init__(self) -> None:
        super().__init__(
            "the prompt does more than a prompt needs: its loops, repetitions or texts are too many or too long. Make "
            "the template simpler."
        )


class _Meter:
    """What is left, and what a round costs: all that the template says may stand in its body."""

    def __init__(self, length: int) -> None:
        self.left, self.round = _WORK, max(_ROUND, length)


_METER: ContextVar[_Meter] = ContextVar("_METER")


@contextmanager
def metered(length: int) -> Iterator[None]:
    """Give a template of ``length`` characters something to spend while the context lasts."""
    token = _METER.set(_Meter(length))
    try:
        yield
    finally:
        _METER.reset(token)


def rendered(template: jinja2.Template, length: int, values: Mapping[str, Any]) -> str:
    """Return the text of a template whose source has ``length`` characters.

    Raises:
        TemplateLimitError: it does too much, or its text is longer than ``LONGEST`` characters.
    """
    parts, total = [], 0
    with metered(length):
        for part in template.generate(values):
            total += len(part)
            if total > LONGEST:
                raise TemplateLimitError
            parts.append(part)
    return "".join(parts)


def _charge(work: int) -> None:
    """Count work.

    Raises:
        TemplateLimitError: it is more than is left.
    """
    meter = _METER.get()
    meter.left -= work
    if meter.left < 0:
        raise TemplateLimitError


def _size(value: object) -> int:
    """Characters in a text, or in the texts of a list; 1 for anything else."""
    if isinstance(value, str):
        return len(value) or 1
    if isinstance(value, range):
        return _ITEM * len(value) + 1
    if isinstance(value, dict):
        return _size(list(value)) + _size(list(value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return 1 + _ITEM * len(value) + sum(map(_size, value))
    return 1


def _whole(value: object) -> int:
    return abs(value) if isinstance(value, int) else 1


def _product(sizes: Iterable[int]) -> int:
    return functools.reduce(lambda one, other: min(one * max(1, other), _WORK + 1), sizes, 1)


def _charge_call(name: str, given: tuple[object, ...], named: Mapping[str, object]) -> None:
    """Charge a call with what it is given and what it could make of that."""
    values = (*given, *named.values())
    if any(_whole(value) > _LARGEST for value in values):
        raise TemplateLimitError
    if name in _FORMATS and any(isinstance(value, str) and _WIDE.search(value) for value in values):
        raise TemplateLimitError
    sizes = [_size(value) for value in values]
    most = sum(sizes)
    if name in _MULTIPLY:
        most += _product(sizes) * (_product(map(_whole, values)) if name in _TIMES else 1)
    elif name == "replace":
        text, old, new = (*sizes, 1, 1)[:3]
        most += _product((text, max(old, new))) if named else text * new // old
    elif name == "join":
        most += _product(len(value) if isinstance(value, (list, tuple, range, str)) else 1 for value in values)
    elif name == "sum" and len(values) > 1:  # lists are put together one by one
        most += _product((sizes[0], sizes[0]))
    _charge(_METER.get().round + most)


def _spent(made: Any) -> Any:
    """Return what was made, after it was charged."""
    _charge(_size(made))
    return made


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the items of a loop, each charged as a round."""
    for value in values:
        _charge(_METER.get().round)
        yield value


def _listed(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return arguments in which what can be read only once became a list, so that it has a size."""
    return tuple(list(value) if isinstance(value, Iterator) else value for value in values)


def _charged(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that is charged before and after it works."""

    @functools.wraps(function)
    def charged(*given: Any, **named: Any) -> Any:
        values = _listed(given)
        own = (Context, nodes.EvalContext, jinja2.Environment)  # what the filter is handed beside its values
        _charge_call(name, tuple(value for value in values if not isinstance(value, own)), named)
        return _spent(function(*values, **named))

    return charged


def _shown(value: Any) -> str:
    """Return the text that an expression puts into the prompt."""
    text = str(value)
    _charge(len(text))
    return text


class _JoiningGenerator(CodeGenerator):
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """Write a call of ``Sandbox.joined`` for ``a ~ b``: the sandbox itself has no hook for it."""
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of prompt templates. Nothing is loaded from files and nothing is escaped: the result is text for
    a model, not a page. Parse, compile and render inside ``metered``."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))
    code_generator_class = _JoiningGenerator

    def __init__(self) -> None:
        """Take away what a prompt has no use for, and charge the rest."""
        super().__init__(
            undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_shown
        )
        kept = {name: function for name, function in self.filters.items() if name not in _LEFT_OUT}
        self.filters = {name: _charged(name, function) for name, function in kept.items()}
        self.filters |= {"counted": _counted, "spent": _spent}
        del self.globals["lipsum"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Charge every round of a loop, and texts that are cut, compared or kept."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = _through("counted", loop.iter, loop.lineno)
        for item in tree.find_all(nodes.Getitem):
            if isinstance(item.arg, nodes.Slice):
                item.node = _through("spent", item.node, item.lineno)
        for comparison in tree.find_all(nodes.Compare):
            comparison.expr = _through("spent", comparison.expr, comparison.lineno)
            for operand in comparison.ops:
                operand.expr = _through("spent", operand.expr, comparison.lineno)
        for block in tree.find_all(nodes.AssignBlock):
            block.filter = block.filter or _through("spent", None, block.lineno)
        return tree

    def joined(self, parts: tuple[Any, ...]) -> str:
        """Join texts (``a ~ b``)."""
        return "".join(map(_shown, parts))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute ``left operator right`` where the result is small enough."""
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _BITS:
                raise TemplateLimitError
        elif operator == "%":
            _charge_call("format", (left, *(right if isinstance(right, tuple) else (right,))), {})
        elif operator == "*":
            _charge(_product((_size(left), _size(right), _whole(left), _whole(right))))
        return _spent(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function or method; what a method belongs to counts as given."""
        if isinstance(__obj, LoopContext):  # a loop that calls itself for what lies below an item
            return super().call(__context, __obj, *map(_counted, args), **kwargs)
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)
        held = (owner,) if isinstance(owner, (str, list, tuple, dict)) else ()
        values = _listed(args)
        _charge_call(getattr(__obj, "__name__", ""), (*held, *values), kwargs)
        return _spent(super().call(__context, __obj, *values, **kwargs))


def _through(name: str, node: nodes.Node | None, line: int) -> nodes.Filter:
    """Return a filter around an expression; ``None``: around the text of a block."""
    return nodes.Filter(node, name, [], [], None, None, lineno=line)
