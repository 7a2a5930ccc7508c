"""Files of the demonstration: a sweep that needs no model, on a small set that travels with the package."""

from __future__ import annotations

from pathlib import Path


def quick_sweep() -> Path:
    """Return the sweep file of ``ragscout demo --quick``."""
    return Path(__file__).parent / "quick.yaml"


def checkout() -> Path | None:
    """Root of the source checkout this package runs from, ``None`` when it was installed as a wheel."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "experiments" / "quickstart.yaml").is_file() else None
