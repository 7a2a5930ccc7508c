from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ragscout.spec import schema
from ragscout.spec.document import read

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "experiments").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_our_own_sweeps_are_valid(validator: Any, path: Path) -> None:
    data = read(path.read_text(encoding="utf-8"), path.name).data
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize(
    "text",
    [
        "sweep: s\neval_set: e",
        "sweep: s\neval_set: e\npipeline: {chunks: x}",
        "sweep: s\neval_set: e\npipeline: {chunk: {use: characters, siez: 3}}",
        "sweep: s\neval_set: e\npipeline: {chunk: {use: characters, size: many}}",
        "sweep: s\neval_set: e\npipeline: {chunk: {use: characters, size: []}}",
        "sweep: s\neval_set: e\npipeline: {}\nbudget: {answers: -1}",
        "sweep: s\neval_set: e\npipeline: {}\nmodels: {a: {provider: openai, api_key: x}}",
    ],
)
def test_mistakes_are_invalid(validator: Any, text: str) -> None:
    assert list(validator.iter_errors(read(text, "s").data))


def test_every_registered_step_is_described() -> None:
    titles: set[str] = set()

    def walk(item: Any) -> None:
        if isinstance(item, dict):
            if isinstance(item.get("title"), str):
                titles.add(item["title"])
            for value in item.values():
                walk(value)
        elif isinstance(item, list):
            for value in item:
                walk(value)

    walk(schema())
    assert {"characters", "tokens", "bm25", "hybrid", "dense", "judge", "recall", "template", "chat"} <= titles
