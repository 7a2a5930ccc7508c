"""Whose an error is: the table of ``engine.trouble``, case by case."""

from __future__ import annotations

import errno
import socket
import sqlite3
import ssl
import subprocess
import urllib.error
from concurrent.futures.process import BrokenProcessPool

import httpx
import pytest
import sqlalchemy as sa

from ragscout.engine.trouble import classify, outside, passing, unexpected
from ragscout.model.errors import (
    AbsentError,
    BudgetExceeded,
    EvalSetError,
    LeftOpenError,
    MissingExtraError,
    ModelCallError,
    ParameterError,
    SpecError,
    StepError,
    StoreError,
    UnknownNameError,
    WorkerError,
)
from ragscout.providers.client import TransientError
from ragscout.store.blobs import DamagedBlobError


def made_from(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


class _OnnxError(Exception):
    """Stands for a class of onnxruntime, which derives from Exception alone."""


_OnnxError.__module__ = "onnxruntime.capi.onnxruntime_pybind11_state"


class _TorchError(RuntimeError):
    """Stands for torch.OutOfMemoryError."""


_TorchError.__module__, _TorchError.__qualname__ = "torch", "OutOfMemoryError"

OPEN = [
    (BudgetExceeded("x"), "budget"),
    (ModelCallError("x"), "endpoint"),
    (TransientError("status 503"), "endpoint"),
    (StoreError("x"), "store"),
    (DamagedBlobError("blobs", "0" * 64, "is missing"), "store"),
    (sa.exc.OperationalError("select 1", {}, sqlite3.OperationalError("database is locked")), "store"),
    (
        sa.exc.ProgrammingError("select 1", {}, sqlite3.ProgrammingError("Cannot operate on a closed database.")),
        "store",
    ),
    (sa.exc.TimeoutError("QueuePool limit"), "store"),
    (sqlite3.ProgrammingError("Cannot operate on a closed database."), "store"),
    (WorkerError("x"), "worker"),
    (BrokenProcessPool("a child process terminated abruptly"), "worker"),
    (MissingExtraError("The embedder", "local"), "missing"),
    (AbsentError("x"), "missing"),
    (ModuleNotFoundError("No module named 'acme'"), "missing"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "model.bin"), "missing"),
    (FileNotFoundError("model.bin"), "missing"),
    (MemoryError(), "machine"),
    (_TorchError("CUDA out of memory. Tried to allocate 2.00 GiB"), "machine"),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"), "machine"),
    (RuntimeError("CUDA error: out of memory"), "machine"),
    (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), "machine"),
    (RuntimeError("can't start new thread"), "machine"),
    (_OnnxError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9"), "machine"),
    (OSError(errno.ENOSPC, "No space left on device"), "machine"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "machine"),
    (OSError(errno.EIO, "Input/output error"), "machine"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "machine"),
    (OSError(errno.EMFILE, "Too many open files"), "machine"),
    (OSError(errno.EROFS, "Read-only file system"), "machine"),
    (PermissionError(errno.EACCES, "Permission denied", "model.bin"), "machine"),
    (RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), /lance/io.rs:12"), "machine"),
    (ValueError("IO error: Too many open files (os error 24)"), "machine"),
    (_OnnxError("write failed: No space left on device"), "machine"),
    (RuntimeError("tcp connect error: Connection refused (os error 111)"), "network"),
    (LeftOpenError("network", "x"), "network"),
    (TimeoutError(), "machine"),
    (subprocess.TimeoutExpired("tesseract", 120), "machine"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "network"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "network"),
    (OSError(errno.EHOSTUNREACH, "No route to host"), "network"),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "network"),
    (ssl.SSLError(1, "certificate verify failed"), "network"),
    (urllib.error.URLError("unreachable"), "network"),
    (httpx.ReadTimeout("slow"), "network"),
    (ExceptionGroup("several", [ValueError("x"), ExceptionGroup("inner", [StoreError("x")])]), "store"),
    (made_from(StepError("x"), OSError(errno.EIO, "Input/output error")), "machine"),
    (made_from(made_from(ValueError("x"), RuntimeError("y")), FileNotFoundError("model.bin")), "missing"),
]
FAILED = [
    (StepError("embed.static: no token matrix."), "embed.static: no token matrix."),
    (SpecError("x: no."), "x: no."),
    (ParameterError("x: no."), "x: no."),
    (EvalSetError("x: no."), "x: no."),
    (UnknownNameError("models", "model", "minilmm", ["minilm"]), "models: unknown model"),
    (ValueError("bad overlap"), "chunk.acme: ValueError: bad overlap"),
    (KeyError("text"), "chunk.acme: KeyError: 'text'"),
    (ZeroDivisionError(), "chunk.acme: ZeroDivisionError"),
    (ValueError("I ran out of memory slots: out of memory"), "chunk.acme: ValueError"),
    (ValueError("a document that says: no space left on device"), "chunk.acme: ValueError"),
    (RuntimeError("Invalid argument (os error 22)"), "chunk.acme: RuntimeError"),
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "chunk.acme: RuntimeError"),
    (OSError("image file is truncated"), "chunk.acme: OSError"),
    (OSError(errno.EINVAL, "Invalid argument"), "chunk.acme: OSError"),
    (OSError(errno.ENAMETOOLONG, "File name too long"), "chunk.acme: OSError"),
    (IsADirectoryError(errno.EISDIR, "Is a directory"), "chunk.acme: IsADirectoryError"),
    (ExceptionGroup("several", [ValueError("x"), KeyError("y")]), "chunk.acme: ExceptionGroup"),
    (made_from(StepError("the model cannot be loaded."), OSError("not a model")), "the model cannot be loaded."),
]


def _id(case: object) -> str:
    return f"{type(case).__name__} {case}"[:60] if isinstance(case, Exception) else ""


@pytest.mark.parametrize(("error", "kind"), OPEN, ids=_id)
def test_trouble_that_may_pass_leaves_the_node_open(error: Exception, kind: str) -> None:
    trouble = classify(error, "chunk.acme")
    assert trouble.retry is not None and not trouble.failed
    assert trouble.retry.kind == kind and trouble.retry.detail
    assert "\n" not in trouble.retry.detail
    assert not unexpected(error)


@pytest.mark.parametrize(("error", "said"), FAILED, ids=_id)
def test_the_candidate_s_own_errors_fail_the_node(error: Exception, said: str) -> None:
    trouble = classify(error, "chunk.acme")
    assert trouble.retry is None and trouble.failed.startswith(said)
    assert passing(error) is None


def test_only_errors_that_nobody_raised_on_purpose_are_worth_a_traceback() -> None:
    assert unexpected(ValueError("x")) and unexpected(OSError("image file is truncated"))
    assert not unexpected(StepError("x")) and not unexpected(MemoryError())


@pytest.mark.parametrize(
    "error", [MissingExtraError("The metric", "ragas"), AbsentError("no model"), FileNotFoundError("wordnet")]
)
def test_what_a_metric_lacks_breaks_its_column_and_nothing_else(error: Exception) -> None:
    assert classify(error, "measure.meteor", metric=True).failed
    assert classify(error, "measure.meteor", metric=True).retry is None
    assert classify(StoreError("x"), "measure.meteor", metric=True).retry is not None


def test_an_implicit_context_does_not_count_as_a_cause() -> None:
    try:
        try:
            raise FileNotFoundError("fast index")
        except FileNotFoundError:
            raise ValueError("the slow way cannot work either")  # noqa: B904 - the point of this test
    except ValueError as error:
        assert passing(error) is None


def test_a_wrapped_trouble_keeps_the_words_of_the_step() -> None:
    error = made_from(StepError("embed.acme: the weights cannot be read. Pull them again."), OSError(errno.EIO, "x"))
    found = passing(error)
    assert found is not None and (found.kind, found.detail) == ("machine", str(error))


def test_around_a_step_no_error_is_the_candidate_s() -> None:
    assert outside(StepError("x")).kind == "worker"
    assert outside(OSError(errno.EISDIR, "Is a directory")).kind == "worker"
    assert outside(StoreError("disk full")).kind == "store"
