"""``tokens``: windows of tokens of one named tokenizer."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from ragscout.model.cost import Workload
from ragscout.model.errors import MissingExtraError, StepError
from ragscout.model.runtime import ChatModel, ModelFiles, Runtime
from ragscout.model.step import step
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.chunk.cut import windows

_WORDS = re.compile(
    r"[가-힣ㄱ-ㆎ]{1,2}|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|\d{1,4}|[^\W\d_]{1,12}|\S"
)


@step("chunk", "tokens", version=1)
class Tokens(ChunkStep):
    """Windows of at most ``size`` tokens, ending at the end of a word.

    The tokenizer is the same for every configuration, so that a size means the same with every embedder. ``words``
    needs no download: Latin words (pieces of at most 12 letters), numbers (4 digits), Hangul by two syllables, Chinese
    and Japanese by character, punctuation by mark; about what subword tokenizers give. Any other name is a model whose
    ``tokenizer.json`` is used.
    """

    size: int = field(default=256, metadata={"help": "largest chunk in tokens", "ge": 1})
    tokenizer: str = field(
        default="words", metadata={"help": "words, or a model with a tokenizer.json", "model": "revision"}
    )
    revision: str = field(default="", metadata={"help": "revision of the tokenizer's model"})

    def models(self) -> tuple[ChatModel | ModelFiles, ...]:
        """Return the tokenizer's model; ``words`` is none."""
        return () if self.tokenizer == "words" else super().models()

    def unit(self, material: Workload) -> float:
        """See ``ChunkStep.unit``: a token."""
        return material.per_token

    def key(self, inputs: Any) -> str:
        """Return a model's tokenizer depends on the library that runs it, the plain one on our own rules."""
        named = {} if self.tokenizer == "words" else {"tokenizers": _tokenizers_version()}
        return super().key({**inputs, **named})

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Windows over the tokens, as offsets into the text."""
        tokens = self._tokens(text, runtime)
        if not tokens:
            return [(0, len(text))] if text.strip() else []

        def whole(at: int) -> bool:
            return at in (0, len(tokens)) or tokens[at - 1][1] < tokens[at][0] or text[tokens[at][0]].isspace()

        def cut(_: int, low: int, high: int) -> int:
            return next((at for at in range(high, low, -1) if whole(at)), high)

        def begin(low: int, high: int) -> int:
            return next((at for at in range(low, high + 1) if whole(at)), low)

        found = windows(len(tokens), self.size, self.overlap_units, cut, begin)
        # what lies between tokens (characters a tokenizer drops) belongs to the token before it
        starts = [0, *(start for start, _ in tokens[1:]), len(text)]
        return [(starts[a], starts[b]) for a, b in found]

    def _tokens(self, text: str, runtime: Runtime) -> list[Span]:
        if self.tokenizer == "words":
            return [match.span() for match in _WORDS.finditer(text)]
        folder = runtime.models.folder(self.tokenizer, self.revision)
        offsets = _load(str(folder)).encode(text, add_special_tokens=False).offsets
        tokens: list[Span] = []
        for start, end in offsets:
            # byte-level tokenizers split one character into several tokens with the same offsets
            if end > start and (not tokens or start >= tokens[-1][1]):
                tokens.append((start, end))
        return tokens


def _tokenizers_version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("tokenizers")
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@functools.lru_cache(maxsize=4)
def _load(folder: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("A model's tokenizer", "local") from None
    path = Path(folder)
    file = path if path.is_file() else next(iter(sorted(path.rglob("tokenizer.json"))), None)
    if file is None:
        raise StepError(f"chunk.tokens: the model has no tokenizer.json; got {path.name}. Use another, or 'words'.")
    loaded = Tokenizer.from_file(str(file))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
