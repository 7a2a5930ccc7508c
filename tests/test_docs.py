"""Every code block and command of the README and of docs/ runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {"make", "pip"}
"""Commands that build environments: tried by the targets themselves, here only checked to exist."""
SERVES = ("ragscout mlflow",)
ABSENT = re.compile(r"the model is not on this machine; .* Run: ragscout models pull (\S+)")


def blocks(kind: str) -> list[tuple[Path, str]]:
    return [(page, text) for page in PAGES for found, text in BLOCK.findall(page.read_text("utf-8")) if found == kind]


def commands() -> list[str]:
    return [line for _, text in blocks("bash") for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader would have it: DOCS, QUESTIONS and the sweep file of the README."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "eval_sets" / "handbook-en" / "documents", folder / "DOCS")
    rows = "question,reference\nHow often do passwords have to be changed?,Every 180 days.\n"
    rows += "When are expenses paid that were uploaded by the 25th?,On the 10th of the following month.\n"
    (folder / "QUESTIONS.csv").write_text(rows, encoding="utf-8")
    shutil.copytree(ROOT / "eval_sets" / "handbook-en", folder / "eval_sets" / "handbook-en")
    return folder


@pytest.mark.timeout(900)  # a dozen commands, each a process of its own
def test_commands_of_the_readme_run_in_order(place: Path) -> None:
    environment = {**os.environ, "RAGSCOUT_STORE": str(place / "store")}
    binary = Path(sys.executable).parent / "ragscout"
    ran = 0
    for line in commands():
        words = shlex.split(line)
        if words[0] in ELSEWHERE or line.startswith(SERVES):
            continue
        assert words[0] == "ragscout", line
        words = ["QUESTIONS.csv" if word == "QUESTIONS" else word for word in words]
        done = subprocess.run(
            [str(binary), *words[1:]],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        absent = ABSENT.search(done.stderr)
        if absent and done.returncode == 2 and absent[1] in words:
            continue  # half a gigabyte that not every machine has: its reader is told what to run
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran >= 10


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {shlex.split(line)[1] for line in commands() if line.startswith("make ")}
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_blocks_run(place: Path, number: int) -> None:
    page, text = blocks("python")[number]
    if page.name == "README.md":
        (place / "sweep.yaml").write_text(blocks("yaml")[0][1], encoding="utf-8")
    environment = {**os.environ, "RAGSCOUT_STORE": str(place / "python-store")}
    shutil.rmtree(place / "best.bundle", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_words_of_the_command_line_are_documented() -> None:
    from ragscout.cli.main import app

    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    verbs = {str(command.name) for command in app.registered_commands}
    undocumented = {verb for verb in verbs if f"ragscout {verb}" not in text}
    assert undocumented <= set(), undocumented


def test_links_point_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
