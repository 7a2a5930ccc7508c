"""Any module of Hugging Face ``evaluate`` as a metric, and ours as ``evaluate`` metrics."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import math
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import MissingExtraError, SpecError, StepError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Models, Purpose, Runtime, VectorRef
from ragscout.model.step import make, step, steps_of
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy, hub_host
from ragscout.steps.measure.base import AnswerPair, TextMetric

if TYPE_CHECKING:
    import numpy as np

_LOCK = threading.Lock()
_LOADED: dict[tuple[str, str], Any] = {}
_BROKEN = (
    ArithmeticError, AttributeError, ImportError, LookupError, NotImplementedError, OSError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


@step("measure", "evaluate", version=1, libraries=("evaluate",), extra="evaluate")
class EvaluateModule(TextMetric):
    """A figure of an ``evaluate`` module: ``{use: evaluate, module: ./metrics/wer, figure: wer}``.

    ``module`` is a path: the module's code runs in this process, so it is loaded only from where you say and never by
    a bare name, which could execute a folder of the working directory. A name of the hub is taken with ``hub: true``
    alone, and refused when a file or folder of that name lies here. The path's files are part of the key; give
    ``sha256`` to pin them. Each answer is computed alone; a module without lists of references gets them one by one
    and the best counts.
    """

    module: str = field(metadata={"help": "path of a module's folder or .py file"})
    figure: str = field(default="", metadata={"help": "name in the module's result; empty = the module's own name"})
    low: float = field(default=0.0, metadata={"help": "lowest value; also what a candidate's failure scores"})
    high: float = field(default=1.0, metadata={"help": "highest value"})
    higher_is_better: bool = field(default=True, metadata={"help": "false for error rates"})
    hub: bool = field(default=False, metadata={"help": "the module is a name of the hub"})
    sha256: str = field(default="", metadata={"help": "digest of the module's files; filled in"})

    def __post_init__(self) -> None:
        """Find the module and key its bytes."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low and high are no range; got {self.low}..{self.high}. Use for example 0 and 1.")
        path = Path(self.module).expanduser()
        if self.hub:
            if path.exists():
                raise ValueError(
                    f"module names the hub's and also a path here; got {self.module!r}. Rename the path, or drop hub."
                )
            return
        bare = path.name == self.module and path.suffix != ".py"
        if bare:
            raise ValueError(f"module is a bare name; got {self.module!r}. Write a path such as ./{self.module}.")
        if not path.exists():
            if not self.sha256:
                raise ValueError(
                    f"module does not exist; got {self.module!r}. Give the folder or .py file of a module."
                )
            return
        found = _digest(path)
        if self.sha256 not in ("", found):
            raise ValueError(f"the module's files changed; got {found[:12]}. Pin sha256: {found} when that is meant.")
        object.__setattr__(self, "sha256", found)

    def ready(self, models: Models) -> None:
        """See ``MeasureStep.ready``: a name of the hub needs the hub among the hosts of ``network:``."""
        if self.hub:
            policy = models.policy if isinstance(models, Resolver) else NetworkPolicy.offline()
            policy.require(hub_host(), f"the name of the evaluate module {self.module!r}")

    def figures(self) -> tuple[Figure, ...]:
        """``evaluate.<figure>`` with the declared range."""
        floor = self.low if self.higher_is_better else self.high
        name = f"evaluate.{self._wanted}"
        return (Figure(name, self.low, self.high, floor, higher_is_better=self.higher_is_better),)

    def signature(self) -> str:
        """Return module, its digest, figure."""
        return f"evaluate|module:{Path(self.module).stem}|sha256:{self.sha256[:12] or 'hub'}|figure:{self._wanted}"

    async def score_all(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[dict[str, Score | Failure]]:
        """Return the module's figure for each pair, computed alone; ``no_model`` where the network policy forbids the
        hub."""
        try:
            self.ready(runtime.models)
        except SpecError as error:
            return [{self.figures()[0].name: Failure("measurement", "no_model", str(error))} for _ in pairs]
        return await asyncio.to_thread(self._score_all, pairs)

    @property
    def _wanted(self) -> str:
        return self.figure or Path(self.module).stem

    def _score_all(self, pairs: Sequence[AnswerPair]) -> list[dict[str, Score | Failure]]:
        name = self.figures()[0].name
        with _LOCK:  # one module object must not be used by two threads
            try:
                module = self._load()
            except FileNotFoundError as error:
                return [{name: Failure("measurement", "no_model", _unloaded(error))} for _ in pairs]
            except OSError:
                raise  # this machine is in trouble, which says nothing about the module
            except MissingExtraError as error:
                return [{name: Failure("measurement", "no_model", str(error))} for _ in pairs]
            except _BROKEN as error:
                return [{name: Failure("measurement", "no_model", _unloaded(error))} for _ in pairs]
            return [{name: self._one(module, pair)} for pair in pairs]

    def _load(self) -> Any:
        if importlib.util.find_spec("evaluate") is None:
            raise MissingExtraError("The metric 'evaluate'", "evaluate")
        key = (self.module, self.sha256)
        if key not in _LOADED:
            import evaluate

            path = Path(self.module).expanduser()
            if not self.hub and (not path.exists() or _digest(path) != self.sha256):
                raise FileNotFoundError(f"{path.name} is absent or not the one that was keyed")
            where = self.module if self.hub else str(path.resolve())
            _LOADED[key] = evaluate.load(where, keep_in_memory=True, experiment_id=f"ragscout-{os.getpid()}")
        return _LOADED[key]

    def _one(self, module: Any, pair: AnswerPair) -> Score | Failure:
        try:
            if _takes_lists(module):
                values = [module.compute(predictions=[pair.answer], references=[list(pair.references)])]
            else:
                values = [module.compute(predictions=[pair.answer], references=[text]) for text in pair.references]
        except (OSError, ImportError):
            raise  # nothing about this pair: a score that is missing for good would be held against the row
        except _BROKEN as error:
            return Failure("measurement", "metric_failed", f"The module failed: {type(error).__name__}: {_line(error)}")
        return self._read(values)

    def _read(self, values: Sequence[Any]) -> Score | Failure:
        numbers: list[float] = []
        for value in values:
            found: Any = value.get(self._wanted) if isinstance(value, dict) else None
            if isinstance(found, list | tuple) and len(found) == 1:
                found = found[0]
            if isinstance(found, bool) or not hasattr(found, "__float__"):
                given = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
                return Failure("measurement", "metric_failed", f"The module gives no {self._wanted!r}, but {given}.")
            numbers.append(float(found))
        best = max(numbers) if self.higher_is_better else min(numbers)
        if not self.low <= best <= self.high:
            return Failure("measurement", "metric_failed", f"{best} lies outside {self.low:g}..{self.high:g}.")
        return Score(best)


def as_evaluate(name: str, parameters: dict[str, Any] | None = None) -> Any:
    """One of our text metrics as an ``evaluate.Metric``, for use elsewhere.

    ``compute(predictions, references)`` takes strings, or a list of references per prediction, and returns the mean
    under the figure's name and the single scores under ``<figure>_scores``; empty answers and refusals score the floor.

    Raises:
        UnknownNameError: no metric over texts has this name.
        MissingExtraError: the extra ``evaluate`` is not installed.
        StepError: from ``compute``, when the metric cannot score a pair (no model, unsuitable language).
    """
    if importlib.util.find_spec("evaluate") is None:
        raise MissingExtraError("as_evaluate", "evaluate")
    known = [key for key, cls in steps_of("measure").items() if issubclass(cls, TextMetric)]
    if name not in known:
        raise UnknownNameError("as_evaluate", "metric over texts", name, known)
    metric = make("measure", name, parameters)
    assert isinstance(metric, TextMetric)
    return _wrapped(metric)


def _wrapped(metric: TextMetric) -> Any:
    import datasets
    import evaluate

    text = datasets.Value("string")
    lists = datasets.Features({"predictions": text, "references": datasets.Sequence(text)})
    singles = datasets.Features({"predictions": text, "references": text})

    class Wrapped(evaluate.Metric):  # type: ignore[misc]
        """A metric of ragscout behind evaluate's interface."""

        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=str(type(metric).__doc__),
                citation="",
                inputs_description="predictions: strings; references: strings, or a list of strings for each.",
                features=[lists, singles],
            )

        def _compute(self, predictions: Sequence[str], references: Sequence[Any]) -> dict[str, Any]:
            return _computed(metric, predictions, references)

    return Wrapped(keep_in_memory=True)


def _computed(metric: TextMetric, predictions: Sequence[str], references: Sequence[Any]) -> dict[str, Any]:
    questions = [
        Question(str(row), "", (given,) if isinstance(given, str) else tuple(given))
        for row, given in enumerate(references)
    ]
    answers = [Answer(text) for text in predictions]
    runtime: Any = LocalRuntime()
    outcomes: list[Any] = asyncio.run(metric.run(runtime, questions, generate=answers))
    result: dict[str, Any] = {}
    for figure in metric.figures():
        scores = []
        for row, outcome in enumerate(outcomes):
            item = outcome[figure.name]
            if isinstance(item, Failure) and item.whose == "measurement":
                raise StepError(f"{metric.name}: pair {row} cannot be scored; got {item.kind}. {item.detail}")
            scores.append(figure.floor if isinstance(item, Failure) else item.value)
        result[figure.name] = sum(scores) / len(scores) if scores else figure.floor
        result[f"{figure.name}_scores"] = scores
    return result


class LocalRuntime:
    """What text metrics need of a runtime outside a sweep: a memo in memory and the models of this machine."""

    threads = 1
    memory_limit = 1 << 30

    def __init__(self) -> None:
        self.memo = _Memo()
        self.models = Resolver()

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure:
        """Text metrics ask no chat model."""
        raise StepError("as_evaluate: this metric asks a chat model; got no connection. Run it in a sweep.")

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """Text metrics ask no endpoint."""
        raise StepError("as_evaluate: this metric asks an endpoint; got no connection. Run it in a sweep.")

    def report(self, node: str, what: str, value: float) -> None:
        """Nothing listens."""


class _Memo:
    """A memo that lives as long as one ``compute``."""

    def __init__(self) -> None:
        self._vectors: list[Any] = []

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        first = {key: position for position, key in reversed(list(enumerate(keys)))}
        missing = sorted(first.values())
        made = dict(zip(missing, await compute(missing), strict=True)) if missing else {}
        return [made[first[key]] for key in keys]

    async def vectors(
        self, encoder: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Awaitable[np.ndarray]]
    ) -> list[VectorRef]:
        self._vectors = list(await compute(texts)) if texts else []
        return [VectorRef("", row) for row in range(len(texts))]

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        import numpy as np

        return np.stack([self._vectors[ref.row] for ref in refs])


def _takes_lists(module: Any) -> bool:
    """Whether the module declares a list of references for each prediction."""
    features = module.features if isinstance(module.features, list) else [module.features]
    kinds = [feature["references"] for feature in features if "references" in feature]
    return any(not hasattr(kind, "dtype") or str(kind.dtype).startswith("list") for kind in kinds)


def _digest(path: Path) -> str:
    """SHA-256 over the names and bytes of a module's Python files."""
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    found = hashlib.sha256()
    for file in files:
        found.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _unloaded(error: Exception) -> str:
    return f"The module cannot be loaded: {type(error).__name__}: {_line(error)}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
