"""Nothing is learnt from questions."""

from __future__ import annotations

from typing import ClassVar

from ragscout.model.step import Step, step


@step("fit", "none", version=1)
class NoFit(Step):
    """Nothing is learnt from questions."""

    identity: ClassVar[bool] = True
    uses: ClassVar[tuple[str, ...]] = ()
