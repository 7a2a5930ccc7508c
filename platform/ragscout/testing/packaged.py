"""Which packaged wording a step's code can read, found by following names from the step's class through its modules.

``undeclared`` compares that with what the step says in ``packaged``: wording that is read and not named there can be
edited without any key changing, and a board would mix two prompts.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragscout.model.packaged import Packaged, WordTable
from ragscout.model.step import Step
from ragscout.prompts.files import PackagedFile

_READERS = ("importlib.resources", "pkgutil", "__file__")
"""Ways to read a file of a package that no key can know of."""

_READER = "ragscout.prompts.files"


def undeclared(cls: type[Step]) -> list[str]:
    """Return what is wrong with a step's ``packaged``: one sentence each, none when it names just what its code can
    read."""
    reached = _reached(cls)
    read = {item.name: item for item in reached.packaged}
    named = {item.name for item in cls.packaged}
    who = f"{cls.stage}.{cls.name}"
    said = [f"{who}: reads {name} and does not name it. Add it to packaged." for name in sorted(read.keys() - named)]
    said += [f"{who}: names {name} and cannot read it. Take it out of packaged." for name in sorted(named - set(read))]
    said += [f"{who}: {where} reads a file by itself. Use a PackagedFile." for where in sorted(reached.around)]
    return said


@dataclass
class _Reached:
    """``around``: where a file is read without a ``PackagedFile``."""

    packaged: list[Packaged] = field(default_factory=list)
    around: set[str] = field(default_factory=set)


def _reached(cls: type[Step]) -> _Reached:
    """Everything packaged that can be reached from a class, by the names that its definitions use."""
    roots = {"ragscout", _root(cls.__module__)}
    reached, seen = _Reached(), set[tuple[str, str]]()
    waiting = [(cls.__module__, cls.__qualname__.partition(".")[0])]
    while waiting:
        symbol = waiting.pop()
        module, name = symbol
        if symbol in seen or _root(module) not in roots or module == _READER:
            continue
        seen.add(symbol)
        reached.packaged += _packaged(getattr(importlib.import_module(module), name, None))
        for target in _names(module).get(name, ()):
            if target[0] in _READERS:
                reached.around.add(f"{module}.{name}")
            else:
                waiting.append(target)
    return reached


def _packaged(value: Any) -> Iterator[Packaged]:
    """Yield the packaged wording in a module's value: itself, or what tuples, lists and mappings hold of it."""
    if isinstance(value, (PackagedFile, WordTable)):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _packaged(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _packaged(item)


@functools.cache
def _names(module: str) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Every name that a module defines or imports at its top, to the (module, name) pairs that its definition uses."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    roots = frozenset({"ragscout", _root(module)})
    imported = _imported(tree.body, roots)
    uses: dict[str, set[tuple[str, str]]] = {name: {target} for name, target in imported.items()}
    for node in tree.body:
        for name in _defined(node):
            uses.setdefault(name, set()).update(_used(module, node, imported, roots))
    return {name: frozenset(targets) for name, targets in uses.items()}


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)]


def _used(
    module: str, node: ast.stmt, imported: Mapping[str, tuple[str, str]], roots: frozenset[str]
) -> set[tuple[str, str]]:
    """Return what one definition uses. ``alias.name`` of an imported module is that module's ``name``."""
    parts = [item for part in _code(node) for item in ast.walk(part)]
    inside = [item for item in parts if isinstance(item, (ast.Import, ast.ImportFrom))]
    known = {**imported, **_imported(inside, roots)}
    found: set[tuple[str, str]] = set()
    for item in parts:
        if isinstance(item, ast.Attribute) and (dotted := _dotted(item)):
            first, _, rest = dotted.partition(".")
            target = known.get(first)
            if target is not None and target[1] == "":
                found.add(_within(target[0], rest, roots))
        elif isinstance(item, ast.Name):
            if item.id == "__file__":
                found.add(("__file__", ""))
            target = known.get(item.id)
            if target is None:
                found.add((module, item.id))
            elif target[1] or target[0] in _READERS:
                found.add(target)
    return found


def _code(node: ast.stmt) -> list[ast.AST]:
    """Return a definition without what a class only says of itself: its decorators, ``packaged`` and
    ``packaged_texts``."""
    if not isinstance(node, ast.ClassDef):
        return [node]
    said = ("packaged", "packaged_texts")
    return [*node.bases, *(item for item in node.body if not set(said) & set(_defined(item)))]


def _within(module: str, dotted: str, roots: frozenset[str]) -> tuple[str, str]:
    """Return the module and name that ``dotted`` means inside a module; ``importlib.resources`` counts as a reader."""
    name, _, rest = dotted.partition(".")
    inner = f"{module}.{name}"
    if inner in _READERS:
        return inner, ""
    inside = rest and _root(module) in roots and _is_module(inner)
    return _within(inner, rest, roots) if inside else (module, name)


def _imported(body: list[Any], roots: frozenset[str]) -> dict[str, tuple[str, str]]:
    """Local name to (module, name); an empty name means the module itself. Other packages are not loaded for it."""
    found: dict[str, tuple[str, str]] = {}
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or module] = (module, "")
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                whole = node.module in _READERS or inner in _READERS or (_root(inner) in roots and _is_module(inner))
                target = (node.module if node.module in _READERS else inner, "") if whole else (node.module, alias.name)
                found[alias.asname or alias.name] = target
        elif isinstance(node, ast.If):
            found |= _imported(node.body, roots)
    return found


def _dotted(node: ast.Attribute) -> str:
    """``a.b.c`` as text, empty when it does not begin with a name."""
    parts = [node.attr]
    value: ast.expr = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    return ".".join([value.id, *reversed(parts)]) if isinstance(value, ast.Name) else ""


def _root(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
