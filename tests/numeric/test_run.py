"""The runner of the numeric tests: what it skips, what it checks, what it counts."""

from pathlib import Path

import pytest

import run
from run import KERNELS, Kernel, probe, variables, why_not

OWN = {
    "features": ["SSE3", "SSE42", "AVX", "AVX2", "FMA3"],
    "dispatched": ["X86_V3"],
    "kernels": ["Haswell"],
    "libraries": 2,
    "threads": [1],
    "processors": 2,
}
HASWELL = Kernel("Haswell", ("AVX2", "FMA3"), ("Haswell",))


def test_what_cannot_run_is_skipped_by_name() -> None:
    new = Kernel("SkylakeX", ("AVX512F", "AVX512BW"), ("SkylakeX",))
    assert why_not(new, 1, OWN, dict) == "this processor has no AVX512F"
    assert why_not(HASWELL, 2, {**OWN, "processors": 1}, dict) == "this machine has 1 processor"
    assert why_not(HASWELL, 1, {**OWN, "libraries": 0}, dict) == "numpy and scipy use no OpenBLAS here"
    absent = Kernel("Zen", ("AVX2",), ("Zen",))
    assert why_not(absent, 1, OWN, lambda: OWN) == "these libraries have no such kernels and take haswell"


def test_a_variable_without_effect_is_an_error_not_a_pass() -> None:
    old = Kernel("Nehalem", ("SSE42",), ("Nehalem",))
    assert why_not(old, 1, OWN, lambda: {**OWN, "kernels": ["Nehalem"]}) == ""
    with pytest.raises(RuntimeError, match="OPENBLAS_CORETYPE=Nehalem: sandybridge is used"):
        why_not(old, 1, OWN, lambda: {**OWN, "kernels": ["Sandybridge"]})
    with pytest.raises(RuntimeError, match="OPENBLAS_NUM_THREADS=2"):
        why_not(HASWELL, 2, OWN, lambda: {**OWN, "threads": [1]})


def test_the_variables_take_effect_in_numpy_and_scipy() -> None:
    own = probe(variables(None, 1))
    oldest = next(kernel for kernel in KERNELS if set(kernel.needs) <= set(own["features"]))  # type: ignore[call-overload]
    used = probe(variables(oldest, 1, own))
    assert {name.casefold() for name in used["kernels"]} <= {name.casefold() for name in oldest.reported}  # type: ignore[attr-defined]
    assert used["threads"] == [1] and used["libraries"] == own["libraries"]


def test_a_failing_test_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = probe(variables(None, 1))
    oldest = next(kernel for kernel in KERNELS if set(kernel.needs) <= set(own["features"]))  # type: ignore[call-overload]
    monkeypatch.setattr(run, "KERNELS", (oldest, Kernel("Later", ("LATER",), ("Later",))))
    path = tmp_path / "test_sums.py"
    path.write_text(f"import os\ndef test_sums():\n    assert os.environ['OPENBLAS_CORETYPE'] == '{oldest.name}'\n")
    monkeypatch.setattr(run, "THREADS", (1,))
    assert run.main([str(tmp_path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{oldest.name}, 1 thread: 1 passed")
    assert shown[1] == "Later, 1 thread: skipped, this processor has no LATER."
    path.write_text("def test_sums():\n    assert sum([0.1, 0.2]) == 0.3\n")
    assert run.main([str(tmp_path)]) == 1
    assert "0.30000000000000004" in capsys.readouterr().out
