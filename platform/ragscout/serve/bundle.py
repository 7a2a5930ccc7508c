"""Bundles: an exported configuration with all it needs to answer.

    bundle.json       what it is: steps, keys, models, connections, versions, scores
    prompts/          long texts of the steps, as files for people
    index/            values of the whole stages that questions are answered from, or
    documents/        the source files, from which they are built again
    questions.jsonl   development questions with what was measured, for ``verify``
    README.md         how to use it
    CHECKSUMS.json    size and SHA-256 of every other file

No secret, no pickle, no path of one machine; equal content gives an equal archive.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.config import Configuration, source_node
from ragscout.model.errors import BundleError
from ragscout.model.evalset import EvalSet, SourceFile
from ragscout.model.metric import MeasureStep
from ragscout.model.stages import STAGES
from ragscout.serve import contents, differences, readme, recorded
from ragscout.serve import manifest as plain
from ragscout.serve.allowed import reaches, remember
from ragscout.serve.archive import MANIFEST, atomic, check_folder, pack, safe_name, seal, unpack
from ragscout.serve.recorded import Expected, RecordedAnswers
from ragscout.store.store import Store

if TYPE_CHECKING:
    from ragscout.engine.session import Opening
    from ragscout.spec import Connection

KIND = "ragscout-bundle"
FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """A loaded and checked bundle. ``folder`` is where its files lie (unpacked, if it is an archive); ``digest`` is
    the SHA-256 of its list of files; ``manifest`` is ``bundle.json``. ``differences``: what is not as it was when the
    bundle was measured (other library versions), one sentence each."""

    path: Path
    folder: Path
    digest: str
    manifest: Mapping[str, Any]
    configuration: Configuration
    metrics: tuple[MeasureStep, ...]
    connections: tuple[Connection, ...]
    differences: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the configuration for people."""
        return str(self.manifest["name"])

    @property
    def values(self) -> dict[str, Path]:
        """Stage to the folder of its value. When the bundle carries documents instead, only what was learnt from
        questions."""
        return {stage: self.folder / contents.INDEX / stage for stage in self.manifest["values"]}

    @property
    def files(self) -> dict[SourceFile, Path]:
        """Source files and where they lie; empty when the bundle carries values instead."""
        return {
            SourceFile(item["path"], item["sha256"], item["media_type"]): self.folder / item["place"]
            for item in self.manifest["files"]
        }

    def questions(self) -> list[RecordedAnswers]:
        """Development questions with what was measured.

        Raises:
            BundleError: the bundle was exported without questions.
        """
        path = self.folder / recorded.QUESTIONS
        if not path.is_file():
            raise BundleError(
                f"{self.path}: the bundle holds no questions; got none to answer. Export it again with questions=True."
            )
        return recorded.read(path)


def export(
    configuration: Configuration,
    *,
    store: Store,
    opening: Opening,
    eval_set: EvalSet,
    row: Mapping[str, Any] | None,
    path: Path,
    archive: bool | None = None,
    documents: bool = False,
    questions: bool = True,
    metrics: Sequence[MeasureStep] = (),
    expected: Mapping[str, Expected] | None = None,
    sweep: str = "",
) -> Path:
    """Write a configuration as a bundle. What it may reach is remembered for this user (see ``serve.allowed``).

    Args:
        configuration: what to export; its whole values must be in the store (unless ``documents``).
        store: where they, and the cells that were measured, are read from.
        opening: the sweep's opening record: connections and network.
        eval_set: the evaluation set it was measured on; only its development view is read.
        row: its row of the board as plain JSON values, scores with intervals.
        path: a folder, or a file that ends in ``.zip``.
        archive: whether to write one file; by default when ``path`` ends in ``.zip``.
        documents: carry the source files instead of the values; loading then builds the index.
        questions: carry development questions with what was measured on them, for ``verify``.
        metrics: the sweep's metrics, so that ``verify`` can compute the scores again.
        expected: outcomes by question id; by default they are read from the store.
        sweep: id of the sweep that measured it.

    Returns:
        The path that was written.

    Raises:
        BundleError: something else lies at ``path``; a value is missing; a secret or a path of this machine would be
            written.
        StoreError: the disk is full.
    """
    target = Path(path)
    zipped = target.suffix.lower() == ".zip" if archive is None else archive
    rows = _rows(configuration, eval_set, metrics, expected, store) if questions else []
    with (
        atomic(target) as place,
        tempfile.TemporaryDirectory(prefix=".export-", dir=target.absolute().parent) as scratch,
    ):
        folder = Path(scratch) / "bundle" if zipped else place
        folder.mkdir()
        steps = dict(configuration.steps)
        carried = contents.learnt(configuration) if documents else contents.needed(configuration)
        connections = plain.connections_of([*steps.values(), *metrics], opening.connections)
        places = plain.local_models([*steps.values(), *metrics], connections)
        made = {
            "kind": KIND,
            "format": FORMAT,
            "name": plain.without_paths(configuration.label(), places),
            "key": configuration.key,
            "knobs": plain.without_paths(configuration.knobs, places),
            "roles": list(configuration.roles),
            "sweep": {"id": sweep, "name": opening.name},
            "eval_set": {
                "name": eval_set.name,
                "version": eval_set.version,
                "digest": eval_set.digest,
                "questions": len(eval_set.development),
            },
            "corpus": {"digest": configuration.source.key, "files": len(eval_set.files)},
            "steps": {stage: plain.step_plain(steps[stage], folder, places) for stage in STAGES if stage in steps},
            "nodes": {stage: item.key for stage, item in configuration.nodes.items()},
            "metrics": [plain.step_plain(metric, folder, places) for metric in metrics],
            "models": plain.without_paths(plain.models(steps), places),
            "connections": plain.connections_plain(connections, places),
            "network": list(opening.network),
            "repackaged": opening.repackaged,
            "libraries": plain.libraries(steps.values()),
            "extras": plain.extras(steps.values()),
            "packaged_prompts": contents.copy_prompts(steps, folder),
            "values": contents.copy_values(carried, store, folder, places),
            "files": contents.copy_documents(eval_set, store, folder) if documents and configuration.retrieves else [],
            "measured": len(rows),
            "scores": plain.without_paths(row, places),
        }
        _write_json(folder / MANIFEST, made)
        if questions:
            recorded.write(folder / recorded.QUESTIONS, rows)
        (folder / "README.md").write_text(readme.text(made), encoding="utf-8", newline="\n")
        plain.refuse_secrets(folder, connections)
        digest = seal(folder)
        if zipped:
            pack(folder, place)
    remember(digest, reaches(connections, opening.network))
    return target


def load(path: str | Path, *, strict: bool = True) -> Bundle:
    """Read a bundle and check every byte of it. An archive is unpacked into a private folder that goes away with the
    returned object.

    Args:
        path: folder or archive.
        strict: refuse a bundle that was measured with other versions of its steps.

    Raises:
        BundleError: not a bundle, damaged (naming the file), unsafe, or of another version.
    """
    from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry

    place = Path(path)
    if not place.exists():
        raise BundleError(f"{place}: there is no bundle; got no such file or folder. Write one with: ragscout export")
    if place.is_dir():
        return _read(place, place, check_folder(place), strict)
    scratch = Path(tempfile.mkdtemp(prefix="ragscout-bundle-"))
    try:
        bundle = _read(place, scratch, unpack(place, scratch), strict)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    weakref.finalize(bundle, shutil.rmtree, scratch, ignore_errors=True)
    return bundle


def _read(path: Path, folder: Path, digest: str, strict: bool) -> Bundle:
    where = path / MANIFEST
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where}: this is not JSON; got {error}. Export the bundle again.") from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise BundleError(f"{where}: this is not a bundle of ragscout; got another kind of file. Export it again.")
    if data.get("format") != FORMAT:
        writer = dict(data.get("libraries") or {}).get("ragscout", "?")
        raise BundleError(
            f"{where}: the bundle has format {data.get('format')!r}; got a version that this ragscout does not read "
            f"(it reads {FORMAT}). Install the ragscout that wrote it: {writer}."
        )
    try:
        return _bundle(path, folder, digest, data, strict)
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{where}: something is missing or misshaped; got {error!r}. Export it again.") from error


def _bundle(path: Path, folder: Path, digest: str, data: dict[str, Any], strict: bool) -> Bundle:
    steps = {stage: plain.step_of(stage, item, folder) for stage, item in data["steps"].items()}
    configuration = Configuration(
        steps, source_node(data["corpus"]["digest"]), data["knobs"], data["name"], tuple(data["roles"])
    )
    metrics = [plain.step_of("measure", item, folder) for item in data["metrics"]]
    for item in data["files"]:
        if not safe_name(item["place"]):
            raise BundleError(f"{path}: a document's place leads out of the bundle; got {item['place']!a}.")
    if unknown := set(data["values"]) - STAGES.keys():
        raise BundleError(f"{path}: unknown stage; got {sorted(unknown)}. Export the bundle again.")
    changed = differences.of_answers(data, steps, folder)
    if strict and changed:
        raise BundleError(
            f"{path}: this ragscout would not answer as measured; got {changed[0]} Install the ragscout that "
            "bundle.json names, or export the bundle again from a new sweep."
        )
    return Bundle(
        path,
        folder,
        digest,
        data,
        configuration,
        tuple(metric for metric in metrics if isinstance(metric, MeasureStep)),
        plain.connections_from(data["connections"], path),
        (*changed, *differences.of_environment(data, configuration)),
    )


def _rows(
    configuration: Configuration,
    eval_set: EvalSet,
    metrics: Sequence[MeasureStep],
    expected: Mapping[str, Expected] | None,
    store: Store,
) -> list[RecordedAnswers]:
    if expected is None:
        return recorded.from_store(configuration, eval_set.development, metrics, store)
    return [RecordedAnswers(item, expected[item.id]) for item in eval_set.development if item.id in expected]


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
