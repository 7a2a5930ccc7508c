"""The files of a bundle beside its manifest: values, documents, prompts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ragscout.model.config import Configuration, read_from
from ragscout.model.errors import BundleError, StoreError
from ragscout.model.evalset import EvalSet
from ragscout.model.key import short
from ragscout.model.stages import STAGES, learning
from ragscout.model.step import Step
from ragscout.model.values import PART
from ragscout.serve.archive import safe_name
from ragscout.serve.manifest import packaged_prompts, without_paths
from ragscout.store.store import Store

INDEX = "index"
DOCUMENTS = "documents"


def needed(configuration: Configuration) -> dict[str, str]:
    """Stage to node key of the whole values that questions are answered from, those learnt from questions for every
    fold: a question of the evaluation set is answered as it was measured."""
    found: dict[str, str] = {}
    for item in configuration.last.ancestors():
        if item.per_question:
            found |= {parent.stage: parent.key for parent in item.inputs if not parent.per_question}
    # the passages are shown beside an answer, whether or not a prompt was made of them
    shown = read_from("context", configuration.nodes) or ()
    found |= {item.stage: item.key for item in shown if not item.per_question}
    return {stage: found[stage] for stage in STAGES if stage in found}


def learnt(configuration: Configuration) -> dict[str, str]:
    """Stage to node key of the value that was learnt from questions, which no documents give back; empty without
    one."""
    return {item.stage: item.key for item in configuration.last.ancestors() if item.stage == learning()}


def copy_values(wanted: Mapping[str, str], store: Store, folder: Path, places: Mapping[str, str]) -> list[str]:
    """Put values (stage to node key) into ``index/``; returns their stages.

    Raises:
        BundleError: the store does not hold one of them.
    """
    for stage, key in wanted.items():
        value = store.value_folder(key)
        if value is None:
            raise BundleError(
                f"export: the {stage} value of this configuration is not in the store; got none for node {short(key)}. "
                "Run the sweep again, then export."
            )
        shutil.copytree(value, folder / INDEX / stage, copy_function=_copy)
        for path in _described(folder / INDEX / stage) if places else ():
            text = path.read_text(encoding="utf-8")
            # the encoder's parameters as its index wrote them down; a pipeline takes them from its embed step
            path.write_text(without_paths(text, _escaped(places)), encoding="utf-8")
    return list(wanted)


def _described(folder: Path) -> list[Path]:
    """Return the JSON files of a value, those of each fold among them."""
    return [*folder.glob("*.json"), *folder.glob(f"{PART}*/*.json")]


def _escaped(places: Mapping[str, str]) -> dict[str, str]:
    return {json.dumps(path, ensure_ascii=False)[1:-1]: name for path, name in places.items()}


def _copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    return target


def copy_prompts(steps: Mapping[str, Step], folder: Path) -> list[str]:
    """For people, and to notice a ragscout that brings other ones."""
    found = packaged_prompts(steps.values())
    for name, text in found.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return sorted(found)


def copy_documents(eval_set: EvalSet, store: Store, folder: Path) -> list[dict[str, str]]:
    """Put the source files into ``documents/``; returns where each lies.

    Raises:
        BundleError: a file is not in the store any more.
    """
    found = []
    for item in eval_set.files:
        name = f"{DOCUMENTS}/{item.path}"
        if not safe_name(name):
            name = f"{DOCUMENTS}/{item.sha256}{PurePosixPath(item.path).suffix[:10]}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            (folder / name).write_bytes(store.blobs.read(item.sha256))
        except StoreError as error:
            raise BundleError(f"export: a source file cannot be read; got {item.path} ({error}).") from error
        found.append({"path": item.path, "sha256": item.sha256, "media_type": item.media_type, "place": name})
    return found
