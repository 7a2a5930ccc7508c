"""How much work a sweep's steps would be given, each told what the steps before it make of the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragscout.model.config import Configuration, Node
from ragscout.model.cost import Workload
from ragscout.model.stages import configured
from ragscout.model.text import language
from ragscout.plan.setup import Setup
from ragscout.store.store import Store

CHARACTERS_PER_TOKEN = {"ko": 1.6, "en": 4.2}
BYTES_PER_CHARACTER = {"ko": 2.4, "en": 1.0}


def workload(prepared: Setup, store: Store) -> Workload:
    """Return what the first step is given: the files by their size, the questions by their length."""
    files = {file.sha256 for file in prepared.eval_set.files}
    size = float(sum(store.blobs.size(digest) for digest in files if store.blobs.exists(digest)))
    korean = sum(language(question.text) == "ko" for question in prepared.questions) * 2 > len(prepared.questions)
    spoken = "ko" if korean else "en"
    asked = sum(len(question.text) for question in prepared.questions) / len(prepared.questions)
    return Workload(
        characters=size / BYTES_PER_CHARACTER[spoken],
        per_character=BYTES_PER_CHARACTER[spoken],
        per_token=CHARACTERS_PER_TOKEN[spoken],
        question=asked,
    )


def along(configuration: Configuration, material: Workload) -> Mapping[str, Workload]:
    """Return by stage what each step of a configuration is given; under ``""`` what the metrics are given."""
    found: dict[str, Workload] = {}
    for stage in configured():
        step = configuration.steps.get(stage)
        if step is not None:
            found[stage] = material
            material = step.after(material)
    return {**found, "": material}


def before(node: Node, material: Workload) -> Workload:
    """Return what the step of a node is given."""
    for item in node.ancestors():
        if item.step is not None and item.key != node.key:
            material = item.step.after(material)
    return material


def mean_of(materials: Sequence[Workload]) -> Workload:
    """Return the mean of several workloads that differ in their passages only."""
    first = materials[0]
    count = len(materials)
    passages = sum(item.passages for item in materials) / count
    held = sum(item.passages * item.passage for item in materials) / count
    return Workload(
        characters=first.characters,
        per_character=first.per_character,
        per_token=first.per_token,
        question=first.question,
        chunks=sum(item.chunks for item in materials) / count,
        chunk=sum(item.chunk for item in materials) / count,
        depth=sum(item.depth for item in materials) / count,
        passages=passages,
        passage=held / passages if passages else 0.0,
    )
