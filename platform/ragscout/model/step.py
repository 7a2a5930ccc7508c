"""Steps: pure, typed components, and their registry.

**This docstring is the contract.** A step is a frozen, keyword-only dataclass decorated with ``@step(stage, name,
version=N)``. Its fields are its parameters, its schema, its cache key, its documentation and its MLflow parameters:

* every field has a type that pydantic validates, a default where one is sensible, and
  ``field(metadata={"help": "...", "ge": 1, "choices": (...)})`` for help and limits;
* settings that cannot change results (device, batch size, URLs, time-outs) are not fields, they live in ``Runtime``;
* heavy imports happen inside ``run``;
* ``version`` grows by one when the code's output changes; ``libraries`` names distributions whose installed version
  shapes the output, ``packaged`` the prompts, rubrics and word lists that do (see ``model.packaged``). All are keyed.

A *whole* stage's step has ``async run(self, runtime, **inputs) -> value``. A *per-question* stage's step has
``async run(self, runtime, questions, **inputs) -> list`` with one outcome per question, in order: the value it would
return for that question alone, a ``Failure`` (final) or an ``Unfilled`` (asked again). ``inputs`` are named after the
stages in ``model.stages``: whole inputs arrive as the value, per-question inputs as a list aligned with ``questions``,
absent ones are not passed. A question whose input is a ``Failure`` never reaches a step (except ``measure``): the
engine passes the failure on.

**What a step declares**, so that nothing has to be guessed from its fields:

* ``uses``: which of its stage's inputs it reads, where that is not all of them. What is learnt from questions (the
  stage ``fit``) is read only by a step that names it here. It is handed a value that never saw the questions at hand;
* ``models()``: chat models (fields of type ``ChatModel``) and model files. A text field that names model files says so
  with ``metadata={"model": "revision"}``, where ``revision`` is the field that keeps the revision;
* ``ready(models)``: whether this machine can run it, checked before anything is spent;
* ``cost(material)`` and ``after(material)``: what it takes, and what the steps after it are given;
* ``resources``: cores, graphics processors and memory it needs;
* ``identity``: it changes nothing. An identity step has no parameters and makes no node: what reads its stage gets the
  value made on the spot (at a whole stage: none), and has the key that it would have if the stage did not exist.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import TypeAdapter, ValidationError

from ragscout.model.cost import Cost, Resources, Workload
from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.model.key import canonical_text, digest_of, set_fields
from ragscout.model.packaged import Packaged
from ragscout.model.runtime import ChatModel, ModelFiles
from ragscout.model.stages import STAGES, stage
from ragscout.model.training import Split

if TYPE_CHECKING:
    from ragscout.model.evalset import Question
    from ragscout.model.outcome import Usage
    from ragscout.model.runtime import Models


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """Base of every component. Subclasses are made with ``@step``."""

    stage: ClassVar[str] = ""
    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    packaged: ClassVar[tuple[Packaged, ...]] = ()
    """Every packaged wording that the step's code can read, whatever its parameters."""
    extra: ClassVar[str] = ""
    offered: ClassVar[bool] = True
    """Whether a sweep file may name it; ``False`` for steps that only the engine puts into a graph."""
    uses: ClassVar[tuple[str, ...] | None] = None
    """Inputs of its stage that it reads; ``None``: all but those on request. One that reads none is a system of its
    own."""
    identity: ClassVar[bool] = False
    """Whether it changes nothing (see above); a stage has at most one such step."""
    gives: ClassVar[tuple[str, ...]] = ()
    """Columns that its value holds beyond those every value of the stage has, such as ``parents``."""
    stands_for: ClassVar[tuple[str, ...]] = ()
    """What may be written at its stage in its stead: ``parameters`` (a mapping without ``use``), ``connection`` (the
    name of a connection), ``hub name``, or a role of the model catalogue (an alias of it)."""
    needs_passages: ClassVar[bool] = False
    """For answering steps: whether without passages there is nothing to answer from."""
    resources: ClassVar[Resources] = Resources()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Stages whose values it reads."""
        return STAGES[self.stage].inputs if self.uses is None else self.uses

    def idle(self, steps: Mapping[str, Step]) -> bool:
        """Whether it changes nothing beside these steps (by stage), so that it is left out of the graph."""
        return self.identity

    def models(self) -> tuple[ChatModel | ModelFiles, ...]:
        """Every model that it asks or loads."""
        found: list[ChatModel | ModelFiles] = []
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "model" in item.metadata and isinstance(value, str) and value:
                revision = item.metadata["model"]
                found.append(ModelFiles(value, getattr(self, revision) if revision else "", item.name))
            else:
                held = value if isinstance(value, (tuple, list)) else (value,)
                found += [one for one in held if isinstance(one, ChatModel)]
        return tuple(found)

    def splits(self) -> tuple[Split, ...]:
        """Training splits that it learns from: its fields of type ``Split``."""
        values = (getattr(self, item.name) for item in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Split))

    def ready(self, models: Models) -> None:
        """Check before anything is spent that this machine can run the step.

        Raises:
            AbsentError: a model's files are absent and may not be fetched.
            MissingExtraError: an optional dependency is absent.
            SpecError: it needs a host that the network policy does not allow.
        """
        for item in model_files(self):
            models.folder(item.name, item.revision)

    def cost(self, material: Workload) -> Cost:
        """Return what the work takes. By default one request to each chat model with the question and its passages."""
        return Cost(requests=float(len(chat_models(self))), prompt=material.asked)

    def after(self, material: Workload) -> Workload:
        """Return what the steps after it are given."""
        return material

    def parameters(self) -> dict[str, Any]:
        """Non-default parameters, as plain values."""
        return set_fields(self)

    def packaged_texts(self) -> tuple[Packaged, ...]:
        """Return what of ``packaged`` the step reads with these parameters; all of it, unless a step says less."""
        return self.packaged

    def key(self, inputs: Mapping[str, str]) -> str:
        """Key of the node made of this step and the keys of its inputs (stage name to key)."""
        wording = sorted((item.name, item.digest) for item in self.packaged_texts())
        # nothing is added for a step that reads no wording: encoders keep their keys, and with them their vectors
        added = (canonical_text(wording),) if wording else ()
        return digest_of(self._without_inputs, canonical_text(dict(inputs)), *added)

    @functools.cached_property
    def _without_inputs(self) -> str:
        """What the step itself gives to its keys; a step of a space is in hundreds of nodes."""
        libraries = {name: _library(name) for name in self.libraries}
        return canonical_text("node", self.stage, self.name, self.version, self.parameters(), libraries)

    def spent(self, question: Question) -> Usage | None:
        """Return what an outcome took where it was made elsewhere; ``None``: what it took here."""
        return None

    def label(self) -> str:
        """Short text for people: the name and the parameters that differ from the default."""
        given = ", ".join(f"{name}={_show(value)}" for name, value in self.parameters().items())
        return f"{self.name}({given})" if given else self.name


def chat_models(step: Step) -> list[ChatModel]:
    """Chat models that a step asks."""
    return [item for item in step.models() if isinstance(item, ChatModel)]


def model_files(step: Step) -> list[ModelFiles]:
    """Models that a step loads from files of this machine."""
    return [item for item in step.models() if isinstance(item, ModelFiles)]


def model_name(step: Step) -> str:
    """Name of the model that a step is known by, the one in its field ``model``; empty when it has no such field."""
    value = next((getattr(step, item.name) for item in dataclasses.fields(step) if item.name == "model"), None)
    return (value.label or value.model) if isinstance(value, ChatModel) else str(value or "")


S = TypeVar("S", bound=Step)
_REGISTRY: dict[tuple[str, str], type[Step]] = {}
_IDENTITY: dict[str, Step] = {}


def step(
    stage_name: str,
    name: str,
    *,
    version: int,
    libraries: tuple[str, ...] = (),
    packaged: tuple[Packaged, ...] = (),
    extra: str = "",
) -> Callable[[type[S]], type[S]]:
    """Register a component under a stage and a name.

    Args:
        stage_name: the stage.
        name: the step's name there.
        version: grows by one when the output changes.
        libraries: distributions whose installed version shapes the output.
        packaged: wording that the step reads, beside what its base classes name.
        extra: the optional dependency group that the step needs, for the one-line error when it is absent.
    """
    stage(stage_name)

    def register(cls: type[S]) -> type[S]:
        made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        known = _REGISTRY.get((stage_name, name))
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"two steps are named {name!r} at stage {stage_name!r}: {known} and {cls}")
        made.stage, made.name, made.version = stage_name, name, version
        made.libraries, made.extra = libraries, extra
        made.packaged = tuple(dict.fromkeys((*cls.packaged, *packaged)))
        _check(made)
        _REGISTRY[stage_name, name] = made
        if made.identity:
            _IDENTITY[stage_name] = made()
        return made

    return register


def _check(cls: type[Step]) -> None:
    """Refuse declarations that cannot hold.

    Raises:
        ValueError: it reads what its stage is not given; or an identity step with parameters, another version than 1
            or a stage that has one already.
    """
    where = f"{cls.stage}.{cls.name}"
    given = STAGES[cls.stage]
    strange = set(cls.uses or ()) - {*given.inputs, *given.on_request}
    if strange:
        raise ValueError(f"{where}: it uses {sorted(strange)}, which its stage is not given.")
    if not cls.identity:
        return
    known = identity_of(cls.stage)
    if known is not None and type(known).__qualname__ != cls.__qualname__:
        raise ValueError(f"{where}: the stage has an identity step already, {known.name!r}.")
    if dataclasses.fields(cls) or cls.version != 1 or (given.grain != "question" and cls.uses != ()):
        raise ValueError(
            f"{where}: an identity step has no parameters, version 1 and a stage with one cell per question (or it "
            "reads nothing, and stands for no value at all), as the keys of what reads it do not know of it."
        )


def identity_of(stage_name: str) -> Step | None:
    """Return the step that changes nothing at a stage, ``None`` when there is none."""
    return _IDENTITY.get(stage_name)


def steps_of(stage_name: str, every: bool = False) -> dict[str, type[Step]]:
    """Return registered steps of a stage by name, sorted: those that are offered, or ``every`` one. Import
    ``ragscout.steps`` first to have them all."""
    found = {name: cls for (where, name), cls in sorted(_REGISTRY.items()) if where == stage_name}
    return {name: cls for name, cls in found.items() if every or cls.offered}


def step_class(stage_name: str, name: str, where: str = "") -> type[Step]:
    """Look a component up.

    Raises:
        UnknownNameError: with a did-you-mean and the allowed names.
    """
    found = _REGISTRY.get((stage_name, name))
    if found is None:
        raise UnknownNameError(where or stage_name, f"{stage_name} step", name, steps_of(stage_name))
    return found


def make(stage_name: str, name: str, parameters: Mapping[str, Any] | None = None, where: str = "") -> Step:
    """Validate parameters to the declared types and build a step.

    Raises:
        UnknownNameError: unknown step or parameter name.
        ParameterError: a value of the wrong type or outside its range.
    """
    cls = step_class(stage_name, name, where)
    where = where or f"{stage_name}.{name}"
    fields = {field.name: field for field in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in (parameters or {}).items():
        if key not in fields:
            raise UnknownNameError(where, f"parameter of {name!r}", key, fields)
        values[key] = _validated(cls, fields[key], value, f"{where}.{key}")
    missing = [
        field.name
        for field in fields.values()
        if field.name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ParameterError(f"{where}: a parameter is missing; got {sorted(values)}. Add {', '.join(missing)}.")
    try:
        return cls(**values)
    except ValueError as error:
        raise ParameterError(f"{where}: {error}") from error


def _validated(cls: type[Step], field: dataclasses.Field[Any], value: Any, where: str) -> Any:
    try:
        got = field_adapter(cls, field.name).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ParameterError(f"{where}: {reason.lower()}; got {value!r}. {_allowed(field)}") from None
    meta = field.metadata
    if "choices" in meta and got not in meta["choices"]:
        raise ParameterError(f"{where}: not one of the choices; got {value!r}. {_allowed(field)}")
    if ("ge" in meta and got is not None and got < meta["ge"]) or (
        "le" in meta and got is not None and got > meta["le"]
    ):
        raise ParameterError(f"{where}: out of range; got {value!r}. {_allowed(field)}")
    return got


_ADAPTERS: dict[tuple[type[Step], str], TypeAdapter[Any]] = {}


def field_adapter(cls: type[Step], name: str) -> TypeAdapter[Any]:
    """Return the validator of one declared field of a step class."""
    if (cls, name) not in _ADAPTERS:
        _ADAPTERS[cls, name] = TypeAdapter(typing.get_type_hints(cls)[name])
    return _ADAPTERS[cls, name]


def _allowed(field: dataclasses.Field[Any]) -> str:
    meta = field.metadata
    if "choices" in meta:
        return f"Allowed: {', '.join(map(str, meta['choices']))}."
    limits = [f"{word} {meta[name]}" for name, word in (("ge", "at least"), ("le", "at most")) if name in meta]
    kind = getattr(field.type, "__name__", field.type)
    return f"Allowed: {kind}{', ' if limits else ''}{' and '.join(limits)}."


@functools.cache
def _library(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _show(value: Any) -> str:
    return getattr(value, "label", None) or str(value)


def registered_stages() -> tuple[str, ...]:
    """Stages that have at least one registered step, in graph order."""
    return tuple(name for name in STAGES if any(where == name for where, _ in _REGISTRY))
