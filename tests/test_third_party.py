"""A package outside the repository brings steps of its own: built and installed by pip, found by its entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-rag"
version = "1.0"

[project.entry-points."ragscout.steps"]
acme = "acme_rag"

[tool.setuptools]
py-modules = ["acme_rag"]
"""
MODULE = '''
"""Rerankers of Acme."""

from collections.abc import Sequence
from dataclasses import field

from ragscout.model.evalset import Question
from ragscout.model.outcome import Hit, Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks


@step("rerank", "acme.overlap", version=1)
class Overlap(Step):
    """Chunks that share more words with the question first."""

    depth: int = field(default=10, metadata={"help": "chunks kept", "ge": 1})

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking]:
        return [self.ranked(asked, chunk, ranking) for asked, ranking in zip(questions, fuse, strict=True)]

    def ranked(self, asked: Question, chunk: Chunks, ranking: Ranking) -> Ranking:
        words = set(asked.text.lower().split())
        shared = {hit.chunk: len(words & set(chunk.text[hit.chunk].lower().split())) for hit in ranking.hits}
        order = sorted(shared, key=lambda row: (-shared[row], row))[: self.depth]
        return Ranking(tuple(Hit(row, float(shared[row])) for row in order))


@step("rerank", "acme.declared", version=1)
class Declared(Overlap):
    """Loads a model and says so."""

    encoder: str = field(default="acme/absent-model", metadata={"help": "model", "model": ""})

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking]:
        runtime.models.folder(self.encoder)
        return await super().run(runtime, questions, chunk=chunk, fuse=fuse)


@step("rerank", "acme.silent", version=1)
class Silent(Overlap):
    """Loads a model and does not say so."""

    encoder: str = field(default="acme/absent-model", metadata={"help": "model"})

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking]:
        runtime.models.folder(self.encoder)
        return await super().run(runtime, questions, chunk=chunk, fuse=fuse)
'''
SWEEP = """
sweep: acme
eval_set: {root}/eval_sets/handbook-en
pipeline:
  chunk: {{use: characters, size: 300, overlap: 0}}
  retriever: bm25
  rerank: {rerank}
  generate: none
measure: {{retrieval: [recall@3]}}
search: grid
holdout: off
probe: off
"""
SCRIPT = """
import json, pathlib, sys
from ragscout.model.errors import RagscoutError
from ragscout.providers.assets import Resolver
from ragscout.sweep import Sweep

def told(path, mended=False):
    if mended:
        here = pathlib.Path(path).parent
        Resolver.folder = lambda self, model, revision="": here
    sweep = Sweep.load(path, str(pathlib.Path(path).with_suffix(".store")))
    found = {"absent": sweep.plan().absent}
    try:
        result = sweep.run()
    except RagscoutError as error:
        return {**found, "refused": [type(error).__name__, str(error)]}
    rows = [*result.board.rows, *result.board.retrieval]
    measured = {row.name: row.figures["recall@3"].mean for row in rows if "recall@3" in row.figures}
    failed = {row.name: row.failed for row in rows if row.failed}
    return {**found, "closed": result.closed, "open": result.open, "rows": measured, "failed": failed}

print(json.dumps([told(path, number == "mended") for path, number in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the package into."""
    folder = tmp_path_factory.mktemp("acme")
    source = folder / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (source / "acme_rag.py").write_text(MODULE, encoding="utf-8")
    target = folder / "site"
    words = ["install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (target / "acme_rag-1.0.dist-info" / "entry_points.txt").exists()
    return target


def told(installed: Path, *sweeps: tuple[Path, str]) -> list[dict[str, Any]]:
    """What sweeps say in a process that has the package."""
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), json.dumps([[str(file), how] for file, how in sweeps])],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def sweep(folder: Path, rerank: str) -> Path:
    path = folder / f"{rerank.strip('[]').replace(', ', '-').replace('.', '-')}.yaml"
    path.write_text(SWEEP.format(root=ROOT, rerank=rerank), encoding="utf-8")
    return path


def test_a_step_of_another_package_runs_in_a_sweep(installed: Path, tmp_path: Path) -> None:
    plain = sweep(tmp_path, "[none, acme.overlap]")
    declared, silent = sweep(tmp_path, "[none, acme.declared]"), sweep(tmp_path, "[none, acme.silent]")
    ran, refused, waits, mended = told(installed, (plain, ""), (declared, ""), (silent, ""), (silent, "mended"))
    assert ran["closed"] and not ran["failed"] and not ran["absent"]
    assert {"none", "acme.overlap"} <= set(ran["rows"])
    assert ran["rows"]["none"] != ran["rows"]["acme.overlap"], "the package's step was really run"

    # what is declared is said by the plan, and before anything is spent
    assert len(refused["absent"]) == 1 and "acme/absent-model" in refused["absent"][0]
    assert refused["refused"][0] == "AbsentError" and "not on this machine" in refused["refused"][1]

    # what is not declared is found out in mid-run: it keeps the row waiting, and is no failure of it
    assert waits["absent"] == [] and not waits["closed"] and not waits["failed"]
    assert any("acme/absent-model" in reason and "not on this machine" in reason for reason in waits["open"])
    assert mended["closed"] and not mended["failed"] and not mended["open"]
    assert mended["rows"]["acme.silent"] == ran["rows"]["acme.overlap"]
