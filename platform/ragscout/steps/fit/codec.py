"""How learnt values lie in a folder: one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragscout.model.errors import StoreError
from ragscout.steps.fit.worked import WorkedExample, WorkedExamples

_FILE = "value.json"


class PlainCodec:
    """Numbers, texts, lists and mappings with text keys, as JSON. Tuples come back as lists."""

    def save(self, value: Any, folder: Path) -> None:
        """Write the value.

        Raises:
            TypeError: it holds anything else; its step has to register a codec of its own.
        """
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
        (folder / _FILE).write_text(text, encoding="utf-8")

    def load(self, folder: Path) -> Any:
        """Read it back.

        Raises:
            StoreError: when the folder holds no such value.
        """
        try:
            return json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"fit: the stored value cannot be read; got {type(error).__name__} in {folder.name}. "
                "Delete it with `ragscout store check` and run again."
            ) from error


class WorkedCodec:
    """Worked examples as a list of pairs."""

    def save(self, value: WorkedExamples, folder: Path) -> None:
        """Write the examples."""
        PlainCodec().save([[item.question, item.answer] for item in value.examples], folder)

    def load(self, folder: Path) -> WorkedExamples:
        """Read them back.

        Raises:
            StoreError: when the folder holds no examples.
        """
        return WorkedExamples(tuple(WorkedExample(*pair) for pair in PlainCodec().load(folder)))
