"""The whole values that a pipeline answers from: read from a bundle or a store, or built from source files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragscout.model.config import Configuration, Node
from ragscout.model.errors import BundleError, StoreError
from ragscout.model.evalset import SourceFile
from ragscout.model.inputs import whole_value
from ragscout.model.key import short
from ragscout.model.runtime import Runtime
from ragscout.model.values import Source, codec
from ragscout.serve.bundle import Bundle
from ragscout.serve.contents import needed
from ragscout.store.store import Store


def load_values(folders: Mapping[str, Path]) -> dict[str, Any]:
    """Values by stage, from their folders.

    Raises:
        BundleError: a folder does not hold a value of its stage.
    """
    found = {}
    for stage, folder in folders.items():
        try:
            found[stage] = codec(stage).load(folder)
        except (StoreError, OSError) as error:
            raise BundleError(
                f"{folder}: the {stage} value cannot be read; got {error}. Export the bundle again."
            ) from error
    return found


def stored_values(configuration: Configuration, store: Store) -> dict[str, Any]:
    """Return the values of a configuration that was measured on a store.

    Raises:
        StoreError: a value is not there.
    """
    folders: dict[str, Path] = {}
    for stage, key in needed(configuration).items():
        folder = store.value_folder(key)
        if folder is None:
            raise StoreError(
                f"{store.location}: a {stage} value is missing; got node {short(key)}. Run the sweep again."
            )
        folders[stage] = folder
    return load_values(folders)


class Builder:
    """Builds the values of a bundle that carries documents; a store keeps them for the next time."""

    def __init__(self, bundle: Bundle, runtime: Runtime, scratch: Path, store: Store | None) -> None:
        """Args: scratch = folder for the values when there is no store; it must outlive them."""
        self._bundle, self._runtime, self._scratch, self._store = bundle, runtime, scratch, store
        # what was learnt from questions is carried: it cannot be built from documents
        self._values: dict[str, Any] = load_values(bundle.values)

    async def values(self) -> dict[str, Any]:
        """Stage to value, for the stages that questions are answered from."""
        nodes = self._bundle.configuration.nodes
        return {stage: await self._value(nodes[stage]) for stage in needed(self._bundle.configuration)}

    async def _value(self, node: Node) -> Any:
        if node.stage not in self._values:
            self._values[node.stage] = self._source() if node.stage == "source" else await self._made(node)
        return self._values[node.stage]

    async def _made(self, node: Node) -> Any:
        folder = self._store.value_folder(node.key) if self._store is not None else None
        if folder is None:
            assert node.step is not None
            inputs = {parent.stage: await self._value(parent) for parent in node.inputs}
            value = await whole_value(node.step, inputs, self._runtime)
            folder = self._saved(node, value)
        return codec(node.stage).load(folder)

    def _saved(self, node: Node, value: Any) -> Path:
        """Return a value is used as it is read back, here as in a sweep."""
        if self._store is not None:
            self._store.save_value(node.key, lambda folder: codec(node.stage).save(value, folder))
            kept = self._store.value_folder(node.key)
            if kept is not None:
                return kept
        folder = self._scratch / node.stage
        folder.mkdir(parents=True)
        codec(node.stage).save(value, folder)
        return folder

    def _source(self) -> Source:
        files: dict[SourceFile, Path] = self._bundle.files
        places = {item.sha256: place for item, place in files.items()}
        return Source(tuple(files), lambda sha256: places[sha256].read_bytes())
