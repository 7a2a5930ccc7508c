"""A runtime in memory and the conformance kits of steps.

A component's test inherits a kit and gives its steps; the kit holds them to the contract of ``model.step``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from ragscout.engine.admission import MemoryAdmission
from ragscout.engine.calls import Calls, Patience
from ragscout.engine.connection_limit import ConnectionLimit
from ragscout.model.cells import decode, encode
from ragscout.model.cost import Workload
from ragscout.model.errors import AbsentError, ParameterError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, ModelFiles, Purpose, VectorRef
from ragscout.model.stages import STAGES
from ragscout.model.step import Step, chat_models, make, steps_of
from ragscout.model.text import normalise
from ragscout.model.values import codec
from ragscout.testing.packaged import undeclared

Script = Callable[[ChatRequest], ChatReply | Failure | Unfilled | str] | Mapping[str, str]


class FakeMemo:
    """``model.runtime.Memo`` in memory. ``computed`` counts what was really computed, by kind or encoder."""

    def __init__(self) -> None:
        self.computed: dict[str, int] = {}
        self._items: dict[tuple[str, str], Any] = {}
        self._rows: dict[tuple[str, str], VectorRef] = {}
        self._shards: dict[str, np.ndarray] = {}

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        """See ``Memo.items``."""
        missing: dict[str, int] = {}
        for position, key in enumerate(keys):
            if (kind, key) not in self._items:
                missing.setdefault(key, position)
        fresh: dict[str, Any] = {}
        if missing:
            values = await compute(list(missing.values()))
            fresh = dict(zip(missing, values, strict=True))
            self.computed[kind] = self.computed.get(kind, 0) + len(missing)
            for key, value in fresh.items():
                if not isinstance(value, Unfilled):
                    self._items[kind, key] = value
        return [self._items[kind, key] if (kind, key) in self._items else fresh[key] for key in keys]

    async def vectors(
        self, encoder: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Awaitable[np.ndarray]]
    ) -> list[VectorRef]:
        """See ``Memo.vectors``; checks shape, type and norm of what is computed."""
        missing = sorted({text for text in texts if (encoder, text) not in self._rows})
        for at in range(0, len(missing), 64):
            part = missing[at : at + 64]
            matrix = await compute(part)
            if matrix.shape[:1] != (len(part),) or matrix.ndim != 2 or matrix.dtype != np.float32:
                raise AssertionError(f"an encoder gave {matrix.dtype} of shape {matrix.shape} for {len(part)} texts")
            if len(part) and not np.allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-4):
                raise AssertionError("an encoder gave vectors whose norm is not 1")
            shard = f"{encoder}/{len(self._shards)}"
            self._shards[shard] = matrix
            self._rows |= {(encoder, text): VectorRef(shard, row) for row, text in enumerate(part)}
            self.computed[encoder] = self.computed.get(encoder, 0) + len(part)
        return [self._rows[encoder, text] for text in texts]

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        """See ``Memo.matrix``."""
        if not refs:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([self._shards[ref.shard][ref.row] for ref in refs])


@dataclasses.dataclass
class FakeModels:
    """``model.runtime.Models`` over a given mapping of names to folders."""

    folders: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    def folder(self, model: str, revision: str = "") -> Path:
        """Return the folder given for the name, or the name itself where it is a path that exists."""
        if model in self.folders:
            return Path(self.folders[model])
        if Path(model).exists():
            return Path(model)
        raise AbsentError(f"models: {model!r} is not present; got {sorted(self.folders)}. Give its folder.")


class _Withheld(Exception):
    """A script that gives no reply; ``why`` is what the step is told."""

    def __init__(self, why: Unfilled) -> None:
        super().__init__(why.detail)
        self.why = why


class _ScriptedClient:
    """A ``ChatClient`` that answers from a script and lists what it was asked."""

    concurrency = 1_000_000

    def __init__(self, script: Script | None) -> None:
        self.requests: list[ChatRequest] = []
        self._script = script

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        self.requests.append(request)
        await asyncio.sleep(0)
        reply = self._answer(request)
        if isinstance(reply, Unfilled):
            raise _Withheld(reply)
        if isinstance(reply, str):
            reply = ChatReply(reply, "stop", Usage(len(request.messages[-1].content) // 4, len(reply) // 4, calls=1))
        return reply

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        raise AssertionError("the runtime's embeddings are asked instead")

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        raise AssertionError("the runtime's scores are asked instead")

    async def close(self) -> None:
        """Nothing is open."""

    def _answer(self, request: ChatRequest) -> ChatReply | Failure | Unfilled | str:
        if self._script is None:
            raise AssertionError("this test's runtime has no script, yet a step sent a chat request")
        if callable(self._script):
            return self._script(request)
        content = request.messages[-1].content
        found = next((reply for part, reply in self._script.items() if part in content), None)
        if found is None:
            raise AssertionError(f"no scripted reply fits the request {content[:200]!r}")
        return found


class _OneConnection(dict[str, ConnectionLimit]):
    """Connections of a runtime whose one client serves every model, for nothing and in no time."""

    def __init__(self, client: _ScriptedClient) -> None:
        super().__init__()
        self._limit = ConnectionLimit(client, lambda usage: usage.money, lambda request: 0.0)

    def get(self, key: str, default: Any = None) -> Any:
        return self._limit


class FakeRuntime:
    """``model.runtime.Runtime`` for tests: the calls of every other runtime, with everything in memory and every
    request and report kept.

    ``chat`` is answered by ``script``: a function of the request, or a mapping of substrings of the last message to
    replies; equal requests are asked once, as with a real memo. ``embeddings`` maps texts to vectors, ``scores`` a
    query and texts to what an endpoint's reranker says of them.
    """

    def __init__(
        self,
        script: Script | None = None,
        folders: Mapping[str, Path] | None = None,
        embeddings: Callable[[Sequence[str]], np.ndarray] | None = None,
        memory_limit: int = 1 << 30,
        scores: Callable[[str, Sequence[str]], tuple[float, ...] | Unfilled] | None = None,
    ) -> None:
        # Any: the protocol's attributes are settable and so invariant, while tests want the fakes' own members
        self.memo: Any = FakeMemo()
        self.models: Any = FakeModels(folders or {})
        self.threads = 1
        self.memory_limit = memory_limit
        self.reports: dict[str, float] = {}
        self.embedded: list[str] = []
        self._embeddings = embeddings
        self._scores = scores
        self._client = _ScriptedClient(script)
        self._purposes: dict[str, Purpose] = {}
        connections, remembered = _OneConnection(self._client), MemoryAdmission(None)
        self._calls = Calls(connections, remembered, Patience(retries=0), "", clock=lambda: 0.0)

    @property
    def requests(self) -> list[tuple[ChatRequest, Purpose]]:
        """What was sent, with its purpose, in the order of sending."""
        return [(request, self._purposes[request.key]) for request in self._client.requests]

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """See ``Runtime.chat``."""
        self._purposes.setdefault(request.key, purpose)
        try:
            return await self._calls.chat(request, purpose)
        except _Withheld as withheld:
            return withheld.why

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """See ``Runtime.embed_remote``."""
        if self._embeddings is None:
            raise AssertionError("this test's runtime has no embeddings, yet a step asked for some")
        self.embedded.extend(texts)
        return self._embeddings(texts)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...] | Unfilled:
        """See ``Runtime.rerank``."""
        if self._scores is None:
            raise AssertionError("this test's runtime has no scores, yet a step asked for some")
        await asyncio.sleep(0)
        return self._scores(query, texts)

    def report(self, node: str, what: str, value: float) -> None:
        """Keep the figure under ``what``."""
        self.reports[what] = value


def run(step: Step, runtime: FakeRuntime | None = None, *args: Any, **inputs: Any) -> Any:
    """Run a step to its end."""
    return asyncio.run(step.run(runtime or FakeRuntime(), *args, **inputs))  # type: ignore[attr-defined]


class StepKit:
    """What every step is held to. A test class inherits it and sets ``stage`` and ``cases``.

    ``cases``: pairs of a step's name and its parameters; the first should be the defaults.
    """

    stage: str = ""
    cases: Sequence[tuple[str, dict[str, Any]]] = ()

    def steps(self) -> list[Step]:
        """Return the steps of all cases."""
        return [make(self.stage, name, parameters) for name, parameters in self.cases]

    def test_is_registered_and_documented(self) -> None:
        """Every case is in the registry, has a docstring, and each field has help."""
        for step in self.steps():
            assert type(step) is steps_of(self.stage, every=True)[step.name]
            assert not (type(step).__doc__ or "(").startswith((f"{type(step).__name__}(", "(")), (
                f"{step.name}: no docstring"
            )
            for field in dataclasses.fields(step):
                assert field.metadata.get("help"), f"{step.name}.{field.name} has no help"
            assert type(step).version >= 1

    def test_names_the_wording_that_it_reads(self) -> None:
        """Prompts, rubrics and word lists that the code can read are named in ``packaged``, and so in the key."""
        for step in self.steps():
            assert undeclared(type(step)) == []
            assert set(step.packaged_texts()) <= set(type(step).packaged)

    def test_key_ignores_the_order_and_the_spelling_of_parameters(self) -> None:
        """Order, defaults given explicitly and numbers written as text do not change a key; another value does."""
        for step in self.steps():
            inputs = dict.fromkeys(step.inputs, "0" * 64)
            every = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}
            again = make(self.stage, step.name, dict(reversed(list(every.items()))))
            assert again == step and again.key(inputs) == step.key(inputs)
            written = {key: str(value) if type(value) is int else value for key, value in every.items()}
            assert make(self.stage, step.name, written).key(inputs) == step.key(inputs)
            assert step.key(inputs) != step.key(dict.fromkeys(inputs, "1" * 64)) or not inputs
        keys = [step.key({}) for step in self.steps()]
        assert len(set(keys)) == len(keys), "two cases have one key"

    def test_declares_what_it_needs(self) -> None:
        """What it says it reads is given to its stage; its models are named, its cost and resources are figures."""
        material = Workload(1e6, 1.0, 4.0, 80.0, 1000.0, 1000.0, 0.0, 20.0, 3.0, 1000.0)
        for step in self.steps():
            given = STAGES[self.stage]
            assert set(step.inputs) <= {*given.inputs, *given.on_request}
            for item in step.models():
                assert item.name if isinstance(item, ModelFiles) else item.model
            cost = step.cost(material)
            figures = (cost.seconds, cost.requests, cost.prompt, cost.reply, cost.longest, cost.money, cost.disk)
            assert all(math.isfinite(figure) and figure >= 0 for figure in figures) and cost.reply <= cost.longest
            assert bool(cost.requests) <= bool(chat_models(step)), f"{step.name}: requests to no model"
            assert all(math.isfinite(value) for value in dataclasses.astuple(step.after(material)))
            assert step.resources.cpus >= 0 and step.resources.gpus >= 0 and step.resources.memory >= 0

    def test_parameters_survive_a_round_trip(self) -> None:
        """What is logged and exported makes the same step again."""
        for step in self.steps():
            assert make(self.stage, step.name, to_jsonable_python(step.parameters())) == step

    def test_refuses_unknown_parameters(self) -> None:
        """A misspelt parameter is an error that names it."""
        for name, parameters in self.cases:
            try:
                make(self.stage, name, {**parameters, "no_such_parameter": 1})
            except UnknownNameError as error:
                assert "no_such_parameter" in str(error)
            else:
                raise AssertionError(f"{name} took a parameter it does not have")

    def test_refuses_values_outside_the_declared_range(self) -> None:
        """Limits and choices are enforced."""
        for step in self.steps():
            for field in dataclasses.fields(step):
                bad = [field.metadata[limit] + by for limit, by in (("ge", -1), ("le", 1)) if limit in field.metadata]
                bad += ["no such choice"] * ("choices" in field.metadata)
                for value in bad:
                    try:
                        make(self.stage, step.name, {**step.parameters(), field.name: value})
                    except ParameterError:
                        continue
                    raise AssertionError(f"{step.name}.{field.name} took {value!r}")


class WholeKit(StepKit):
    """For stages with one value per node. A test gives ``inputs()`` and ``runtime()``."""

    def runtime(self) -> FakeRuntime:
        """Return a fresh runtime."""
        return FakeRuntime()

    def inputs(self) -> dict[str, Any]:
        """Return inputs by stage name, as ``run`` takes them."""
        raise NotImplementedError

    def comparable(self, value: Any) -> Any:
        """Return what of a value is compared for equality; override for values that hold handles."""
        return value

    def test_same_inputs_give_the_same_value(self) -> None:
        """Nothing but inputs and parameters shapes a value."""
        for step in self.steps():
            first = run(step, self.runtime(), **self.inputs())
            second = run(step, self.runtime(), **self.inputs())
            assert self.comparable(first) == self.comparable(second)

    def test_codec_round_trip(self, tmp_path: Path) -> None:
        """The stage's codec gives back what it was given, also from a copy of its folder; nothing is pickled."""
        for number, step in enumerate(self.steps()):
            value = run(step, self.runtime(), **self.inputs())
            folder, again = tmp_path / f"a{number}", tmp_path / f"b{number}"
            folder.mkdir()
            again.mkdir()
            codec(self.stage).save(value, folder)
            loaded = codec(self.stage).load(folder)
            assert self.comparable(loaded) == self.comparable(value)
            codec(self.stage).save(loaded, again)
            assert self.comparable(codec(self.stage).load(again)) == self.comparable(value)
            for file in folder.rglob("*"):
                assert file.suffix not in (".pkl", ".pickle", ".joblib")


class QuestionKit(StepKit):
    """For stages with one cell per question. A test gives ``questions()``, ``whole()``, ``per_question()``.

    The kit asks every question alone, then in random splits and orders: all must agree.
    """

    def runtime(self) -> FakeRuntime:
        """Return a fresh runtime."""
        return FakeRuntime()

    def questions(self) -> Sequence[Question]:
        """At least three questions, one of them Korean."""
        raise NotImplementedError

    def whole(self) -> dict[str, Any]:
        """Return inputs that are whole values."""
        return {}

    def per_question(self) -> dict[str, Sequence[Any]]:
        """Return inputs with one value per question, aligned with ``questions()``."""
        return {}

    def asked(self, step: Step, order: Sequence[int], runtime: FakeRuntime | None = None) -> list[Any]:
        """Outcomes of the questions at these positions, in this order, in one batch; the step gets what it reads."""
        questions = self.questions()
        inputs = {name: [values[at] for at in order] for name, values in self.per_question().items()}
        given = {name: value for name, value in {**self.whole(), **inputs}.items() if name in step.inputs}
        return list(run(step, runtime or self.runtime(), [questions[at] for at in order], **given))

    def test_a_batch_gives_what_each_question_gives_alone(self) -> None:
        """Batches, splits and orders change nothing."""
        count = len(self.questions())
        for step in self.steps():
            alone = [self.asked(step, [at])[0] for at in range(count)]
            assert self.asked(step, range(count)) == alone
            chooser = random.Random(7)
            for _ in range(3):
                order = chooser.sample(range(count), count)
                border = chooser.randint(1, count)
                runtime = self.runtime()
                found = self.asked(step, order[:border], runtime) + self.asked(step, order[border:], runtime)
                assert found == [alone[at] for at in order]

    def test_no_question_gives_no_outcome(self) -> None:
        """An empty batch is fine."""
        for step in self.steps():
            assert self.asked(step, []) == []

    def test_outcomes_survive_the_cell(self) -> None:
        """What is stored and read back is what was computed."""
        for step in self.steps():
            for outcome in self.asked(step, range(len(self.questions()))):
                if not isinstance(outcome, Unfilled):
                    assert decode(self.stage, encode(self.stage, outcome)) == outcome


def text_digest(text: str) -> str:
    """SHA-256 of a document's text, as spans carry it."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()
