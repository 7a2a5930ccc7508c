"""Steps: the registry, validation of parameters, and the parts of a key that are about the step itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

import pytest
from pydantic_core import to_jsonable_python

from ragscout.model import step as registry
from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Usage
from ragscout.model.runtime import ChatModel
from ragscout.model.stages import STAGES, stage
from ragscout.model.step import Step, make, registered_stages, step, step_class, steps_of


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps of a test are gone after it."""
    monkeypatch.setattr(registry, "_REGISTRY", {})
    monkeypatch.setattr(registry, "_ADAPTERS", {})
    yield


def toy(version: int = 1, libraries: tuple[str, ...] = ()) -> type[Step]:
    @step("chunk", "toy", version=version, libraries=libraries, extra="local")
    class Toy(Step):
        """A step with one field of each kind."""

        size: int = field(default=100, metadata={"help": "size", "ge": 1, "le": 1000})
        share: float = field(default=0.5, metadata={"help": "share", "ge": 0.0})
        mode: str = field(default="fast", metadata={"help": "mode", "choices": ("fast", "good")})
        model: ChatModel | None = field(default=None, metadata={"help": "model"})
        note: str = field(default="", metadata={"help": "for people", "key": False})

    return Toy


def test_a_registered_step_is_found_and_knows_itself() -> None:
    made = toy(3, ("numpy",))
    assert step_class("chunk", "toy") is made and steps_of("chunk") == {"toy": made}
    assert (made.stage, made.name, made.version, made.libraries, made.extra) == ("chunk", "toy", 3, ("numpy",), "local")
    assert registered_stages() == ("chunk",)


def test_two_steps_of_one_name_are_refused() -> None:
    toy()

    class Other(Step):
        pass

    with pytest.raises(ValueError, match="two steps are named 'toy'"):
        step("chunk", "toy", version=1)(Other)
    with pytest.raises(UnknownNameError, match="Did you mean 'chunk'"):
        step("chunks", "toy", version=1)


def test_a_step_that_is_not_offered_is_hidden_from_people_and_found_by_the_engine() -> None:
    @step("chunk", "inner", version=1)
    class Inner(Step):
        offered = False

    assert steps_of("chunk") == {} and steps_of("chunk", every=True) == {"inner": Inner}
    assert step_class("chunk", "inner") is Inner


@pytest.mark.parametrize("given", [20, "20", 20.0])
def test_spellings_of_a_number_are_one_parameter_and_one_key(given: object) -> None:
    toy()
    assert make("chunk", "toy", {"size": given}).key({"corpus": "0"}) == make("chunk", "toy", {"size": 20}).key(
        {"corpus": "0"}
    )


def test_defaults_and_labels_for_people_are_in_no_key() -> None:
    toy()
    plain = make("chunk", "toy")
    assert plain.parameters() == {} and plain.label() == "toy"
    assert make("chunk", "toy", {"size": 100, "note": "mine"}).key({}) == plain.key({})
    other = make("chunk", "toy", {"size": 7, "mode": "good"})
    assert other.parameters() == {"size": 7, "mode": "good"} and other.label() == "toy(size=7, mode=good)"
    assert make("chunk", "toy", to_jsonable_python(other.parameters())) == other


def test_version_library_and_inputs_change_a_key() -> None:
    toy()
    key = make("chunk", "toy").key({"corpus": "a"})
    assert make("chunk", "toy").key({"corpus": "b"}) != key
    registry._REGISTRY.clear()
    toy(2)
    assert make("chunk", "toy").key({"corpus": "a"}) != key
    registry._REGISTRY.clear()
    toy(1, ("numpy",))
    with_library = make("chunk", "toy").key({"corpus": "a"})
    registry._REGISTRY.clear()
    toy(1, ("a-distribution-that-is-absent",))
    assert len({key, with_library, make("chunk", "toy").key({"corpus": "a"})}) == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": 0}, r"chunk\.toy\.size: out of range; got 0\. Allowed: int, at least 1 and at most 1000\."),
        ({"size": 1001}, "out of range"),
        ({"size": "many"}, "valid integer.*got 'many'"),
        ({"size": 1.5}, "got 1.5"),
        ({"share": -0.1}, "at least 0.0"),
        ({"share": "nan"}, "cannot hold nan"),
        ({"mode": "slow"}, r"not one of the choices; got 'slow'\. Allowed: fast, good\."),
        ({"model": 3}, "chunk.toy.model"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(parameters: dict[str, object], message: str) -> None:
    toy()
    with pytest.raises((ParameterError, ValueError), match=message):
        make("chunk", "toy", parameters).key({})


def test_unknown_names_are_suggested() -> None:
    toy()
    with pytest.raises(UnknownNameError, match="Did you mean 'size'"):
        make("chunk", "toy", {"sise": 1}, "sweep.yaml:3:4")
    with pytest.raises(UnknownNameError, match=r"sweep\.yaml:3:4: unknown chunk step; got 'toys'\. Did you mean 'toy'"):
        make("chunk", "toys", {}, "sweep.yaml:3:4")


def test_a_parameter_without_a_default_is_asked_for() -> None:
    @step("chunk", "needy", version=1)
    class Needy(Step):
        path: str = field(metadata={"help": "a path"})
        even: int = field(default=2, metadata={"help": "an even number"})

        def __post_init__(self) -> None:
            if self.even % 2:
                raise ValueError("even is odd")

    with pytest.raises(ParameterError, match=r"Add path\."):
        make("chunk", "needy")
    with pytest.raises(ParameterError, match=r"chunk\.needy: even is odd"):
        make("chunk", "needy", {"path": "x", "even": 3})
    assert make("chunk", "needy", {"path": "x"}).parameters() == {"path": "x"}


def test_a_step_spends_nothing_elsewhere_by_itself() -> None:
    toy()
    spent: Usage | None = make("chunk", "toy").spent(Question("q", "?"))
    assert spent is None


def test_the_stage_table_is_a_graph_without_circles() -> None:
    order = list(STAGES)
    for place, name in enumerate(order):
        known = set(order[: place + 1])  # a corpus step may follow another one
        assert set(STAGES[name].inputs) <= known, name
        assert STAGES[name].grain == "whole" or STAGES[name].reads, "a cell is addressed by what its stage reads"
    assert stage("chunk") is STAGES["chunk"]
    with pytest.raises(UnknownNameError, match="Did you mean 'rerank'"):
        stage("rerrank")
