"""The golden file of keys: what is stored is found by key, so a key that changes unnoticed throws results away.

``current`` computes the keys of the configurations and metrics of a folder of sweep files, and of a few requests and
questions. ``differences`` says which differ from the golden ones and why. A difference is explained when a version, a
wording or a sweep file changed; else the form of keys itself must have changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.model.config import Configuration, source_node
from ragscout.model.evalset import Question, Span
from ragscout.model.key import digest, keyed_classes, short
from ragscout.model.outcome import Message
from ragscout.model.runtime import ChatModel, ChatRequest
from ragscout.model.stages import STAGES
from ragscout.model.step import Step
from ragscout.spec import load, metrics, space

REMEDY = (
    "Every store would compute it anew. Undo the change of the canonical form; where it is meant, run "
    "python -m ragscout.testing.bless --new-keys, and make the committed store anew (docs/keys.md)."
)
_SOURCE = source_node("0" * 64)


class _Revisions:
    """Knows every model, so that no key of the golden file depends on what lies on a machine."""

    def revision(self, model: str) -> str:
        """Return a revision that is the name."""
        return f"revision of {model}"


def current(folder: Path) -> dict[str, Any]:
    """Return what the golden file should say: ``tags`` of dataclasses, ``values`` by name, ``sweeps`` by sweep file.

    Args:
        folder: the sweep files. Installed versions of libraries count as one and the same.
    """
    with (
        patch("ragscout.model.step._library", lambda name: "any"),
        patch("importlib.metadata.version", lambda name: "any"),
        patch("ragscout.providers.tokenize.kiwi_available", lambda: True),
    ):
        return {
            "tags": sorted(tag for cls, tag in keyed_classes().items() if cls.__module__.startswith("ragscout.")),
            "values": dict(_values()),
            "sweeps": {file.stem: _sweep(file) for file in sorted(folder.glob("*.yaml"))},
        }


@dataclass(frozen=True)
class KeyDifference:
    """A key that is not what the golden file says. ``explained``: something changed that is meant to change keys."""

    what: str
    why: str
    explained: bool

    def __str__(self) -> str:
        if self.explained:
            return f"{self.what}: {self.why}. Run python -m ragscout.testing.bless."
        return f"{self.what}: {self.why}, and nothing that may change it did. {REMEDY}"


def differences(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[KeyDifference]:
    """Every key that differs from the golden file, and why."""
    found = []
    for tag in sorted({*golden["tags"]} ^ {*now["tags"]}):
        new = tag in now["tags"]
        found.append(KeyDifference(f"tag {tag}", "it is new" if new else "it is gone", new))
    for name in sorted(golden["values"].keys() | now["values"].keys()):
        old, new_key = golden["values"].get(name), now["values"].get(name)
        if old != new_key:
            found.append(KeyDifference(name, "it is new" if old is None else "its key changed", old is None))
    for sweep in sorted(golden["sweeps"].keys() | now["sweeps"].keys()):
        found += _of_sweep(sweep, golden["sweeps"].get(sweep), now["sweeps"].get(sweep))
    return found


def _of_sweep(sweep: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[KeyDifference]:
    if before is None or after is None or before["file"] != after["file"]:
        change = "is new" if before is None else "is gone" if after is None else "changed"
        yield KeyDifference(sweep, f"the sweep file {change}", True)
        return
    was, now = ({item["key"] for item in side["keys"].values()} for side in (before, after))
    for name in sorted(before["keys"].keys() | after["keys"].keys()):
        old, new = before["keys"].get(name), after["keys"].get(name)
        if (old is None or old["key"] in now) and (new is None or new["key"] in was):
            continue  # the same keys, whatever people call them
        if old is None or new is None:
            yield KeyDifference(f"{sweep}: {name}", "it is new" if old is None else "it is gone", old is None)
        else:
            yield _of_key(f"{sweep}: {name}", old, new)


def _of_key(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> KeyDifference:
    """Where the key of a configuration or metric begins to differ, and which steps say why."""
    order = list(STAGES)
    stages = sorted({*old["nodes"], *new["nodes"]}, key=lambda stage: order.index(stage) if stage in order else 0)
    first = next(stage for stage in stages if old["nodes"].get(stage) != new["nodes"].get(stage))
    steps = [(stage, *(side["steps"].get(stage, "absent") for side in (old, new))) for stage in stages]
    changed = [f"; {stage} was {was}, is {now}" for stage, was, now in steps if was != now]
    return KeyDifference(what, f"its key changed from {first} on{''.join(changed)}", bool(changed))


def _sweep(file: Path) -> dict[str, Any]:
    spec, resolver = load(file), _Revisions()
    found = space(spec, _SOURCE, resolver)
    keys = {item.label(): _of_configuration(item) for item in found.configurations}
    assert len(keys) == len(found.configurations), f"{file}: two configurations have one label"
    # vectors are kept under the key of the encoder alone, whatever it is given
    encoders = {step.key({}): step for item in found.configurations if (step := item.steps.get("embed")) is not None}
    keys |= {f"vectors of {step.label()}": _of_step(step) for step in encoders.values()}
    if "measure" in spec.document.data:
        keys |= {metric.label(): _of_step(metric) for metric in metrics(spec, resolver)}
    beside = b"".join(path.read_bytes() for path in sorted(file.parent.glob("*")) if path.suffix != ".yaml")
    return {"file": hashlib.sha256(file.read_bytes() + beside).hexdigest(), "keys": keys}


def _of_configuration(configuration: Configuration) -> dict[str, Any]:
    return {
        "key": configuration.key,
        "nodes": {stage: short(node.key) for stage, node in configuration.nodes.items() if stage != "source"},
        "steps": {stage: _described(step) for stage, step in configuration.steps.items()},
    }


def _of_step(step: Step) -> dict[str, Any]:
    key = step.key({})
    return {"key": key, "nodes": {step.stage: short(key)}, "steps": {step.stage: _described(step)}}


def _described(step: Step) -> str:
    """Return what may give a step another key with the same parameters: its version, libraries and packaged wording."""
    wording = sorted(f"{item.name} {short(item.digest)}" for item in step.packaged_texts())
    return " | ".join([f"{step.name} {step.version}", *step.libraries, *wording])


def _values() -> Iterator[tuple[str, str]]:
    """Keys that no configuration holds: requests and questions, and one value of every kind."""
    model = ChatModel("openai", "gpt", "7", "http://127.0.0.1:9", "label")
    yield "a value of every kind", digest(None, True, 1, 0.5, "글", b"b", (1, "a"), {"a": (1,), "b": None}, {2, 1})
    yield "a chat model", digest(model)
    yield "a plain request", ChatRequest(ChatModel("openai", "gpt"), (Message("user", "Is it?"),), 16).key
    messages = (Message("system", "Be short."), Message("user", "맞나요?"), Message("assistant", "Yes."))
    yield "a request with everything", ChatRequest(model, messages, 64, 0.7, 0.9, ("#",), '{"type":"object"}', 3, 1).key
    span = Span("a.md", "quote", 3, 8, 1, "digest", "suggested")
    questions = {
        "a question": Question("q1", "Is it?"),
        "a question with everything": Question(
            "q2",
            "맞나요?",
            ("네", "예"),
            False,
            (span, Span("b.md")),
            ("a.md",),
            "type",
            "slice",
            2.0,
            True,
            {"a": "b"},
            {"lang": ("ko", "en")},
        ),
    }
    for name, question in questions.items():
        yield f"{name}: text", question.text_key
        yield f"{name}: evidence", question.evidence_key
        yield f"{name}: everything", question.full_key
