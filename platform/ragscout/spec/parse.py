"""A sweep file's text to a typed spec. Unknown keys are errors, omitted ones are chosen and said aloud."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ragscout.model.errors import SpecError
from ragscout.model.stages import STAGES, identifying, keys
from ragscout.providers.network import host_of, is_loopback
from ragscout.spec.connection import Connection, connections
from ragscout.spec.document import SpecDocument, join, read
from ragscout.spec.entries import PIPELINE, entries, entry
from ragscout.spec.systems import systems
from ragscout.spec.types import BUDGET, Budget, GoalSpec, Include, Measure, ProbeSpec, SearchSpec, StageEntry, SweepSpec
from ragscout.steps.retrievers import KEY, recipe, recipes

TOP = (
    "sweep",
    "eval_set",
    "models",
    "models_file",
    "pipeline",
    "include",
    "measure",
    "goal",
    "search",
    "budget",
    "network",
    "holdout",
    "seed",
    "probe",
)
WITHIN = ("usd_per_1k", "p50_seconds", "p95_seconds", "tokens", "context_tokens", "complexity")
DEFAULT_RETRIEVAL = ("hit@5", "recall@5", "ndcg@10", "context_tokens@5")
DEFAULT_ANSWER = ("bleu", "meteor", "token_f1")
WEIGHTED = "weighted"
_NAME = re.compile(r"[^\W_][\w.-]{0,99}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d+)?")


def load(path: str | Path) -> SweepSpec:
    """Read a sweep file.

    Raises:
        SpecError: with file, line, column and remedy.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpecError(
            f"{path}: there is no such sweep file. Write one with `ragscout init`, or correct the path."
        ) from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: the file is not UTF-8; got a wrong byte at {error.start}. Save it as UTF-8."
        ) from None
    except OSError as error:
        raise SpecError(f"{path}: the sweep file cannot be read; got {error.strerror!r}. Check the path.") from None
    return parse(text, str(path), path.parent)


def parse(text: str, where: str, base: Path | None = None) -> SweepSpec:
    """Parse a sweep file's text.

    Args:
        text: YAML 1.2.
        where: the file's name, for messages.
        base: folder that relative paths start from.

    Raises:
        SpecError: with file, line, column and remedy.
    """
    base = base or Path()
    document = read(text, where)
    top = document.mapping(document.data, "", TOP)
    for key in ("sweep", "eval_set", "pipeline"):
        if top.get(key) is None:
            raise SpecError(f"{document.at('')}: {key} is missing; got {sorted(top)}. Add {key}: to the file.")
    models = {name: _pinned(item, base) for name, item in connections(document, base).items()}
    notes: list[str] = []
    pipeline = _pipeline(document, top["pipeline"], models, notes)
    answers = identifying()
    pipeline[answers] = systems(pipeline[answers], models, document)
    include = _include(document, top.get("include"), models)
    measure = _measure(document, top.get("measure"), notes)
    return SweepSpec(
        sweep=_name(document, top["sweep"]),
        eval_set=document.text(top["eval_set"], "eval_set"),
        pipeline=pipeline,
        connections=models,
        include=include,
        measure=measure,
        goal=_goal(document, top.get("goal"), measure, notes),
        search=_search(document, top.get("search"), notes),
        budget=_budget(document, top.get("budget"), notes),
        network=_network(document, top.get("network"), models, notes),
        holdout=_holdout(document, top.get("holdout")),
        seed=document.integer(top["seed"], "seed") if top.get("seed") is not None else 0,
        probe=_probe(document, top.get("probe")),
        notes=tuple(notes),
        base=base,
        document=document,
    )


def _name(document: SpecDocument, data: Any) -> str:
    name = document.text(data, "sweep")
    if not _NAME.fullmatch(name):
        raise document.wrong("sweep", "not a name", name, "Use letters, digits, '.', '-' and '_', at most 100.")
    return name


def _pinned(item: Connection, base: Path) -> Connection:
    """Return a local model with the digest of its bytes as its revision; a path is in no identity, only the file's
    name."""
    if item.provider != "local":
        return item
    from ragscout.providers.assets import Resolver
    from ragscout.providers.catalogue import CATALOGUE

    name = item.alias or item.model
    if name in CATALOGUE:
        return replace(item, alias=name, model="", revision=item.revision or CATALOGUE[name].revision)
    path = (base / Path(name).expanduser()).resolve()
    if not path.exists():
        return item
    return replace(item, alias=str(path), model=path.name, revision=item.revision or Resolver().revision(str(path)))


def _pipeline(
    document: SpecDocument, data: Any, models: dict[str, Connection], notes: list[str]
) -> dict[str, tuple[StageEntry, ...]]:
    fields = document.mapping(data, "pipeline", PIPELINE)
    found = {
        stage: entries(document, stage, fields[stage], join("pipeline", stage), models)
        for stage in PIPELINE
        if stage in fields
    }
    retrievers = found.get(KEY, (PIPELINE[KEY],))
    every = {key for chosen in recipes().values() for key in chosen.needs()}
    wanted = {key for item in retrievers for key in recipe(item.use, item.path).needs()}
    for key, default in PIPELINE.items():
        if key in found:
            continue
        found[key] = (default,)
        said = any(STAGES[stage].said for stage in keys()[key])
        if said and (key in wanted or key not in every):
            given = ", ".join(f"{name}: {value}" for name, value in default.parameters.items())
            notes.append(f"pipeline.{key} is not given: {default.use}{f' ({given})' if given else ''}.")
    return {key: found[key] for key in PIPELINE}


def _include(document: SpecDocument, data: Any, models: dict[str, Connection]) -> tuple[Include, ...]:
    if data is None:
        return ()
    found: list[Include] = []
    for item, path in document.listed(data, "include"):
        fields = document.mapping(item, path, ("name", "reference", *PIPELINE))
        name = document.text(fields.get("name"), join(path, "name"))
        if name in (other.name for other in found):
            raise document.wrong(join(path, "name"), "two included rows have this name", name, "Rename one.")
        stages: dict[str, StageEntry] = {}
        for stage in (stage for stage in PIPELINE if stage in fields):
            place = join(path, stage)
            alternatives = entries(document, stage, fields[stage], place, models)
            if len(alternatives) > 1:
                raise document.wrong(place, "an included row is one configuration", fields[stage], "Give one value.")
            stages[stage] = alternatives[0]
        if identifying() in stages:
            (stages[identifying()],) = systems([stages[identifying()]], models, document)
        reference = document.flag(fields.get("reference", False), join(path, "reference"))
        found.append(Include(name, reference, stages, path))
    return tuple(found)


def _measure(document: SpecDocument, data: Any, notes: list[str]) -> Measure:
    fields = document.mapping(data, "measure", ("retrieval", "answer")) if data is not None else {}
    families: dict[str, tuple[StageEntry, ...]] = {}
    for family, default in (("retrieval", DEFAULT_RETRIEVAL), ("answer", DEFAULT_ANSWER)):
        path = join("measure", family)
        if fields.get(family) == []:
            families[family] = ()
        elif family in fields:
            families[family] = tuple(_metric(document, item, at) for item, at in document.listed(fields[family], path))
        else:
            families[family] = tuple(_metric(document, item, path) for item in default)
            notes.append(f"measure.{family} is not given: {', '.join(default)}.")
    return Measure(families["retrieval"], families["answer"])


def _metric(document: SpecDocument, data: Any, path: str) -> StageEntry:
    """``recall@5`` (or MLflow's ``recall_5``) is ``recall`` with ``k: 5``; a mapping names the metric with ``use``."""
    made = entry(document, "measure", data, path)
    found = re.fullmatch(r"(.+)@(\d+)", made.use)
    if found is None:
        return made
    return StageEntry(found[1], {"k": int(found[2]), **made.parameters}, path)


def _goal(document: SpecDocument, data: Any, measure: Measure, notes: list[str]) -> GoalSpec:
    if data is None:
        metric = _default_goal(measure)
        notes.append(f"goal is not given: maximize {metric}.")
        return GoalSpec(metric)
    if isinstance(data, str):
        return GoalSpec(document.text(data, "goal"))
    fields = document.mapping(data, "goal", ("maximize", "minimize", "within", "require"))
    weights = _weights(document, fields.get("maximize"))
    minimize = "minimize" in fields
    if minimize and "maximize" in fields:
        raise document.wrong("goal.minimize", "one figure is the goal", "maximize beside it", "Leave one of them out.")
    if weights:
        metric = WEIGHTED
    elif "maximize" in fields:
        metric = document.text(fields["maximize"], "goal.maximize")
    elif minimize:
        metric = document.text(fields["minimize"], "goal.minimize")
    else:
        metric = _default_goal(measure)
    within = document.mapping(fields.get("within") or {}, "goal.within", WITHIN)
    require = document.mapping(fields.get("require") or {}, "goal.require")
    return GoalSpec(
        metric,
        {key: document.number(value, join("goal.within", key)) for key, value in within.items()},
        {key: document.number(value, join("goal.require", key)) for key, value in require.items()},
        weights,
        minimize,
    )


def _weights(document: SpecDocument, data: Any) -> dict[str, float]:
    """``maximize: {weighted: {judge.correctness: 0.7, meteor: 0.3}}``; empty where the goal is one figure."""
    if not isinstance(data, dict):
        return {}
    path = join("goal.maximize", WEIGHTED)
    fields = document.mapping(data, "goal.maximize", (WEIGHTED,))
    given = document.mapping(fields.get(WEIGHTED), path)
    weights = {name: document.number(value, join(path, name)) for name, value in given.items()}
    if len(weights) < 2 or not all(weights.values()):
        raise document.wrong(
            path, "it needs two figures or more, each with a weight above 0", weights, "Write weights."
        )
    return weights


def _default_goal(measure: Measure) -> str:
    for item in measure.answer:
        if item.use == "judge":
            criteria = item.parameters.get("criteria") or ["correctness"]
            first = criteria[0] if isinstance(criteria, list) else criteria
            return f"judge.{next(iter(first)) if isinstance(first, dict) else first}"
    names = [_figure(item) for item in measure.answer]
    if names:
        return "token_f1" if "token_f1" in names else names[0]
    if not measure.retrieval:
        raise SpecError("measure: no metric is left; got two empty lists. Name at least one metric.")
    first_metric = measure.retrieval[0]
    return f"{first_metric.use}@{first_metric.parameters['k']}" if "k" in first_metric.parameters else first_metric.use


def _figure(item: StageEntry) -> str:
    """Name of an answer metric's figure as far as the file says it."""
    metric = item.parameters.get("metric")
    return f"ragas.{metric[0] if isinstance(metric, list) else metric}" if item.use == "ragas" and metric else item.use


def _search(document: SpecDocument, data: Any, notes: list[str]) -> SearchSpec:
    if data is None:
        notes.append("search is not given: auto.")
        return SearchSpec()
    made = entry(document, "search", data, "search")
    return SearchSpec(made.use, made.parameters)


def _budget(document: SpecDocument, data: Any, notes: list[str]) -> Budget:
    if data is None:
        notes.append("budget is not given: no limit but the size of the space.")
        return Budget()
    fields = document.mapping(data, "budget", BUDGET)

    def count(key: str) -> int | None:
        return None if fields.get(key) is None else document.integer(fields[key], join("budget", key), 1)

    minutes = usd = None
    if fields.get("usd") is not None:
        usd = document.number(fields["usd"], "budget.usd")
    if fields.get("minutes") is not None:
        minutes = document.number(fields["minutes"], "budget.minutes")
        if minutes == 0:
            raise document.wrong("budget.minutes", "no time is left for anything", 0, "Write minutes above 0.")
    return Budget(usd, count("calls"), count("answers"), minutes, count("llm_calls"), count("tokens"))


def _probe(document: SpecDocument, data: Any) -> ProbeSpec:
    if data is None:
        return ProbeSpec()
    if data == "off":
        return ProbeSpec(0)
    fields = document.mapping(data, "probe", ("questions", "concurrency"))
    default = ProbeSpec()
    return ProbeSpec(
        document.integer(fields.get("questions", default.questions), "probe.questions"),
        document.integer(fields.get("concurrency", default.concurrency), "probe.concurrency", 1),
    )


def _holdout(document: SpecDocument, data: Any) -> float | None:
    if data is None:
        return None
    return 0.0 if data == "off" else document.number(data, "holdout", 0, 0.9)


def _network(
    document: SpecDocument, data: Any, models: dict[str, Connection], notes: list[str]
) -> Literal["offline"] | tuple[str, ...]:
    if data is None:
        away = (item for item in models.values() if item.provider != "local")
        remote = sorted(item.name for item in away if not (item.base_url and is_loopback(host_of(item.base_url))))
        if remote:
            notes.append(
                f"network is not given: offline. {', '.join(remote)} can be asked once network: lists its host."
            )
        return "offline"
    if data == "offline" or data == []:
        return "offline"
    hosts = []
    for item, path in document.listed(data, "network"):
        host = document.text(item, path)
        if not _HOST.fullmatch(host):
            raise document.wrong(
                path, "not a host name", host, "Write the host alone, such as api.openai.com, or offline."
            )
        hosts.append(host.lower())
    return tuple(dict.fromkeys(hosts))
