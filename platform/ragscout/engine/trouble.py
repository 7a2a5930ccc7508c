"""Decides whose an error is: the candidate's, which fails its node, or a passing trouble, which leaves the node open.

One table, read from the top. What is open is asked again by the next run; what failed is final.

| error | consequence | kind |
|---|---|---|
| ``BudgetExceeded`` | open | ``budget`` |
| ``ModelCallError``, ``TransientError`` of a client | open | ``endpoint`` |
| ``StoreError``, any error of SQLAlchemy, sqlite3 or psycopg | open | ``store`` |
| ``LeftOpenError`` of a step | open | as it says |
| ``WorkerError``, a broken pool of processes or threads | open | ``worker`` |
| ``MissingExtraError``, ``AbsentError``, ``ImportError``, ``FileNotFoundError`` | open (see below) | ``missing`` |
| ``MemoryError``, a library's "out of memory", no more threads | open | ``machine`` |
| ``OSError`` that tells of the machine: disk, rights, open files, input and output | open | ``machine`` |
| any error whose text tells of the machine in the words of Rust or of the system | open | as such an ``OSError`` |
| ``TimeoutError``, ``subprocess.TimeoutExpired`` | open | ``machine`` |
| ``ConnectionError``, ``OSError`` and client errors that tell of the network | open | ``network`` |
| an ``ExceptionGroup`` | as its first member that leaves the node open | |
| any error that was raised ``from`` one of the above | as its cause | |
| every other error: ``StepError``, ``SpecError``, ``ValueError``, ... | failed | |

A metric belongs to no candidate. Where what it needs is missing, the sweep goes on without its column, and every later
run tries the column again: that is what ``failed`` means for a measure node.
"""

from __future__ import annotations

import errno
import re
import sqlite3
import ssl
import subprocess
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from socket import gaierror

from sqlalchemy.exc import SQLAlchemyError

from ragscout.model.errors import (
    AbsentError,
    BudgetExceeded,
    LeftOpenError,
    MissingExtraError,
    ModelCallError,
    RagscoutError,
    StoreError,
    WorkerError,
)
from ragscout.model.outcome import Unfilled, UnfilledKind
from ragscout.providers.client import TransientError


@dataclass(frozen=True)
class Trouble:
    """What an error means for its node. ``retry``: why the node stays open, ``None`` when it failed for good, and then
    ``failed`` holds the cause."""

    failed: str = ""
    retry: Unfilled | None = None


TROUBLES = (RagscoutError, TransientError, OSError, MemoryError, SQLAlchemyError, sqlite3.Error, BrokenExecutor)
"""What stores, executors, clients and the system raise. Of these, ``passing`` says which one may be gone by the next
run."""

_OWN: tuple[tuple[type[RagscoutError], UnfilledKind], ...] = (
    (BudgetExceeded, "budget"),
    (ModelCallError, "endpoint"),
    (StoreError, "store"),
    (WorkerError, "worker"),
    (MissingExtraError, "missing"),
    (AbsentError, "missing"),
)

_FOREIGN: dict[str, UnfilledKind] = {
    "aiohttp.client_exceptions.ClientError": "network",
    "httpx.TransportError": "network",
    "psycopg.Error": "store",
    "requests.exceptions.RequestException": "network",
    "torch.OutOfMemoryError": "machine",
    "urllib.error.URLError": "network",
    "urllib3.exceptions.HTTPError": "network",
}
"""Error classes of libraries that are not imported for this, by full name. Their subclasses count as well."""

_MEMORY = re.compile(
    r"out of memory|out-of-memory|not enough memory|insufficient memory|bad_alloc|alloc_failed"
    r"|(?:can't|cannot|could not|failed to|unable to) allocate|allocation failed"
    r"|can't start new thread",
    re.IGNORECASE,
)
_RUST = re.compile(r"\(os error (\d+)\)")
"""How libraries written in Rust (LanceDB, tokenizers, safetensors) end the text of a system's error."""
_DISK = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_NUMERIC = ("onnxruntime", "torch", "xllamacpp")
"""Libraries whose errors of any class may tell of memory; elsewhere only a ``RuntimeError`` does."""


def _numbers(names: str) -> frozenset[int]:
    """Error numbers by name; a name that this system does not know is left out."""
    return frozenset(getattr(errno, name) for name in names.split() if hasattr(errno, name))


_FULL = _numbers("ENOSPC EDQUOT")
_RIGHTS = _numbers("EACCES EPERM EROFS")
_FILES = _numbers("EMFILE ENFILE")
_NO_MEMORY = _numbers("ENOMEM")
_DEVICE = _numbers("EIO EAGAIN EBUSY ECHILD EFBIG EINTR ENODEV ENOLCK ENXIO ESRCH ESTALE ETXTBSY EREMOTEIO")
_NETWORK = _numbers(
    "EADDRINUSE EADDRNOTAVAIL ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH ENETDOWN ENETRESET "
    "ENETUNREACH ENOTCONN EPIPE ESHUTDOWN"
)
_OUT_OF_MEMORY = "this machine ran out of memory. Free memory, or use a smaller model, and run again."


def classify(error: Exception, where: str, *, metric: bool = False) -> Trouble:
    """Decide what an error means for the node whose computation raised it.

    Args:
        error: what was raised.
        where: stage and step, for the message of an error that names neither.
        metric: whether the node measures.
    """
    reason = passing(error)
    if reason is None:
        return Trouble(failed=str(error) if isinstance(error, RagscoutError) else f"{where}: {_named(error)}")
    if metric and reason.kind == "missing":
        return Trouble(failed=reason.detail)
    return Trouble(retry=reason)


def outside(error: Exception) -> Unfilled:
    """Say why a node stays open when the error came from around the step: from the store or from an executor."""
    return passing(error) or Unfilled("worker", str(error) if isinstance(error, RagscoutError) else _named(error))


def unexpected(error: Exception) -> bool:
    """Tell whether nobody raised the error on purpose and it tells of no trouble: its traceback is worth keeping."""
    return not isinstance(error, RagscoutError) and passing(error) is None


def passing(error: BaseException) -> Unfilled | None:
    """Say what stood in the way when an error may be gone by the next run, ``None`` when it is the candidate's own."""
    if isinstance(error, BaseExceptionGroup):
        return _first(error.exceptions)
    own = _ragscout(error) if isinstance(error, RagscoutError) else _others(error)
    if own is not None or error.__cause__ is None:
        return own
    cause = passing(error.__cause__)
    if cause is not None and isinstance(error, RagscoutError):
        return Unfilled(cause.kind, str(error))  # it was worded for people, with its place and remedy
    return cause


def _first(errors: Iterable[BaseException]) -> Unfilled | None:
    return next((reason for error in errors if (reason := passing(error)) is not None), None)


def _ragscout(error: RagscoutError) -> Unfilled | None:
    if isinstance(error, LeftOpenError):
        return Unfilled(error.kind, str(error))
    return next((Unfilled(kind, str(error)) for group, kind in _OWN if isinstance(error, group)), None)


def _others(error: BaseException) -> Unfilled | None:
    if isinstance(error, TransientError):
        return Unfilled("endpoint", str(error))
    if isinstance(error, (SQLAlchemyError, sqlite3.Error)):
        return Unfilled("store", f"the ledger cannot be used; got {_named(error)}. Run again; nothing was lost.")
    if isinstance(error, MemoryError) or _tells_of_memory(error):
        return Unfilled("machine", _OUT_OF_MEMORY)
    if isinstance(error, BrokenExecutor):
        return Unfilled("worker", f"a step's helper process died ({_named(error)}). Free memory and run again.")
    if isinstance(error, ImportError):
        return Unfilled("missing", f"a package cannot be imported; got {_named(error)}. Install it and run again.")
    if isinstance(error, (TimeoutError, subprocess.TimeoutExpired)):
        return Unfilled("machine", f"something took too long; got {_named(error)}. Run again.")
    foreign = next((kind for name in _names(error) if (kind := _FOREIGN.get(name))), None)
    if foreign is not None:
        return Unfilled(foreign, f"{_named(error)}. Run again.")
    if (told := _told(error)) is not None:
        return _others(told)
    return _system(error) if isinstance(error, OSError) else None


def _system(error: OSError) -> Unfilled | None:
    """Return what an operating system's error tells of; ``None`` when a step called the system with nonsense, or when a
    library only borrowed the class to say that a file's content is bad (then there is no error number)."""
    number = error.errno
    if isinstance(error, (ConnectionError, gaierror, ssl.SSLError)) or number in _NETWORK:
        return Unfilled("network", f"a connection failed; got {_named(error)}. Check the network and run again.")
    if number in _FULL:
        return Unfilled("machine", "disk full; nothing was lost. Free space and run again.")
    if number in _NO_MEMORY:
        return Unfilled("machine", _OUT_OF_MEMORY)
    if number in _FILES:
        return Unfilled("machine", "too many files are open. Raise the limit (ulimit -n) and run again.")
    if isinstance(error, FileNotFoundError):
        return Unfilled("missing", f"a file is not on this machine; got {_named(error)}. Put it there and run again.")
    if isinstance(error, PermissionError) or number in _RIGHTS:
        return Unfilled("machine", f"access is refused; got {_named(error)}. Give this user access and run again.")
    if number in _DEVICE:
        return Unfilled("machine", f"this machine is in trouble; got {_named(error)}. Run again.")
    return None


def _told(error: BaseException) -> OSError | None:
    """Return the operating system's error that a library without classes of its own passed on as a text."""
    if isinstance(error, OSError) and error.errno is not None:
        return None
    text = str(error)
    number = _RUST.search(text)
    if number is not None:
        return OSError(int(number[1]), text)
    full = isinstance(error, (OSError, RuntimeError)) or _numeric(error)
    return OSError(errno.ENOSPC, text) if full and _DISK.search(text) else None


def _numeric(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in _NUMERIC


def _tells_of_memory(error: BaseException) -> bool:
    return (_numeric(error) or isinstance(error, RuntimeError)) and _MEMORY.search(str(error)) is not None


def _names(error: BaseException) -> Iterable[str]:
    return (f"{group.__module__}.{group.__qualname__}" for group in type(error).__mro__)


def _named(error: BaseException) -> str:
    """Class and message on one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
