"""A loaded configuration that answers: the steps that were measured, with a batch of one.

Pipeline.load("handbook.bundle").ask("연차는 언제 생기나요?").text
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.config import Configuration, Node
from ragscout.model.errors import BudgetExceeded, LeftOpenError, ModelCallError, ParameterError, StepError
from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold, evaluated, served
from ragscout.model.inputs import arguments, value_at
from ragscout.model.outcome import Answer, Failure, Prompt, Ranking, Unfilled, Usage
from ragscout.model.runtime import Memo, Models
from ragscout.model.stages import prefix_end
from ragscout.model.text import language, normalise
from ragscout.model.values import Passages
from ragscout.providers.network import NetworkPolicy, quiet_libraries
from ragscout.serve import build
from ragscout.serve.allowed import reaches, refuse_unallowed
from ragscout.serve.bundle import Bundle, load
from ragscout.serve.filters import Filter, read_filter
from ragscout.serve.loop import LoopThread
from ragscout.serve.memory import MemoryMemo
from ragscout.serve.runtime import ServingRuntime
from ragscout.store.memo import StoreMemo
from ragscout.store.store import Store

if TYPE_CHECKING:
    from ragscout.engine.session import Opening
    from ragscout.spec import Connection

REMEMBER = 4096
"""Query vectors and model replies that a pipeline remembers."""

TOP = 10
"""Sources shown when nothing is generated."""


@dataclass(frozen=True)
class AnswerSource:
    """One passage behind an answer: code points ``start``..``end`` of a document, with the score that ranked it
    (``None`` when it was not ranked)."""

    document: str
    title: str
    start: int
    end: int
    text: str
    score: float | None


@dataclass(frozen=True)
class Reply:
    """What a pipeline says. ``failure`` says in words why there is no answer, empty when there is one; ``seconds`` is
    the wall time of this question, ``timings`` that of each stage."""

    question: str
    text: str
    sources: tuple[AnswerSource, ...] = ()
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage()
    language: str = "en"
    finish: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Traced:
    """Outcome of every per-question stage for one question, what it took and how long each stage was at work.
    ``passages`` and ``ranking`` are ``None`` where nothing was retrieved."""

    outcomes: Mapping[str, Any]
    usage: Usage
    timings: Mapping[str, float]
    passages: Passages | Failure | None = None
    ranking: Ranking | Failure | None = None


class Pipeline:
    """A configuration with its values and models loaded. Safe to ask from many threads and event loops.

    Make one with ``load`` (a bundle) or ``of`` (a configuration on a store). ``close`` gives models and temporary
    files back; a pipeline is also a context manager.
    """

    def __init__(
        self,
        configuration: Configuration,
        values: Mapping[str, Any],
        runtime: ServingRuntime,
        loop: LoopThread,
        bundle: Bundle | None = None,
        scratch: Path | None = None,
    ) -> None:
        """Args: values = whole values by stage (see ``contents.needed``); scratch = folder to remove at the end."""
        self.configuration = configuration
        self.bundle = bundle
        self.runtime = runtime
        self.values = dict(values)
        index = self.values.get("index")
        for made in index.every() if isinstance(index, PerFold) else [index] if index is not None else ():
            # the bundle's own step: the index names its encoder as it was where the index was built
            made.encoder = configuration.steps["embed"]
        self._served = served(self.values)
        self._loop = loop
        self._nodes = [node for node in configuration.last.ancestors() if node.per_question]
        self._finish = weakref.finalize(self, _finish, runtime, loop, scratch)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        store: Store | str | Path | None = None,
        memo: bool = True,
        models: Models | None = None,
        strict: bool = True,
        allow: Sequence[str] = (),
    ) -> Pipeline:
        """Load a bundle.

        Args:
            path: folder or archive.
            store: where an index that has to be built is kept; without one it is built at each load.
            memo: remember vectors and replies of equal questions; ``False`` to measure latency.
            models: where model files lie; by default the catalogue and the hub, as the bundle's network allows.
            strict: refuse a bundle that was measured with other versions of its steps.
            allow: hosts and variables of keys that a bundle from elsewhere may use from now on.

        Raises:
            BundleError: see ``serve.bundle.load``; or it wants an address or a key that is not allowed.
            StepError: a model is absent; the message holds the remedy.
        """
        bundle = load(path, strict=strict)
        refuse_unallowed(bundle.path, bundle.digest, reaches(bundle.connections, bundle.manifest["network"]), allow)
        kept = Store.open(store) if isinstance(store, (str, Path)) else store
        loop = LoopThread()
        scratch: Path | None = None
        try:
            if bundle.files:
                scratch = Path(tempfile.mkdtemp(prefix="ragscout-index-"))
                memo_of_build: Memo = MemoryMemo(None) if kept is None else StoreMemo(kept)
                builder = build.Builder(bundle, _runtime(bundle, memo_of_build, models, memo), scratch, kept)
                values = loop.run(builder.values())
            else:
                values = build.load_values(bundle.values)
            runtime = _runtime(bundle, MemoryMemo(REMEMBER if memo else 0), models, memo)
        except BaseException:
            loop.finish(_nothing())
            _forget(scratch)
            raise
        finally:
            if kept is not None and kept is not store:
                kept.close()
        return cls(bundle.configuration, values, runtime, loop, bundle, scratch)

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        *,
        store: Store,
        opening: Opening,
        memo: bool = False,
        models: Models | None = None,
    ) -> Pipeline:
        """Return a configuration of a sweep, straight from the store that it was measured on (the latency probe).

        Raises:
            StoreError: a value of the configuration is not in the store.
        """
        runtime = _serving(
            opening.connections, opening.network, opening.repackaged, MemoryMemo(REMEMBER if memo else 0), models, memo
        )
        return cls(configuration, build.stored_values(configuration, store), runtime, LoopThread())

    def ask(self, question: str, filter: Filter | None = None) -> Reply:  # noqa: A002 - the word that questions use
        """Answer one question, from the documents that pass a filter over their metadata columns if one is given.

        Raises:
            ParameterError: an empty question, or a filter that cannot be read or names an unknown column.
            ModelCallError: a model's endpoint did not answer; ask again later.
            LeftOpenError: something else stood in a step's way; ask again later.
        """
        return self._loop.run(self._reply(question, filter))

    async def aask(self, question: str, filter: Filter | None = None) -> Reply:  # noqa: A002
        """``ask`` for use inside an event loop; questions asked at once are answered at once."""
        return await asyncio.wrap_future(self._loop.submit(self._reply(question, filter)))

    def trace(self, question: Question) -> Traced:
        """Outcome of every stage for a question of an evaluation set, as it was measured: nothing learnt saw it.

        Raises:
            ModelCallError: a model's endpoint did not answer.
        """
        return self._loop.run(self._trace(question, evaluated(self.values, question)))

    def measure(self, node: Node, question: Question, inputs: Mapping[str, Any]) -> Any:
        """Outcome of a measure node for a question; ``inputs`` are per-question outcomes by stage."""
        return self._loop.run(self._one(node, question, inputs, evaluated(self.values, question)))

    def close(self) -> None:
        """Give models, connections and temporary files back. Calling it again does nothing."""
        self._finish()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def _reply(self, text: str, only: Filter | None) -> Reply:
        asked = normalise(text).strip()
        if not asked:
            raise ParameterError(f"question: there is nothing in it; got {text!r}. Ask a question in words.")
        held = read_filter(only, self.values.get("chunk"))
        started = time.perf_counter()
        traced = await self._trace(Question("asked", asked, filter=held), self._served)
        return self._shown(asked, traced, time.perf_counter() - started)

    async def _trace(self, question: Question, values: Mapping[str, Any]) -> Traced:
        account = self.runtime.account()
        outcomes: dict[str, Any] = {}
        timings: dict[str, float] = {}
        for node in self._nodes:
            started = time.perf_counter()
            outcomes[node.stage] = await self._one(node, question, outcomes, values)
            timings[node.stage] = time.perf_counter() - started
        shown = await self._at("context", question, outcomes, values)
        ranking = await self._at(prefix_end(), question, outcomes, values)
        return Traced(outcomes, sum(account, Usage()), timings, shown, ranking)

    async def _at(self, stage: str, question: Question, outcomes: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        """Outcome at a stage, also where an identity step makes it of what is there; ``None`` without one."""
        given = {**values, **{name: [value] for name, value in outcomes.items()}}
        found = await value_at(stage, given, [question], self.runtime)
        return None if found is None else found[0]

    async def _one(self, node: Node, question: Question, outcomes: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        """One cell. A failure above is passed on, as the engine does; only ``measure`` looks at it."""
        own = {parent.stage: (outcomes if parent.per_question else values)[parent.stage] for parent in node.inputs}
        if not node.measures:
            for value in own.values():
                if isinstance(value, Failure):
                    return value
        assert node.step is not None
        read = {
            parent.stage: [own[parent.stage]] if parent.per_question else own[parent.stage] for parent in node.inputs
        }
        given = await arguments(node.step, read, [question], self.runtime)
        (outcome,) = await node.step.run(self.runtime, [question], **given)  # type: ignore[attr-defined]
        if isinstance(outcome, Unfilled):
            why = f"{node.stage}: no answer came; got {outcome.kind}: {outcome.detail}. Ask again later."
            errors: dict[str, type[StepError]] = {"endpoint": ModelCallError, "budget": BudgetExceeded}
            raise errors[outcome.kind](why) if outcome.kind in errors else LeftOpenError(outcome.kind, why)
        return outcome

    def _shown(self, asked: str, traced: Traced, seconds: float) -> Reply:
        outcomes = traced.outcomes
        last = outcomes[self.configuration.last.stage]
        prompt = outcomes.get("prompt")
        answer = last if isinstance(last, Answer) else None
        return Reply(
            question=asked,
            text=answer.text if answer is not None else "",
            sources=_sources(traced, answer),
            seconds=seconds,
            timings=traced.timings,
            usage=traced.usage,
            language=prompt.language if isinstance(prompt, Prompt) else language(asked),
            finish=answer.finish if answer is not None else "",
            failure=f"{last.kind}: {last.detail}".rstrip(": ") if isinstance(last, Failure) else "",
        )


def _sources(traced: Traced, answer: Answer | None) -> tuple[AnswerSource, ...]:
    """Return the passages that the answer names, else those of the prompt, else the first of all."""
    found, prompt = traced.passages, traced.outcomes.get("prompt")
    if not isinstance(found, Passages):
        return ()
    scores = {hit.chunk: hit.score for hit in traced.ranking.hits} if isinstance(traced.ranking, Ranking) else {}
    places: Sequence[int] = range(min(TOP, len(found))) if prompt is None else ()
    if isinstance(prompt, Prompt):
        places = prompt.passages
    if answer is not None and answer.passages:
        places = answer.passages
    return tuple(
        AnswerSource(
            found.document[at],
            found.title[at],
            *found.span[at],
            found.text[at],
            max((scores[row] for row in found.rows[at] if row in scores), default=None),
        )
        for at in places
    )


def _runtime(bundle: Bundle, memo: Memo, models: Models | None, remember: bool) -> ServingRuntime:
    manifest = bundle.manifest
    return _serving(bundle.connections, manifest["network"], manifest["repackaged"], memo, models, remember)


def _serving(
    connections: Sequence[Connection],
    network: Sequence[str],
    repackaged: bool,
    memo: Memo,
    models: Models | None,
    remember: bool,
) -> ServingRuntime:
    from ragscout.engine.session import open_connections
    from ragscout.providers.assets import Resolver

    policy = NetworkPolicy.hosts(network)
    quiet_libraries()
    found = models or Resolver(policy=policy, allow_repackaged=repackaged)
    return ServingRuntime(
        memo, found, open_connections(connections, policy, found), remember=REMEMBER if remember else 0
    )


def _finish(runtime: ServingRuntime, loop: LoopThread, scratch: Path | None) -> None:
    loop.finish(runtime.close())
    _forget(scratch)


def _forget(scratch: Path | None) -> None:
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)


async def _nothing() -> None:
    """Do nothing: loading failed and left nothing to close."""
