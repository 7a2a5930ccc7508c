from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from measured import METRICS, Measured, configuration, hybrid, lexical

from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError
from ragscout.model.metric import MeasureStep
from ragscout.model.step import make
from ragscout.serve.spec_file import as_spec
from ragscout.spec import Connection, metrics, parse, space

SMALL = Connection("small", "openai", "http://127.0.0.1:8000/v1", model="tiny", key_env="TINY_KEY")
CHAT = ("chat", {"model": SMALL.identity_model(), "max_tokens": 64, "stop": ["\n\n", "끝"]})
PROMPT = 'Answer: "short".\n\n  {{ passages }}\n질문: {{ question }}\n# no comment'


class NoRevisions:
    def revision(self, model: str) -> str:
        raise AssertionError(f"the revision of {model} is in the file")


def without(stages: dict[str, Any], *names: str) -> dict[str, Any]:
    return {stage: item for stage, item in stages.items() if stage not in names}


CASES = {
    "lexical": lexical(),
    "lexicon": lexical() | {"lexicon": ("bm25", {"k1": 1.2, "b": 0.5}), "lexical": ("bm25", {"depth": 50})},
    "dense": without(hybrid(), "lexicon", "lexical") | {"fuse": ("dense", {})},
    "rrf": hybrid() | {"fuse": ("rrf", {"k": 10})},
    "weighted": hybrid() | {"fuse": ("weighted", {"weight": 0.25})},
    "depths": hybrid() | {"dense": ("nearest", {"depth": 30}), "fuse": ("rrf", {"k": 10})},
    "fts": hybrid() | {"lexicon": ("lancedb-fts", {"stem": False})},
    "parents": lexical() | {"chunk": ("parent-child", {"size": 200}), "context": ("parents", {"limit": 4})},
    "chat": lexical() | {"generate": CHAT},
    "no retrieval": {"prompt": ("template", {"passages": 3}), "generate": CHAT},
    "markdown": lexical() | {"chunk": ("markdown", {"size": 700, "overlap": "15%"})},
    "own prompt": lexical() | {"prompt": ("template", {"text": PROMPT, "text_ko": f"{PROMPT}\n", "passages": 2})},
    "model": hybrid(("sentence-transformers", {"model": "org/encoder", "revision": "abc123"})),
    "judged": lexical(),
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_gives_the_same_configuration(case: str, korean: Measured, tmp_path: Path) -> None:
    chosen = configuration(korean.eval_set, CASES[case], name=f"{case} · 300")
    named = [*METRICS]
    if case == "judged":
        named += [("judge", {"model": SMALL.identity_model(), "criteria": ["correctness", {"tone": "정중한가?"}]})]
    measures = [item for name, values in named if isinstance(item := make("measure", name, values), MeasureStep)]
    text = as_spec(
        chosen,
        eval_set="handbook-ko@1",
        metrics=measures,
        goal="bleu",
        connections=[Connection("unused", "openai", model="x"), SMALL],
        network=("127.0.0.1",),
        seed=7,
        holdout=0.25,
    )
    spec = parse(text, "exported.yaml", tmp_path)
    closed = space(spec, chosen.source, NoRevisions())
    found: list[Configuration] = [item for item in closed.configurations if item.key == chosen.key]
    assert len(found) == 1
    assert dict(found[0].steps) == dict(chosen.steps)
    assert len(closed.grid) == 1
    assert {item.key({}) for item in metrics(spec, NoRevisions())} == {item.key({}) for item in measures}
    assert (spec.goal.metric, spec.seed, spec.holdout, spec.eval_set) == ("bleu", 7, 0.25, "handbook-ko@1")
    assert spec.sweep == f"handbook-ko-{case.replace(' ', '-')}-300"
    assert "unused" not in text
    assert text.startswith(f"# One configuration: {case} · 300\n# Its key: {chosen.key}\n")


def test_what_a_sweep_file_cannot_say(korean: Measured) -> None:
    chosen = configuration(korean.eval_set, lexical() | {"fuse": ("rrf", {})})
    with pytest.raises(SpecError, match=r"retriever: no name of a sweep file stands for these steps"):
        as_spec(chosen, eval_set="handbook-ko@1", metrics=korean.metrics, goal="bleu")
