from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spec_common import HEAD, SOURCE, Revisions

from ragscout.model.config import Configuration
from ragscout.model.errors import ParameterError, SpaceTooLargeError, SpecError
from ragscout.model.runtime import ChatModel
from ragscout.spec import Space, ineffective, metrics, parse, space, space_hash

FULL = """
sweep: full
eval_set: e@1
models:
  small: {provider: openai, base_url: "https://a.invalid/v1", model: m-small, key_env: K}
  large: {provider: openai, base_url: "https://a.invalid/v1", model: m-large, key_env: K}
pipeline:
  chunk: {use: characters, size: [512, 1024, 2048], overlap: [0, 10%]}
  embed: [minilm, {use: static, model: wordllama}]
  retriever: [bm25, dense, {use: hybrid, fusion: rrf, k: 60}]
  prompt: {use: template, passages: [3, 5]}
  generate: {use: chat, model: [small, large], temperature: 0}
"""


def make(text: str, base: Path | None = None, **options: Any) -> Space:
    return space(parse(text, "s.yaml", base), SOURCE, Revisions(), **options)


def of(text: str) -> Space:
    return make(HEAD + text)


def by_role(found: Space, role: str) -> list[Configuration]:
    return [item for item in found.configurations if role in item.roles]


def test_the_grid() -> None:
    found = make(FULL)
    # 6 chunkings x (bm25 + 2 embedders x 2 retrievers) x 2 prompts x 2 models, plus the model without retrieval
    assert len(found.configurations) == 6 * 5 * 2 * 2 + 1
    assert len({item.key for item in found.configurations}) == len(found.configurations)
    assert list(found.knobs.items()) == [
        ("chunk.size", ("512", "1024", "2048")),
        ("chunk.overlap", ("0", "10%")),
        ("embed", ("minilm", "wordllama")),
        ("retriever", ("bm25", "dense", "hybrid")),
        ("prompt.passages", ("3", "5")),
        ("generate", ("small", "large")),
    ]
    assert found.configurations[0].knobs == {
        "chunk.size": "512",
        "chunk.overlap": "0",
        "retriever": "bm25",
        "prompt.passages": "3",
        "generate": "small",
    }
    assert found.configurations[0].label() == "512 · 0 · bm25 · 3 · small"
    alone = replace(found.configurations[0], knobs={})
    assert alone.label().startswith("characters(size=512") and alone.key[:6] not in alone.label()


def test_a_lexical_configuration_has_no_embedder() -> None:
    for item in make(FULL).configurations:
        dense = item.knobs.get("retriever") in ("dense", "hybrid")
        assert ("embed" in item.steps) == ("index" in item.steps) == ("embed" in item.knobs) == dense
        if dense:
            assert {"dense", "fuse"} <= set(item.steps)
        assert (
            ("lexicon" in item.steps)
            == ("lexical" in item.steps)
            == (item.retrieves and item.knobs["retriever"] != "dense")
        )


def test_models_are_connections_and_revisions_are_filled_in() -> None:
    found = make(FULL)
    assert found.configurations[0].steps["generate"].model == ChatModel("openai", "m-small")  # type: ignore[attr-defined]
    embedders = {item.steps["embed"] for item in found.configurations if "embed" in item.steps}
    assert {item.revision for item in embedders} == {"revision of minilm", "revision of wordllama"}  # type: ignore[attr-defined]


def test_equal_steps_are_one_configuration() -> None:
    found = of("pipeline: {chunk: {use: characters, size: [100, 100.0, '100']}, retriever: [bm25, bm25]}")
    assert found.combinations == 6
    assert len(found.configurations) == 1
    assert found.knobs == {}


def test_defaults_and_what_is_said_of_them() -> None:
    text = HEAD + "pipeline: {}"
    (only,) = make(text).configurations
    assert {stage: step.name for stage, step in only.steps.items()} == {
        "corpus": "parse",
        "chunk": "characters",
        "lexicon": "bm25",
        "lexical": "bm25",
        "fuse": "lexical",
        "prompt": "template",
        "generate": "extractive",
    }
    assert (only.steps["chunk"].size, only.steps["chunk"].overlap) == (1000, "10%")  # type: ignore[attr-defined]
    assert only.roles == ("baseline",)
    notes = parse(text, "s.yaml").notes
    assert notes[:4] == (
        "pipeline.chunk is not given: characters (size: 1000, overlap: 10%).",
        "pipeline.retriever is not given: bm25.",
        "pipeline.prompt is not given: template (passages: 3).",
        "pipeline.generate is not given: extractive.",
    )
    assert "pipeline.embed is not given: use-multilingual." in parse(HEAD + "pipeline: {retriever: dense}", "s").notes


def test_fusions_and_routed_parameters() -> None:
    found = of(
        "pipeline: {embed: minilm, retriever: {use: hybrid, fusion: [rrf, weighted], k: [30, 60], weight: [0.3, 0.7], "
        "depth: 50}}"
    )
    fused = [item.steps["fuse"].label() for item in found.grid]
    assert fused == [
        "rrf(depth=50, k=30)",
        "rrf(depth=50)",
        "weighted(depth=50, weight=0.3)",
        "weighted(depth=50, weight=0.7)",
    ]
    assert {item.steps["lexical"].depth for item in found.grid} == {50}  # type: ignore[attr-defined]
    assert {item.steps["dense"].depth for item in found.grid} == {50}  # type: ignore[attr-defined]
    assert found.knobs["retriever.fusion"] == ("rrf", "weighted")
    assert found.grid[0].knobs == {"retriever.fusion": "rrf", "retriever.k": "30"}


def test_two_chunkers_and_use_as_a_list() -> None:
    found = of("pipeline: {chunk: [{use: [characters, sentences], size: [200, 400]}, {use: tokens, size: 64}]}")
    assert found.knobs == {"chunk": ("characters", "sentences", "tokens"), "chunk.size": ("200", "400", "64")}
    assert len(found.configurations) == 5


def test_equal_labels_get_the_steps_name() -> None:
    found = of(
        "pipeline: {retriever: dense, embed: [{use: static, model: x/y}, {use: sentence-transformers, model: x/y}]}"
    )
    assert found.knobs["embed"] == ("static:x/y", "sentence-transformers:x/y")


def test_a_field_that_is_a_list_is_no_axis() -> None:
    text = "pipeline: {}\nmeasure: {answer: [{use: bertscore, model: a/b, num_layers: 9, languages: [en, ko]}]}"
    metric = metrics(parse(HEAD + text, "s"), Revisions())[-1]
    assert metric.languages == ("en", "ko")  # type: ignore[attr-defined]


def test_baselines() -> None:
    found = make(FULL)
    assert [(item.name, item.retrieves, item.roles) for item in by_role(found, "baseline")] == [
        ("", True, ("baseline",)),
        ("no retrieval", False, ("baseline",)),
    ]
    assert list(by_role(found, "baseline")[1].steps) == ["prompt", "generate"]
    dense = of("pipeline: {retriever: dense, embed: minilm, generate: extractive}")
    assert [item.label() for item in by_role(dense, "baseline")] == ["bm25 only"]
    assert len(dense.configurations) == 2
    assert len(dense.grid) == 1


def test_included_rows() -> None:
    found = make(
        FULL
        + """
include:
  - {name: today, reference: true, chunk: {size: 1000}, retriever: bm25, generate: {use: chat, model: large}}
  - {name: already there, chunk: {size: 512, overlap: 0}, retriever: bm25, prompt: {passages: 3}, generate: small}
"""
    )
    assert len(found.configurations) == 6 * 5 * 2 * 2 + 2
    (today,) = by_role(found, "reference")
    assert (today.name, today.roles) == ("today", ("include", "reference"))
    assert today.knobs["chunk.size"] == "1000"
    there = found.configurations[0]
    assert (there.name, there.roles) == ("already there", ("baseline", "include"))


def test_prompt_files_are_read_into_the_step(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "ko.md").write_text(
        "\ufeff질문: {{ question }} {% for passage in passages %}{{ passage.text }}{% endfor %}\r\n", encoding="utf-8"
    )
    (tmp_path / "p" / "en.md").write_text(
        "Q: {{ question }} {% for passage in passages %}{{ passage.text }}{% endfor %}", encoding="utf-8"
    )
    text = HEAD + "pipeline: {prompt: {use: template, file: [p/ko.md, p/en.md]}}"
    found = make(text, tmp_path)
    assert found.knobs == {"prompt.file": ("ko.md", "en.md")}
    assert (
        found.configurations[0].steps["prompt"].text
        == "질문: {{ question }} {% for passage in passages %}{{ passage.text }}{% endfor %}\n"
    )  # type: ignore[attr-defined]
    before = found.configurations[1].key
    (tmp_path / "p" / "en.md").write_text(
        "Question: {{ question }} {% for passage in passages %}{{ passage.text }}{% endfor %}", encoding="utf-8"
    )
    assert make(text, tmp_path).configurations[1].key != before


def test_short_forms() -> None:
    found = make(
        FULL.replace(
            "generate: {use: chat, model: [small, large], temperature: 0}", "generate: [small, large, extractive]"
        )
        .replace("embed: [minilm, {use: static, model: wordllama}]", "embed: [MiniLM, org/name, wordllama]")
        .replace("use: characters, ", "")
    )
    assert found.knobs["embed"] == ("minilm", "org/name", "wordllama")
    assert found.knobs["generate"] == ("small", "large", "extractive")


def test_usual_spellings_are_accepted_and_shown_back() -> None:
    spec = parse(HEAD + "pipeline: {retriever: BM25, embed: Sentence_Transformers, chunk: {use: Characters}}", "s")
    assert spec.pipeline["retriever"][0].use == "bm25"
    assert spec.pipeline["embed"][0].use == "sentence-transformers"
    assert spec.pipeline["chunk"][0].use == "characters"


def test_nothing_is_generated() -> None:
    found = of("pipeline: {chunk: {size: [200, 400]}, generate: none}")
    assert len(found.configurations) == 2
    for item in found.configurations:
        assert not item.generates
        assert "prompt" not in item.steps
        assert item.key == item.nodes["fuse"].key


def test_the_hash_of_a_space() -> None:
    one, same = make(FULL), make(FULL.replace("[512, 1024, 2048]", "[512.0, 1024, '2048']"))
    assert space_hash(one) == space_hash(same)
    assert space_hash(one) != space_hash(make(FULL.replace("2048", "2049")))
    assert space_hash(one) == space_hash(make(FULL.replace("a.invalid", "b.invalid")))


def test_too_large_a_grid_is_refused_before_it_is_made() -> None:
    sizes = ", ".join(str(number) for number in range(100, 1100))
    text = (
        HEAD
        + f"pipeline:\n  chunk: {{size: [{sizes}]}}\n  retriever: {{use: hybrid, k: [{sizes}], weight: [{sizes}]}}\n"
    )
    with pytest.raises(SpaceTooLargeError) as caught:
        make(text)
    assert str(caught.value) == (
        "s.yaml:3:1: pipeline: the grid is too large; got 1,000,000,000 configurations, at most 20,000 are allowed. "
        "Remove alternatives where there are most: retriever (1000000), chunk (1000), corpus (1)."
    )
    assert len(make(FULL, limit=144).configurations) == 121


def test_overlap_not_below_size() -> None:
    with pytest.raises(
        ParameterError, match=r"^s.yaml:4:3: pipeline.chunk: overlap must be smaller than size; got overlap 200"
    ):
        of("pipeline:\n  chunk: {size: [100, 1000], overlap: [0, 200]}")


def test_an_included_row_is_one_configuration() -> None:
    with pytest.raises(
        SpecError, match=r"s.yaml:4:29: include\[0\].chunk: an included row is one configuration; got 2"
    ):
        of("pipeline: {}\ninclude: [{name: x,         chunk: {size: [100, 200]}}]")


@pytest.mark.parametrize(
    ("pipeline", "notes"),
    [
        ("chunk: {use: characters, size: 200}\n  context: parents", ["parents"]),
        ("chunk: {use: parent-child, size: 200}\n  context: [as-retrieved, parents]", []),
        ("chunk: [{use: characters, size: 200}, {use: parent-child, size: 200}]\n  context: parents", []),
        ("chunk: {use: characters, size: 200}\n  rerank: none", []),
    ],
)
def test_a_step_that_changes_nothing_is_said(pipeline: str, notes: list[str]) -> None:
    spec = parse(f"sweep: s\neval_set: e\npipeline:\n  {pipeline}\n  retriever: bm25\n", "s.yaml")
    said = ineffective(spec, space(spec, SOURCE, Revisions()))
    assert [note.split()[1] for note in said] == notes
