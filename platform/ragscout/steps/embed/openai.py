"""``openai``: any endpoint that speaks OpenAI's embeddings protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from ragscout.model.runtime import ChatModel, Runtime
from ragscout.model.step import step
from ragscout.steps.embed.base import EmbedStep, Side, unit

if TYPE_CHECKING:
    import numpy as np


@step("embed", "openai", version=1)
class OpenAI(EmbedStep):
    """Vectors from an OpenAI-compatible endpoint over a named connection.

    Chunks and queries leave the machine. The same text is sent once: the memo stands in front.
    """

    stands_for: ClassVar[tuple[str, ...]] = ("connection",)

    model: ChatModel = field(metadata={"help": "name of a connection"})

    async def vectors(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """Ask the endpoint.

        Raises:
            ModelCallError: when it failed for good.
        """
        return unit(await runtime.embed_remote(self.model, texts, "embed"))
