"""Errors a user can meet.

Every message reads *where: what is wrong; got X. What to do.*

    RagscoutError
    ├── SpecError                the sweep file or a parameter
    │   ├── UnknownNameError     a name that no registry knows (with a did-you-mean)
    │   ├── ParameterError       a value outside its type or range
    │   └── SpaceTooLargeError   more configurations than the limit
    ├── EvalSetError             documents, questions, evidence
    ├── MissingExtraError        an optional dependency is not installed
    ├── StepError                a step cannot do its work
    │   ├── AbsentError          what it needs (a model's files, a program) is not on this machine
    │   ├── BudgetExceeded       the budget is spent
    │   ├── LeftOpenError        something stood in the way of a question, and may be gone the next time
    │   └── ModelCallError       a model endpoint failed for good
    ├── WorkerError              what computes for the engine died, hung or answered nonsense
    ├── BundleError              an exported configuration
    └── StoreError               the store on disk or its database
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ragscout.secret import redact

if TYPE_CHECKING:
    from ragscout.model.outcome import UnfilledKind


class RagscoutError(Exception):
    """Root of every error raised on purpose. ``str(error)`` is fit to show to a user, and holds no key."""

    def __init__(self, message: str = "", *more: object) -> None:
        """Args: message = what is shown; more = what a subclass keeps beside it."""
        super().__init__(redact(message), *more)


class SpecError(RagscoutError):
    """The sweep file, or a parameter given in code, is wrong."""


class UnknownNameError(SpecError):
    """A name is in no registry."""

    def __init__(self, where: str, kind: str, got: str, allowed: Iterable[str]) -> None:
        """Args: where = place in the user's input; kind = what the name stands for, e.g. ``step``."""
        names = sorted(allowed)
        near = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        parts = [part.strip() for part in got.split(",")]
        if len(parts) > 1 and set(parts) <= set(names):
            hint = f"Put a list into brackets: [{', '.join(parts)}]. "
        super().__init__(f"{where}: unknown {kind}; got {got!r}. {hint}Allowed: {', '.join(names) or 'none'}.")
        self.got = got
        self.allowed = tuple(names)


class ParameterError(SpecError):
    """A parameter has the wrong type or lies outside its range."""


class SpaceTooLargeError(SpecError):
    """The grid has more configurations than the limit allows."""


class EvalSetError(RagscoutError):
    """Documents, questions or evidence cannot be used as they are."""


class MissingExtraError(RagscoutError):
    """An optional dependency is absent; the message holds the install command."""

    def __init__(self, what: str, extra: str) -> None:
        """Args: what = the feature asked for; extra = name of the extra that brings it."""
        super().__init__(
            f"{what} needs the extra {extra!r}, which is not installed. Run: pip install 'ragscout[{extra}]'"
        )
        self.extra = extra


class StepError(RagscoutError):
    """A step cannot do its work."""


class AbsentError(StepError):
    """What a step needs, such as a model's files or a program, is not on this machine; the message says how to get
    it."""


class BudgetExceeded(StepError):
    """The next request could exceed the budget."""


class ModelCallError(StepError):
    """A model endpoint failed for good: wrong key, unknown model, refused connection after retries."""


class LeftOpenError(StepError):
    """A step left a question open: what stood in its way may be gone the next time."""

    def __init__(self, kind: UnfilledKind, message: str) -> None:
        """Args: kind = of what stood in the way."""
        super().__init__(message)
        self.kind = kind


class WorkerError(RagscoutError):
    """What computes for the engine died, hung or answered nonsense. It says nothing about the candidate."""


class BundleError(RagscoutError):
    """A bundle is incomplete, damaged or of another version."""


class StoreError(RagscoutError):
    """The store cannot be read or written."""
