"""Guards of the architecture that no single module owns."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import ragscout
from ragscout.model import errors, stages

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "mlflow", "optuna", "transformers", "lancedb", "ragas", "datasets", "pandas", "sentence_transformers")


def test_platform_is_a_source_root_not_a_package() -> None:
    assert not list((ROOT / "platform").glob("*.py")), "a .py file here would shadow the standard library's platform"
    assert platform.__file__ is not None
    assert Path(platform.__file__).parent == Path(os.__file__).parent


@pytest.mark.parametrize("code", ["import ragscout", "from ragscout.cli.main import app; app(['--help'])"])
def test_importing_and_helping_load_nothing_heavy(code: str) -> None:
    script = (
        f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_public_names_are_sorted_and_there() -> None:
    assert ragscout.__all__ == sorted(ragscout.__all__)
    for name in ragscout.__all__:
        assert getattr(ragscout, name) is not None
    with pytest.raises(AttributeError):
        ragscout.__getattr__("Nothing")


def test_every_stage_has_a_step() -> None:
    from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.model.step import registered_stages

    kept = {name for name, stage in stages.STAGES.items() if stage.place in ("root", "frozen", "reserved")}
    assert set(registered_stages()) == set(stages.STAGES) - kept


def test_every_error_has_the_one_root() -> None:
    kinds = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert len(kinds) == 15
    assert all(issubclass(item, errors.RagscoutError) for item in kinds)


def test_files_speak_of_the_project_alone() -> None:
    """No absolute path of a home or work folder, no registry host, in any tracked text file."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    if not any(files):
        pytest.skip("not a git checkout")
    forbidden = ("/" + "work/", "/" + "root/", "pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js")
    found = []
    for name in files:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".cfg", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{name}: {word}" for word in forbidden if word in text]
    assert found == []
