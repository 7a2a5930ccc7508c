"""The golden files of steps and keys: changed code needs a new version, or a statement that its output is the same.

``python -m ragscout.testing.bless [--new-keys] [FILE]`` writes ``steps.json`` anew, and ``keys.json`` beside it when a
folder ``sweeps`` lies there too. It accepts changed code whose defaults are the same (whoever runs it states that the
output is), new versions, and keys that changed because a version or packaged wording did; it prints what it accepts.
It refuses changed defaults without a new version, a version that went back, and keys that changed for no such reason:
``--new-keys`` accepts those.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import io
import json
import sys
import tokenize
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from ragscout.model.step import Step, registered_stages, steps_of
from ragscout.prompts.files import forget
from ragscout.testing import golden_keys

GOLDEN = Path("tests/golden/steps.json")
_WATCHED = ("ragscout.steps", "ragscout.providers", "ragscout.prompts", "ragscout.model")


def current(package: str = "ragscout.steps") -> dict[str, Any]:
    """Return what the golden file should say of the registered steps of a package.

    ``steps``: by ``stage.name`` the version, the defaults, a digest of all modules the step uses and the digest of each
    packaged wording it reads; ``modules``: the digest of each module, so that a difference can be named.
    """
    importlib.import_module(package)
    forget()
    steps: dict[str, Any] = {}
    modules: dict[str, str] = {}
    for stage in registered_stages():
        for name, cls in steps_of(stage, every=True).items():
            if not cls.__module__.startswith(package):
                continue
            used = {module: source_digest(module) for module in sorted(uses(cls.__module__))}
            modules |= used
            together = hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()
            steps[f"{stage}.{name}"] = {
                "version": cls.version,
                "defaults": _defaults(cls),
                "source": together,
                "packaged": {item.name: item.digest for item in cls.packaged},
            }
    return {"steps": dict(sorted(steps.items())), "modules": dict(sorted(modules.items()))}


def complaints(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One sentence per step that differs from the golden file."""
    changed = [name for name, digest in now["modules"].items() if golden["modules"].get(name) != digest]
    found = []
    for name in sorted(golden["steps"].keys() | now["steps"].keys()):
        old, new = golden["steps"].get(name), now["steps"].get(name)
        if old == new:
            continue
        if old is None or new is None:
            found.append(f"{name}: it is {'new' if old is None else 'gone'}. Run python -m ragscout.testing.bless.")
        elif old["version"] != new["version"]:
            found.append(f"{name}: its version is new. Run python -m ragscout.testing.bless.")
        elif old["defaults"] != new["defaults"]:
            found.append(f"{name}: its defaults changed, its version is still {new['version']}. Raise the version.")
        elif old.get("packaged") != new.get("packaged"):
            wording = ", ".join(_changed_wording(old, new))
            found.append(
                f"{name}: packaged wording changed ({wording}), and its keys with it. Run "
                "python -m ragscout.testing.bless."
            )
        else:
            found.append(
                f"{name}: its code changed ({', '.join(changed)}), its version is still {new['version']}. Raise the "
                "version, or run python -m ragscout.testing.bless if it gives the same output."
            )
    return found


def _changed_wording(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = old.get("packaged", {}), new.get("packaged", {})
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def refusals(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what cannot be blessed: changed defaults under an old version, a version that went back."""
    found = []
    for name, new in now["steps"].items():
        old = golden["steps"].get(name)
        if old is None:
            continue
        if new["version"] < old["version"]:
            found.append(f"{name}: its version went back from {old['version']} to {new['version']}.")
        elif new["version"] == old["version"] and new["defaults"] != old["defaults"]:
            found.append(
                f"{name}: its defaults changed from {old['defaults']} to {new['defaults']}: results stored under the "
                f"old ones would be taken for the new. Raise its version above {old['version']}."
            )
    return found


@cache
def uses(module: str) -> frozenset[str]:
    """Return a module and the modules of the watched packages that it imports, directly or not.

    A package's ``__init__`` that only registers components is not followed: it would tie every step to every other.
    """
    found = {module}
    for name in _imports(module):
        if name not in found:
            found |= uses(name)
    return frozenset(found)


def _imports(module: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            candidates = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        else:
            continue
        for name in candidates:
            if name != module and name.startswith(_WATCHED) and _is_module(name):
                names.add(name)
    return names


@cache
def source_digest(module: str) -> str:
    """SHA-256 of a module's code without comments, docstrings and blank space at line ends."""
    return hashlib.sha256(code(_path(module).read_text(encoding="utf-8")).encode()).hexdigest()


def code(source: str) -> str:
    """Source text without comments, docstrings and empty lines."""
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for row in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                    lines[row - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _path(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


def _is_module(name: str) -> bool:
    """Whether a dotted name is a module file (not a package, not a name inside a module)."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None and spec.submodule_search_locations is None


def _defaults(cls: type[Step]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            shown[field.name] = to_jsonable_python(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            shown[field.name] = to_jsonable_python(field.default_factory())
        else:
            shown[field.name] = {"required": True}
    return shown


def main(arguments: list[str]) -> int:
    """Write the golden files, or say what stands against it. Exit status 0 or 1."""
    meant = "--new-keys" in arguments
    file = next((Path(word) for word in arguments if word != "--new-keys"), GOLDEN)
    now = current()
    golden = _read(file, {"steps": {}, "modules": {}})
    refused = refusals(golden, now)
    sweeps, keys = file.parent / "sweeps", file.with_name("keys.json")
    made = golden_keys.current(sweeps) if sweeps.is_dir() else None
    changed = golden_keys.differences(_read(keys, made), made) if made is not None else []
    refused += [str(item) for item in changed if not (item.explained or meant)]
    if refused:
        sys.stderr.write("\n".join(refused) + "\n")
        return 1
    accepted = complaints(golden, now)
    _write(file, now)
    sys.stdout.write(f"{file}: {len(now['steps'])} steps, {len(accepted)} changed.\n")
    if made is not None:
        _write(keys, made)
        sys.stdout.write("".join(f"  {item.what}: {item.why}.\n" for item in changed))
        sys.stdout.write(f"{keys}: {len(changed)} changed.\n")
    return 0


def _read(file: Path, otherwise: Any) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else otherwise


def _write(file: Path, data: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
