"""ragas over our runtime: the same numbers as ragas called directly, and a reason wherever there is no number."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ragas_brain
from measure_fakes import Runtime, run, sent

from ragscout.engine.connection_limit import ConnectionLimit, identity
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.errors import MissingExtraError, ParameterError
from ragscout.model.evalset import Question
from ragscout.model.key import digest
from ragscout.model.outcome import Answer, Failure, Message, Prompt, Score, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply
from ragscout.model.step import make
from ragscout.model.values import Chunks, Passages
from ragscout.providers.network import NetworkPolicy
from ragscout.providers.openai_compatible import OpenAIClient
from ragscout.spec.connection import Connection
from ragscout.steps.measure.encoder import sentence_encoder
from ragscout.steps.measure.outside import ragas_boundary as boundary
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store
from ragscout.testing.chat import vectors
from ragscout.testing.fake_server import FakeServer
from ragscout.testing.measure import MetricKit

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ragas") is None, reason="needs the extra ragas")

KOREAN_PROMPTS = "6af23c6854565608e76d1ee4e5081fb0a06446f4aa6d423f9596494cf86657ff"
MODEL = ChatModel("openai", "judge", "")
METRICS = tuple(boundary.FIELDS)
CASES = {
    "en": (
        Question(
            "e",
            "How many days of annual leave do I get?",
            ("Employees get 15 days of annual leave in the first year. Two days are added later.",),
        ),
        "Employees get 15 days of annual leave. Unused leave is paid out in gold.",
        (
            "Full-time employees get 15 days of annual leave in the first year of service.",
            "Unused leave is never paid out, in gold or otherwise, says the office manual.",
            "Core hours are 10:00 to 16:00.",
        ),
    ),
    "ko": (
        Question(
            "k",
            "연차휴가는 며칠인가요?",
            ("직원은 첫해에 연차휴가 15일을 받습니다. 이후 2년마다 1일이 늘어납니다.",),
        ),
        "직원은 연차휴가 15일을 받습니다. 남은 휴가는 금으로 바꿔 줍니다.",
        (
            "정규직 직원은 첫해에 연차휴가 15일을 받습니다.",
            "남은 휴가는 금으로 바꿔 줍니다 라고 쓰인 안내는 잘못된 것입니다.",
            "핵심 근무 시간은 10시부터 16시까지입니다.",
        ),
    ),
}


def metric(name, **parameters):
    return make("measure", "ragas", {"metric": name, "model": MODEL, **parameters})


@pytest.fixture(autouse=True)
def hashed_vectors(monkeypatch):
    """The encoder of the fakes instead of the packaged one: the same vectors on both sides of a comparison."""
    monkeypatch.setattr(sentence_encoder, "_encode", lambda runtime, model, revision, texts: vectors(texts))
    monkeypatch.setattr(sentence_encoder, "missing", lambda *_: None)
    monkeypatch.setattr("ragscout.steps.measure.outside.ragas_metrics.missing", lambda *_: None)


def score(step, runtime, question, answer, passages=("A passage.",)):
    chunks = Chunks(("d",) * len(passages), (0,) * len(passages), tuple(map(len, passages)), tuple(passages))
    context = [Passages.of(chunks, range(len(passages)))]
    prompt = Prompt((Message("user", "?"),), tuple(range(len(passages))))
    answer = answer if isinstance(answer, Failure) else Answer(answer)
    found = run(
        step,
        runtime,
        [question],
        context=context,
        prompt=[prompt],
        generate=[answer],
    )[0]
    return found if isinstance(found, Unfilled) else next(iter(found.values()))


def brain(request):
    return ragas_brain.reply(request.messages[-1].content)


def served(server, tmp_path, **limits):
    connection = Connection(name="judge", provider="openai", base_url=server.base_url, model="judge")
    client = OpenAIClient(connection, NetworkPolicy.hosts(frozenset({"127.0.0.1"})))
    limit = ConnectionLimit(client, lambda usage: 0.001, lambda request: 0.001)
    return EngineRuntime(Store.open(tmp_path / "store"), "s", None, {identity(MODEL): limit}, SpendLimits(**limits))


def by_engine(step, runtime, question, answer, passages):
    async def ask():
        chunks = Chunks(("d",) * len(passages), (0,) * len(passages), tuple(map(len, passages)), tuple(passages))
        context = [Passages.of(chunks, range(len(passages)))]
        prompt = Prompt((Message("user", "?"),), tuple(range(len(passages))))
        try:
            return await step.run(
                runtime,
                [question],
                context=context,
                prompt=[prompt],
                generate=[Answer(answer)],
            )
        finally:
            await runtime.close()

    return asyncio.run(ask())[0]


def directly(name, server, question, answer, passages):
    """ragas itself with openai's client and instructor, English prompts, the same vectors."""
    from openai import AsyncOpenAI
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.llms import llm_factory
    from ragas.metrics import collections

    class Vectors(BaseRagasEmbedding):
        def embed_text(self, text, **_):
            return vectors([text])[0].tolist()

        async def aembed_text(self, text, **_):
            return vectors([text])[0].tolist()

    async def ask():
        client = AsyncOpenAI(base_url=server.base_url, api_key="none")
        given = {}
        if boundary.PROMPTS[name]:
            given["llm"] = llm_factory("judge", client=client, temperature=0, max_tokens=4096)
        if name in ("answer_relevancy", "answer_correctness", "semantic_similarity"):
            given["embeddings"] = Vectors()
        made = getattr(collections, boundary._CLASSES[name])(**given)
        values = {"user_input": question.text, "response": answer, "reference": question.references[0]}
        values["retrieved_contexts"] = list(passages)
        try:
            return (await made.ascore(**{key: values[key] for key in boundary.FIELDS[name]})).value
        finally:
            await client.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", METRICS)
def test_the_same_number_as_ragas_called_directly(name, lang, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGAS_DO_NOT_TRACK", "true")
    question, answer, passages = CASES[lang]
    with FakeServer() as server:
        server.script = lambda body: ragas_brain.reply(ragas_brain.prompt_of(body))
        found = by_engine(metric(name), served(server, tmp_path), question, answer, passages)
        mine = server.stats.bodies.copy()
        wanted = directly(name, server, question, answer, passages)
    value = found[f"ragas.{name}"].value
    assert value == pytest.approx(max(0.0, wanted), abs=1e-6)
    prompts = [ragas_brain.prompt_of(body) for body in mine]
    assert all(("다음 입력" in prompt) == (lang == "ko") for prompt in prompts)
    if lang == "en":
        theirs = {ragas_brain.prompt_of(body) for body in server.stats.bodies[len(mine) :]}
        assert set(prompts) == theirs, "English prompts are ragas' own"


def test_the_numbers_are_not_all_alike():
    """The agreement would say nothing if the scripted judge gave 0 or 1 everywhere."""
    question, answer, passages = CASES["en"]
    found = {name: score(metric(name), Runtime(brain), question, answer, passages).value for name in METRICS}
    assert len({round(value, 3) for value in found.values()}) >= 5, found
    assert sum(0.05 < value < 0.95 for value in found.values()) >= 5, found


@pytest.mark.parametrize("name", METRICS)
def test_a_right_answer_beats_a_wrong_one(name):
    question = CASES["ko"][0]
    passages = ["직원은 첫해에 연차휴가 15일을 받습니다. 점심은 늘 무료입니다."]
    good = score(metric(name), Runtime(brain), question, question.references[0], passages).value
    wrong = "점심은 늘 무료입니다." if name == "noise_sensitivity" else "주차는 지하 삼 층에서 합니다."
    bad = score(metric(name), Runtime(brain), question, wrong, passages).value
    if name.startswith("context_"):
        assert good == bad
    else:
        assert good < bad if name == "noise_sensitivity" else good > bad


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The answer is faithful.", "no JSON object"),
        ('{"statements": ["Employees get 15', "broken or cut off"),
        ("Sure! {score: high", "broken or cut off"),
        ('{"claims": []}', "not in the form"),
        ("[1, 2]", "no JSON object"),
        ("{" * 3000, "cannot be used"),
        ("", "no JSON object"),
    ],
)
def test_replies_that_cannot_be_used_fail_with_the_reason(text, said):
    question, answer, passages = CASES["en"]
    found = score(metric("faithfulness"), Runtime(lambda _: text), question, answer, passages)
    assert isinstance(found, Failure) and (found.whose, found.kind) == ("measurement", "judge_failed")
    assert said in found.detail


@pytest.mark.parametrize("name", [name for name in METRICS if name != "semantic_similarity"])
@pytest.mark.parametrize("text", ["prose", '{"statements": [', '{"verdict": 2, "reason": "x"}'])
def test_no_metric_makes_a_number_of_an_unusable_reply(name, text):
    question, answer, passages = CASES["ko"]
    found = score(metric(name), Runtime(lambda _: text), question, answer, passages)
    assert isinstance(found, Failure) and found.kind == "judge_failed" and found.detail


def test_a_verdict_outside_the_scale_fails():
    question, answer, _ = CASES["en"]
    found = score(metric("context_precision"), Runtime(lambda _: '{"reason": "", "verdict": 7}'), question, answer)
    assert "must be 0 or 1 and is 7" in found.detail


def test_prose_around_json_is_read():
    question, answer, passages = CASES["en"]
    fenced = Runtime(lambda request: f"Here it is:\n```json\n{brain(request)}\n```")
    plain = score(metric("faithfulness"), Runtime(brain), question, answer, passages)
    assert score(metric("faithfulness"), fenced, question, answer, passages) == plain


def test_nan_becomes_a_failure_with_the_reason(monkeypatch):
    question, answer, passages = CASES["en"]
    with FakeServer() as server:
        server.script = lambda _: '{"statements": []}'
        assert math.isnan(directly("faithfulness", server, question, answer, passages))
    found = score(metric("faithfulness"), Runtime(lambda _: '{"statements": []}'), question, answer, passages)
    assert isinstance(found, Failure) and "finds nothing to judge" in found.detail

    class Nan:
        def __init__(self, **_):
            self.statement_generator_prompt = self.nli_statement_prompt = None

        async def ascore(self, **_):
            return type("Result", (), {"value": float("nan")})()

    monkeypatch.setattr(boundary._load(), "Faithfulness", Nan)
    found = score(metric("faithfulness"), Runtime(), question, answer, passages)
    assert (found.whose, found.kind) == ("measurement", "metric_failed") and "nan" in found.detail


def test_free_points_are_refused():
    """Without statements ragas takes answer and reference for equal: 0.75 for an answer that says nothing."""
    question, answer, passages = CASES["en"]
    with FakeServer() as server:
        server.script = lambda _: '{"statements": []}'
        assert directly("answer_correctness", server, question, answer, passages) >= 0.75
    found = score(metric("answer_correctness"), Runtime(lambda _: '{"statements": []}'), question, answer, passages)
    assert isinstance(found, Failure)


def test_what_breaks_inside_ragas_is_a_failure():
    """Fewer verdicts than statements from one passage: numpy cannot make a matrix of them."""
    question, answer, passages = CASES["en"]

    def uneven(request):
        text = json.loads(brain(request))
        if "verdict" in json.dumps(text) and "gold or otherwise" in request.messages[-1].content:
            text["statements"] = text["statements"][:1]
        return json.dumps(text)

    found = score(metric("noise_sensitivity"), Runtime(uneven), question, answer, passages)
    assert (found.whose, found.kind) == ("measurement", "metric_failed") and "ValueError" in found.detail


def test_a_reply_that_was_cut_says_what_to_do():
    question, answer, passages = CASES["en"]
    runtime = Runtime(lambda _: ChatReply('{"statements": ["Emp', "length"))
    found = score(metric("faithfulness", max_tokens=64), runtime, question, answer, passages)
    assert "after 64 tokens, raise max_tokens" in found.detail


def test_endpoint_and_budget_leave_the_cell_open(tmp_path):
    question, answer, passages = CASES["en"]
    trouble = Unfilled("endpoint", "429")
    assert score(metric("faithfulness"), Runtime(lambda _: trouble), question, answer, passages) == trouble
    with FakeServer() as server:
        server.script = lambda body: ragas_brain.reply(ragas_brain.prompt_of(body))
        found = by_engine(metric("faithfulness"), served(server, tmp_path, money=0.0015), question, answer, passages)
        assert isinstance(found, Unfilled) and found.kind == "budget"
        assert server.stats.total == 1, "one request fits the money, the second is never sent"


def test_a_refused_host_is_never_asked():
    from ragscout.model.errors import SpecError

    connection = Connection(name="judge", provider="openai", base_url="https://example.invalid/v1", model="judge")
    with pytest.raises(SpecError, match=r"example\.invalid"):
        OpenAIClient(connection, NetworkPolicy.hosts(frozenset()))


def test_the_step_opens_no_socket(monkeypatch):
    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    question, answer, passages = CASES["en"]
    for name in METRICS:
        assert isinstance(score(metric(name), Runtime(brain), question, answer, passages), Score)


def test_telemetry_is_off_before_ragas_is_imported():
    code = (
        "import sys; from ragscout.steps.measure.outside import ragas_boundary as b; assert 'ragas' not in sys.modules;"
        "b._load(); from ragas._analytics import do_not_track; assert do_not_track()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_equal_work_is_asked_once(tmp_path):
    question, answer, passages = CASES["en"]
    with FakeServer() as server:
        server.script = lambda body: ragas_brain.reply(ragas_brain.prompt_of(body))
        first = by_engine(metric("faithfulness"), served(server, tmp_path), question, answer, passages)
        asked = server.stats.total
        again = by_engine(metric("faithfulness"), served(server, tmp_path), question, answer, passages)
        assert first == again and server.stats.total == asked == 2
        by_engine(metric("faithfulness"), served(server, tmp_path), question, "Core hours are 10:00.", passages)
        assert server.stats.total > asked


def test_requests_are_as_many_as_the_page_says():
    question, answer, passages = CASES["en"]
    counts = {}
    for name in METRICS:
        runtime = Runtime(brain)
        score(metric(name), runtime, question, answer, passages)
        counts[name] = len(sent(runtime))
        assert metric(name).requests(len(passages)) == counts[name]
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text("utf-8")
    said = " ".join(page.split("with three passages: ")[1].split(". ")[0].split())
    shown = [f"{name.replace('_', ' ')} {count or 'none'}" for name, count in counts.items()]
    assert said == ", ".join(shown)


def test_repeats_are_replicates():
    question, answer, _ = CASES["en"]
    runtime = Runtime(brain)
    score(metric("answer_relevancy", strictness=3, temperature=0.7), runtime, question, answer)
    assert [request.replicate for request in sent(runtime)] == [1, 2, 3]
    runtime = Runtime(brain)
    score(metric("answer_relevancy"), runtime, question, answer)
    assert [request.replicate for request in sent(runtime)] == [0]
    with pytest.raises(ParameterError, match="temperature"):
        metric("answer_relevancy", strictness=3)


def test_requests_are_constrained():
    question, answer, passages = CASES["en"]
    runtime = Runtime(brain)
    score(metric("faithfulness"), runtime, question, answer, passages)
    schema = json.loads(sent(runtime)[1].schema)
    item = schema["properties"]["statements"]["items"]
    assert item["properties"]["verdict"] == {"type": "integer", "enum": [0, 1]} and not item["additionalProperties"]
    assert "$ref" not in sent(runtime)[1].schema and sent(runtime)[1].max_tokens == 2048


def test_refusals_empty_answers_and_unanswerable_questions():
    question, answer, passages = CASES["en"]
    nobody = Question("u", "Who founded it?", answerable=False)
    assert score(metric("answer_correctness"), Runtime(), question, "I do not know.").kind == "refused"
    assert score(metric("factual_correctness"), Runtime(), question, "  ").kind == "empty"
    assert score(metric("context_recall"), Runtime(brain), question, "", passages).value > 0
    assert score(metric("answer_correctness"), Runtime(), nobody, "Kim.").kind == "no_reference"
    assert score(metric("faithfulness"), Runtime(), nobody, "I do not know.").kind == "no_reference"
    assert score(metric("faithfulness"), Runtime(), question, answer, ()).kind == "no_evidence"
    assert score(metric("context_recall"), Runtime(), question, answer, ()) == Score(
        0.0, {"rule": "nothing was retrieved"}
    )
    bare = run(metric("context_recall"), Runtime(), [question], generate=[Answer(answer)])[0]
    assert bare["ragas.context_recall"].kind == "no_evidence"


def test_several_references():
    question = Question("m", "How long is it?", ("Nothing like it at all.", "It is 25 days long."))
    answer = "It is 25 days long."
    assert score(metric("semantic_similarity"), Runtime(), question, answer).value == pytest.approx(1.0)
    first = score(metric("factual_correctness"), Runtime(brain), question, answer).value
    best = score(metric("factual_correctness", references=2), Runtime(brain), question, answer).value
    assert first < best == 1.0


def test_parameters():
    assert metric("noise_sensitivity").figures()[0].floor == 1.0
    assert metric("noise_sensitivity", mode="relevant") == metric("noise_sensitivity")
    assert metric("noise_sensitivity", mode="irrelevant").figures()[0].name == "ragas.noise_sensitivity.irrelevant"
    assert metric("faithfulness", embedder_revision="r").key({}) == metric("faithfulness").key({})
    assert metric("answer_relevancy", embedder_revision="r").key({}) != metric("answer_relevancy").key({})
    assert make("measure", "ragas", {"metric": "semantic_similarity"}).model is None
    with pytest.raises(ParameterError, match="model is missing"):
        make("measure", "ragas", {"metric": "faithfulness"})
    with pytest.raises(ParameterError, match="unknown mode"):
        metric("factual_correctness", mode="relevant")
    with pytest.raises(ParameterError, match="languages"):
        metric("answer_relevancy", embedder="intfloat/e5")
    question, answer, _ = CASES["en"]
    whole = score(metric("factual_correctness", mode="recall"), Runtime(brain), question, answer)
    assert 0 < whole.value < 1


def test_an_encoder_that_does_not_know_the_language_is_unsuitable():
    question, answer, _ = CASES["ko"]
    found = score(metric("semantic_similarity", embedder="minilm"), Runtime(), question, answer)
    assert found.kind == "unsuitable" and "Korean" in found.detail


def test_the_extra_is_named_in_one_line(monkeypatch):
    monkeypatch.setattr("ragscout.steps.measure.outside.ragas_metrics.importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ragscout\[ragas\]'") as caught:
        metric("faithfulness").ready(Runtime().models)
    assert "\n" not in str(caught.value)


KOREAN = sorted({file.name: file for files in boundary.PROMPTS.values() for file in files.values()}.items())


@pytest.mark.parametrize("file", [file for _, file in KOREAN], ids=[name for name, _ in KOREAN])
def test_korean_prompts_fit_ragas_models(file):
    """Every example is an instance of what ragas sends and reads, in Korean."""
    collections = boundary._load()
    for metric_name, files in boundary.PROMPTS.items():
        for attribute, used in files.items():
            if used != file or metric_name == "noise_sensitivity":
                continue
            module = sys.modules[getattr(collections, boundary._CLASSES[metric_name]).__module__]
            prompts = vars(sys.modules[module.__package__ + ".util"]).values()
            fits = [
                item
                for item in prompts
                if isinstance(item, type) and hasattr(item, "instruction") and _accepts(item, boundary.korean(file))
            ]
            assert fits, (metric_name, attribute)
    text = file.text
    assert sum("가" <= char <= "힣" for char in text) > 150 and "Einstein" not in text


def _accepts(prompt, found):
    from pydantic import ValidationError

    try:
        for example in found["examples"]:
            prompt.input_model.model_validate(example["input"])
            prompt.output_model.model_validate(example["output"])
    except ValidationError:
        return False
    return True


def test_changed_prompts_need_a_new_version():
    found = digest((boundary.FRAME.text, *(file.text for _, file in KOREAN)))
    assert (type(metric("faithfulness")).version, found) == (1, KOREAN_PROMPTS), "bump the version and this digest"


def test_signatures_say_what_was_used():
    text = metric("answer_correctness", embedder_revision="abc").signature()
    assert "ragas|version:0.4" in text and "model:openai/judge" in text and "encoder:use-multilingual@abc" in text
    assert "nrefs:best-of-2" in metric("context_recall", references=2).signature()


@pytest.mark.parametrize("metric", [metric(name) for name in METRICS], ids=METRICS)
class TestKit(MetricKit):
    @pytest.fixture
    def runtime(self):
        return Runtime(brain)


def test_vectors_of_the_fakes_have_length_one():
    assert np.allclose(np.linalg.norm(vectors(["a b", "가 나"]), axis=1), 1.0)
