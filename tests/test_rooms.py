"""The floor plan holds: no circle between modules, no room that outgrew one idea, one name for one thing."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "platform" / "ragscout"
LARGEST_ROOM = 23


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that runs, in functions too; those for type checkers alone are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from imports(node)


@cache
def graph() -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = defaultdict(set)
    for name, tree in trees().items():
        for node in imports(tree):
            if isinstance(node, ast.Import):
                arrows[name] |= {alias.name for alias in node.names}
            elif node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                arrows[name] |= {one if one in trees() else node.module for one in full}
        arrows[name] = {one for one in arrows[name] if one in trees() and one != name}
    return arrows


def test_no_circle_between_modules() -> None:
    """Modules without arrows into what is left are taken away until nothing changes; what stays lies on a circle."""
    left = {name: set(targets) for name, targets in graph().items()}
    while leaves := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in leaves}
    while roots := left.keys() - set().union(*left.values(), set()):
        left = {name: targets for name, targets in left.items() if name not in roots}
    assert left == {}


def test_no_room_has_outgrown_one_idea() -> None:
    sizes = Counter(str(path.parent.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
    assert {room: size for room, size in sizes.items() if size > LARGEST_ROOM} == {}


def test_every_module_opens_with_a_line_for_a_newcomer() -> None:
    lines = {name: (ast.get_docstring(tree) or "").split("\n")[0] for name, tree in trees().items()}
    assert {name: line for name, line in lines.items() if len(line.split()) < 4} == {}


def test_no_class_name_is_defined_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
