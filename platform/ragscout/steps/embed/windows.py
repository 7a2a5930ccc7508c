"""How much of a text an encoder's window cuts off, counted with its tokenizer alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def find_window(folder: Path) -> int | None:
    """Tokens a sentence-transformers or transformers folder looks at, ``None`` when it says nothing."""
    for name, field in (("sentence_bert_config.json", "max_seq_length"), ("config.json", "max_position_embeddings")):
        for file in sorted(folder.rglob(name)):
            value = _read(file).get(field)
            if isinstance(value, int) and value > 0:
                return value
    return None


def share_beyond(tokenizer: Any, texts: Sequence[str], window: int) -> float:
    """Tokens behind the window / all tokens, 0..1. ``tokenizer`` adds its special tokens and must not truncate."""
    total = beyond = 0
    for at in range(0, len(texts), 256):
        for encoded in tokenizer.encode_batch(list(texts[at : at + 256])):
            count = len(encoded.ids)
            total += count
            beyond += max(0, count - window)
    return beyond / total if total else 0.0


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
