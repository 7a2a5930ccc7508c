"""Text recognition of scanned pages by the ``tesseract`` program, where it is installed."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
from typing import Any

from ragscout.model.errors import AbsentError, WorkerError

_SECONDS = 120
_PIXELS = 100_000_000
_PICTURES = 20
ONE_BLOCK = "6"
"""tesseract's page segmentation mode for a single block of text."""


@functools.cache
def version() -> str:
    """Version of the installed program; it shapes what is read.

    Raises:
        AbsentError: the program is not installed.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise AbsentError(
            "corpus.parse: ocr: tesseract needs the program tesseract; got none on the PATH. Install it with its "
            "language data (Debian: apt install tesseract-ocr tesseract-ocr-kor), or write ocr: none."
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    return (done.stdout or done.stderr).split("\n", 1)[0].strip()


def page_text(page: Any, languages: str) -> str:
    """Text of the pictures of a pypdf page, each given to the program as PNG on standard input.

    Raises:
        AbsentError: the program is absent, or does not know a language.
        WorkerError: the program was killed or hung, which says nothing about the picture.
    """
    import io

    version()
    parts = []
    for number, picture in enumerate(page.images):
        image = picture.image
        if number >= _PICTURES or image is None or image.width * image.height > _PIXELS:
            continue
        stream = io.BytesIO()
        image.convert("L").save(stream, format="PNG")
        parts.append(_recognised(stream.getvalue(), languages))
    return "\n".join(part for part in parts if part)


def _recognised(png: bytes, languages: str) -> str:
    # on a page with few lines, the program's search for columns finds none and reads nothing (Korean ones most of all)
    return _read(png, languages) or _read(png, languages, "--psm", ONE_BLOCK)


def _read(png: bytes, languages: str, *more: str) -> str:
    command = [shutil.which("tesseract") or "tesseract", "stdin", "stdout", "-l", languages, *more]
    try:
        done = subprocess.run(command, input=png, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        # a page that was left out here would be missing from the corpus for good
        raise WorkerError(
            f"corpus.parse: tesseract gave no text of a picture in {_SECONDS} seconds and was ended. Run again when "
            "this machine is less busy, or write ocr: none."
        ) from error
    if done.returncode == -signal.SIGKILL:
        raise WorkerError("corpus.parse: tesseract was killed (SIGKILL), as when memory is short. Run again.")
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[:200]
        if "language" in said:
            raise AbsentError(
                f"corpus.parse: tesseract cannot read {languages!r}; got {said}. Install that language's data, or set "
                "ocr_languages."
            )
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
