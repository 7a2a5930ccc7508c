"""Runs the tests marked ``numeric`` once for every kernel of the matrix library, with one thread and with two.

    python tests/numeric/run.py [WORDS FOR PYTEST]

numpy and scipy each carry a copy of OpenBLAS with kernels for several generations of processors, and take the one that
fits. ``OPENBLAS_CORETYPE`` names another. Kernels sum in different orders, so a test that passes with all of them does
not depend on the order of a sum. What this processor cannot run is skipped by name. Exit status: 0 when everything that
ran has passed, else 1.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "numeric and not simulation and not slow and not models"
HANGS = 600
"""Seconds after which one run hangs."""
PROBE = """
import json, os
import numpy
import scipy.linalg
from threadpoolctl import threadpool_info
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
found = [item for item in threadpool_info() if item["internal_api"] == "openblas"]
print(json.dumps({
    "features": [name for name, there in __cpu_features__.items() if there],
    "dispatched": list(__cpu_dispatch__),
    "kernels": sorted({item["architecture"] for item in found}),
    "libraries": len(found),
    "threads": sorted({item["num_threads"] for item in found}),
    "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
}))
"""


@dataclass(frozen=True)
class Kernel:
    """One generation of kernels. ``needs``: processor features as numpy names them; ``reported``: what OpenBLAS may
    call it; ``plain``: numpy's own loops are held to the processor's baseline too, as on such a machine."""

    name: str
    needs: tuple[str, ...]
    reported: tuple[str, ...]
    plain: bool = False


AVX512 = ("AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL")
KERNELS = (
    Kernel("Prescott", ("SSE3",), ("Prescott", "Katmai"), plain=True),
    Kernel("Nehalem", ("SSE42",), ("Nehalem",), plain=True),
    Kernel("Sandybridge", ("AVX",), ("Sandybridge",), plain=True),
    Kernel("Haswell", ("AVX2", "FMA3"), ("Haswell",)),
    Kernel("Zen", ("AVX2", "FMA3"), ("Zen",)),
    Kernel("SkylakeX", AVX512, ("SkylakeX",)),
    Kernel("Cooperlake", (*AVX512, "AVX512BF16"), ("Cooperlake",)),
    Kernel("SapphireRapids", (*AVX512, "AVX512BF16", "AVX512FP16"), ("SapphireRapids",)),
    Kernel("ARMV8", ("ASIMD",), ("armv8",)),
    Kernel("NEOVERSEN1", ("ASIMD", "ASIMDDP"), ("neoversen1",)),
)
THREADS = (1, 2)


@dataclass(frozen=True)
class Outcome:
    """What came of one run. ``said``: the last line of pytest, or why it was skipped."""

    name: str
    said: str
    ran: bool = False
    failed: bool = False
    output: str = ""


def variables(kernel: Kernel | None, threads: int, own: Mapping[str, object] | None = None) -> dict[str, str]:
    """Environment of a run; without a kernel, the one that the library takes by itself. ``own``: see ``why_not``."""
    found = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    found.pop("OPENBLAS_CORETYPE", None)
    if kernel is not None:
        found["OPENBLAS_CORETYPE"] = kernel.name
        if kernel.plain and own is not None:
            present = [name for name in _names(own["dispatched"]) if name in _names(own["features"])]
            found["NPY_DISABLE_CPU_FEATURES"] = " ".join(present)
    return found


def probe(environment: Mapping[str, str]) -> dict[str, object]:
    """What numpy and scipy use in this environment."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=dict(environment), capture_output=True, text=True, check=True, timeout=HANGS
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def why_not(kernel: Kernel, threads: int, own: Mapping[str, object], ask: Callable[[], Mapping[str, object]]) -> str:
    """Why a run is skipped, empty when it is not. ``own``: what is used when nothing is named; ``ask`` probes the run's
    environment, which is done only where the processor has what the kernel needs.

    Raises:
        RuntimeError: the kernel or the threads that were named are not the ones that are used.
    """
    missing = [name for name in kernel.needs if name not in _names(own["features"])]
    if missing:
        return f"this processor has no {missing[0]}"
    if threads > int(str(own["processors"])):
        return f"this machine has {own['processors']} processor"
    if not own["libraries"]:
        return "numpy and scipy use no OpenBLAS here"
    used = ask()
    kernels = {name.casefold() for name in _names(used["kernels"])}
    if not kernels <= {name.casefold() for name in kernel.reported}:
        if kernels == {name.casefold() for name in _names(own["kernels"])}:
            return f"these libraries have no such kernels and take {', '.join(sorted(kernels))}"
        raise RuntimeError(f"OPENBLAS_CORETYPE={kernel.name}: {', '.join(sorted(kernels))} is used instead.")
    if used["threads"] != [threads]:
        raise RuntimeError(f"OPENBLAS_NUM_THREADS={threads}: {used['threads']} threads are used instead.")
    return ""


def _names(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def marked() -> list[str]:
    """Words for pytest: the files that hold a marked test, so that the others are not even imported."""
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.numeric" in path.read_text("utf-8")]
    return ["-m", MARK, *(str(path.relative_to(ROOT)) for path in files)]


def run(kernel: Kernel, threads: int, own: Mapping[str, object], words: Sequence[str]) -> Outcome:
    """Run the tests with a kernel, or say why they are skipped."""
    name = f"{kernel.name}, {threads} thread{'s' * (threads > 1)}"
    environment = variables(kernel, threads, own)
    skipped = why_not(kernel, threads, own, functools.partial(probe, environment))
    if skipped:
        return Outcome(name, f"skipped, {skipped}")
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANGS, check=False
    )
    last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
    said = f"{last}, {time.monotonic() - began:.0f} s with the start"
    return Outcome(name, said, True, bool(done.returncode), done.stdout + done.stderr)


def main(words: Sequence[str]) -> int:
    """Run all, print a line each, give the exit status."""
    own = probe(variables(None, 1))
    chosen = list(words) or marked()
    pairs = [(kernel, threads) for kernel in KERNELS for threads in THREADS]
    with ThreadPoolExecutor(min(4, int(str(own["processors"])))) as pool:
        outcomes = list(pool.map(lambda pair: run(*pair, own, chosen), pairs))
    for outcome in outcomes:
        sys.stdout.write(f"{outcome.name}: {outcome.said}.\n")
    for outcome in outcomes:
        if outcome.failed:
            sys.stdout.write(f"\n{outcome.name}\n{outcome.output}\n")
    if not any(outcome.ran for outcome in outcomes):
        sys.stdout.write("No kernel could be run.\n")
        return 1
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
