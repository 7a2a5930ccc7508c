from __future__ import annotations

import asyncio
import gc
import threading
import time
import unicodedata
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from measured import Measured, configuration, hybrid, lexical, measured

from ragscout.engine.session import open_connections
from ragscout.model.cells import decode
from ragscout.model.errors import BundleError, ParameterError, RagscoutError, StepError
from ragscout.model.outcome import Failure
from ragscout.model.step import step
from ragscout.model.text import normalise
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.serve import Pipeline, Reply, verify
from ragscout.spec import Connection
from ragscout.store.store import Store

ASKED = "연차휴가는 최대 며칠까지 받을 수 있나요?"


def recorded(given: Measured) -> dict[str, str]:
    """Question text to the answer that the sweep's engine wrote into the store."""
    node = given.configuration.last
    cells = given.store.read_cells(node.key, [question.text_key for question in given.questions])
    found = {question.text: decode("generate", cells[question.text_key].data) for question in given.questions}
    return {text: answer.text for text, answer in found.items()}


@pytest.mark.parametrize("form", ["folder", "archive", "documents", "store"])
@pytest.mark.parametrize("language", ["korean", "english"])
def test_answers_are_those_that_were_measured(
    request: pytest.FixtureRequest, tmp_path: Path, form: str, language: str
) -> None:
    given: Measured = request.getfixturevalue(language)
    if form == "store":
        pipeline = Pipeline.of(given.configuration, store=given.store, opening=given.opening)
    else:
        path = tmp_path / ("b.bundle" if form == "folder" else "b.zip")
        pipeline = Pipeline.load(given.export(path, documents=form == "documents"))
    with pipeline:
        for text, answer in recorded(given).items():
            reply = pipeline.ask(text)
            assert reply.text == answer
            assert reply.failure == ""
            assert reply.language == ("ko" if language == "korean" else "en")


def test_reply_says_where_it_comes_from(korean: Measured, tmp_path: Path) -> None:
    documents = {path.name: path for path in (Path(__file__).parents[2] / "eval_sets/handbook-ko/documents").iterdir()}
    with Pipeline.load(korean.export(tmp_path / "b.zip")) as pipeline:
        reply = pipeline.ask(ASKED)
    assert len(reply.sources) == 3
    assert reply.sources[0].title == "휴가 및 휴직 규정"
    for source in reply.sources:
        text = normalise(documents[source.document].read_text(encoding="utf-8"))
        assert text[source.start : source.end] == source.text
        assert source.score is not None
    scores = [source.score for source in reply.sources if source.score is not None]
    assert scores == sorted(scores, reverse=True)
    assert list(reply.timings) == ["lexical", "fuse", "prompt", "generate"]
    assert 0 < sum(reply.timings.values()) <= reply.seconds
    assert reply.usage.calls == 0
    assert reply.finish == "stop"


def test_the_question_is_normalised(korean: Measured, tmp_path: Path) -> None:
    with Pipeline.load(korean.export(tmp_path / "b.zip")) as pipeline:
        typed = unicodedata.normalize("NFD", f"  {ASKED}\r\n")
        assert pipeline.ask(typed).question == ASKED
        assert pipeline.ask(typed).text == pipeline.ask(ASKED).text
        for empty in ("", " \n", "\x00"):
            with pytest.raises(ParameterError, match="there is nothing in it"):
                pipeline.ask(empty)


def test_many_threads_and_event_loops_ask_at_once(english: Measured, tmp_path: Path) -> None:
    expected = recorded(english)
    with Pipeline.load(english.export(tmp_path / "b.zip"), memo=False) as pipeline:
        found: list[Reply] = []
        threads = [
            threading.Thread(target=lambda text=text: found.append(pipeline.ask(text))) for text in [*expected] * 3
        ]
        for thread in threads:
            thread.start()

        async def together() -> list[Reply]:
            return await asyncio.gather(*(pipeline.aask(text) for text in expected))

        found += asyncio.run(together())
        found += asyncio.run(together())
        for thread in threads:
            thread.join()
    assert len(found) == 5 * len(expected)
    assert all(reply.text == expected[reply.question] for reply in found)


def test_an_index_built_from_documents_is_kept_in_a_store(english: Measured, tmp_path: Path) -> None:
    path = english.export(tmp_path / "b.zip", documents=True)
    store = Store.open(tmp_path / "mine")
    with Pipeline.load(path, store=store) as pipeline:
        first = pipeline.ask("How many days of leave do I get?")
    built = store.size().rows["node_values"]
    assert built == 5  # corpus, chunk, embed, index, lexicon
    with Pipeline.load(path, store=store) as pipeline:
        assert pipeline.ask("How many days of leave do I get?").text == first.text
    assert store.size().rows["node_values"] == built
    store.close()


def test_retrieval_alone_shows_its_passages(korean: Measured, tmp_path: Path) -> None:
    stages = {stage: item for stage, item in lexical().items() if stage not in ("prompt", "generate")}
    store = Store.open(tmp_path / "store")
    for file in korean.eval_set.files:
        store.blobs.put(korean.store.blobs.read(file.sha256))
    given = measured(store, korean.eval_set, stages, ask=2, metrics=(("recall", {"k": 3}),))
    with Pipeline.load(given.export(tmp_path / "b.zip")) as pipeline:
        reply = pipeline.ask(ASKED)
    assert reply.text == ""
    assert reply.failure == ""
    assert reply.sources[0].document == "ko-leave.md"


def test_a_failure_is_said_in_words(korean: Measured, tmp_path: Path) -> None:
    name = "mute-for-tests"

    @step("generate", name, version=1)
    class Mute(type(korean.configuration.steps["generate"])):  # type: ignore[misc]
        """Never answers."""

        async def run(self, runtime, questions, *, context=None, prompt):  # type: ignore[no-untyped-def]
            return [Failure("candidate", "empty", "The model gave an empty answer.") for _ in questions]

    other = configuration(korean.eval_set, lexical() | {"generate": (name, {})})
    with Pipeline.of(other, store=korean.store, opening=korean.opening) as pipeline:
        reply = pipeline.ask(ASKED)
    assert reply.text == ""
    assert reply.failure == "empty: The model gave an empty answer."
    assert len(reply.sources) == 3


def test_closing_twice_and_without_bundle(korean: Measured, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        Pipeline.load(tmp_path / "absent")
    pipeline = Pipeline.load(korean.export(tmp_path / "b.zip"))
    pipeline.close()
    pipeline.close()


def test_without_retrieval_the_question_goes_in_alone(korean: Measured, tmp_path: Path) -> None:
    stages = {"prompt": ("template", {}), "generate": ("extractive", {})}
    store = Store.open(tmp_path / "store")
    given = measured(store, korean.eval_set, stages, ask=2, metrics=(("recall", {"k": 3}), ("bleu", {})))
    for documents in (False, True):
        path = given.export(tmp_path / f"{documents}.zip", documents=documents)
        with Pipeline.load(path) as pipeline:
            reply = pipeline.ask(ASKED)
        assert reply.text == "문서에서 찾을 수 없습니다."
        assert reply.sources == ()
        assert set(verify(path).figures) == {"bleu"}


def test_nothing_is_left_behind(korean: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = korean.export(tmp_path / "b.zip", documents=True)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    before = threading.active_count()
    for _ in range(5):
        assert Pipeline.load(path).ask(ASKED).text
    gc.collect()
    deadline = time.monotonic() + 20
    while (any((tmp_path / "scratch").iterdir()) or threading.active_count() > before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list((tmp_path / "scratch").iterdir()) == []
    assert threading.active_count() <= before


def test_closing_ends_what_still_runs(korean: Measured) -> None:
    began = threading.Event()

    @step("generate", "slow-for-tests", version=1)
    class Slow(type(korean.configuration.steps["generate"])):  # type: ignore[misc]
        """Takes its time."""

        async def run(self, runtime, questions, *, context=None, prompt):  # type: ignore[no-untyped-def]
            began.set()
            await asyncio.sleep(60)

    other = configuration(korean.eval_set, lexical() | {"generate": ("slow-for-tests", {})})
    pipeline = Pipeline.of(other, store=korean.store, opening=korean.opening)
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            pipeline.ask(ASKED)
        except CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert began.wait(20)
    pipeline.close()
    thread.join(20)
    assert len(ended) == 1
    with pytest.raises(StepError, match="it is closed"):
        pipeline.ask(ASKED)


@pytest.mark.models
@pytest.mark.slow
def test_a_local_chat_model(english: Measured, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    models = Resolver()
    if models.missing(["smollm2-135m"]):
        pytest.skip("the model smollm2-135m is not on this machine")
    store = Store.open(tmp_path / "store")
    for file in english.eval_set.files:
        store.blobs.put(english.store.blobs.read(file.sha256))
    connection = Connection("small", "local", alias="smollm2-135m", revision=models.revision("smollm2-135m"))
    limits = open_connections([connection], NetworkPolicy.offline(), models)
    stages = lexical() | {
        "chunk": ("characters", {"size": 120, "overlap": 0}),
        "prompt": ("template", {"text": "{{ passages }}\n{{ question }}", "passages": 1}),
        "generate": ("chat", {"model": connection.identity_model(), "max_tokens": 6}),
    }
    given = measured(store, english.eval_set, stages, ask=1, models=models, limits=limits, connections=(connection,))
    with Pipeline.load(given.export(tmp_path / "b.zip")) as pipeline:
        reply = pipeline.ask(given.questions[0].text)
    assert reply.text == recorded(given)[given.questions[0].text]
    assert 0 < reply.usage.output_tokens <= 6
    assert reply.usage.calls == 1


@pytest.mark.models
def test_a_real_encoder(korean: Measured, english: Measured, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    models = Resolver()
    try:
        models.folder("minilm")
    except RagscoutError as error:
        pytest.skip(str(error))
    store = Store.open(tmp_path / "store")
    for file in english.eval_set.files:
        store.blobs.put(english.store.blobs.read(file.sha256))
    embed = ("sentence-transformers", {"model": "minilm", "revision": models.revision("minilm")})
    given = measured(store, english.eval_set, hybrid(embed), ask=3, models=models)
    path = given.export(tmp_path / "b.zip")
    with Pipeline.load(path) as pipeline:
        for text, answer in recorded(given).items():
            assert pipeline.ask(text).text == answer
