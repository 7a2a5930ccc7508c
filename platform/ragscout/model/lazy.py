"""Names of a package that are loaded when they are first used, so that importing the package loads little."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def loader(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what a package takes as its ``__getattr__`` (PEP 562).

    Args:
        package: name of the package.
        places: public name to the module that defines it.
    """

    def load(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(places[name]), name)

    return load
