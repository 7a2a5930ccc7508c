"""Whatever a file holds, the user meets one of our errors, on one line, with the file's name."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_common import SOURCE, Revisions

from ragscout.model.errors import RagscoutError
from ragscout.spec import dump, metrics, parse, space
from ragscout.spec.document import read

WHOLE: dict[str, Any] = {
    "sweep": "s",
    "eval_set": "e@1",
    "models": {
        "a": {
            "provider": "openai",
            "model": "m",
            "base_url": "https://h.invalid/v1",
            "key_env": "K",
            "price": {"input": 1, "output": 2, "per": "1M"},
            "limits": {"rpm": 3},
            "context": 5,
        }
    },
    "pipeline": {
        "chunk": {"use": "characters", "size": [100, 200], "overlap": [0, "10%"]},
        "embed": ["minilm", {"use": "static", "model": "wordllama"}],
        "retriever": ["bm25", {"use": "hybrid", "fusion": ["rrf", "weighted"], "k": 60, "weight": 0.3}],
        "prompt": {"use": "template", "passages": [3, 5]},
        "generate": ["extractive", {"use": "chat", "model": "a", "temperature": 0}],
    },
    "include": [{"name": "today", "reference": True, "chunk": {"size": 300}, "retriever": "bm25"}],
    "measure": {
        "retrieval": ["recall@5"],
        "answer": ["bleu", {"use": "judge", "model": "a", "criteria": ["correctness"]}],
    },
    "goal": {"maximize": "judge.correctness", "within": {"usd_per_1k": 1}},
    "search": {"use": "gp", "minimum": 3},
    "budget": {"answers": 10},
    "network": ["h.invalid"],
    "holdout": 0.2,
    "seed": 1,
}

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["bm25", "dense", "none", "a", "rrf", "10%", "recall@5", "연차", "offline", "use"]),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["use", "model", "k", "x", "file"]), inner)
    ),
    max_leaves=5,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


def outcome(text: str) -> str | None:
    try:
        spec = parse(text, "f.yaml")
        space(spec, SOURCE, Revisions(), limit=200)
        metrics(spec, Revisions())
        assert parse(dump(spec), "again.yaml") == spec
    except RagscoutError as error:
        return str(error)
    return None


def test_the_whole_file_is_fine() -> None:
    assert outcome(json.dumps(WHOLE)) is None


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(places(WHOLE)[1:]), VALUES)
def test_any_value_anywhere(place: tuple[Any, ...], value: Any) -> None:
    data = copy.deepcopy(WHOLE)
    inner: Any = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    message = outcome(json.dumps(data))
    assert message is None or ("f.yaml" in message and "\n" not in message), message


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>%@`'\"# \n\t,?0.", max_size=40))
def test_any_text(text: str) -> None:
    try:
        read(text, "f.yaml")
    except RagscoutError as error:
        assert "f.yaml" in str(error)
