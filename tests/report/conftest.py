"""One small real sweep for all tests of this folder: no model, no network."""

from pathlib import Path

import pytest

from ragscout.sweep import Sweep

ROOT = Path(__file__).parents[2]
TEXT = """
sweep: {name}
eval_set: {root}/eval_sets/handbook-{language}
pipeline:
  chunk: {{use: characters, size: [200, 400], overlap: [0, 15%]}}
  embed: hashing
  retriever: [bm25, dense]
  prompt: {{use: template, passages: [1, 3]}}
  generate: extractive
include:
  - {{name: today, reference: true, chunk: {{use: characters, size: 800, overlap: 0}}, retriever: bm25,
     prompt: {{use: template, passages: 1}}, generate: extractive}}
measure: {{retrieval: [recall@3], answer: [bleu, token_f1]}}
goal: {{maximize: token_f1, within: {{complexity: 6}}}}
search: grid
"""


def run(folder: Path, language: str) -> Path:
    path = folder / f"{language}.yaml"
    path.write_text(TEXT.format(root=ROOT, name=f"handbook-{language}", language=language), encoding="utf-8")
    Sweep.load(path, folder / "store").run()
    return path


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sweep file of a finished sweep; its store lies beside it."""
    return run(tmp_path_factory.mktemp("english"), "en")


@pytest.fixture(scope="session")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("korean"), "ko")


@pytest.fixture(scope="session")
def sweep(english: Path) -> Sweep:
    return Sweep.load(english, english.parent / "store")
