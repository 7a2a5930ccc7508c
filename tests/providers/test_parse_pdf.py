"""Troubles of PDF files are detected, counted and named by page; scanned pages are read where the program is there."""

from __future__ import annotations

import difflib
import io
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ragscout.steps.corpus  # noqa: F401 - registers the step
from ragscout.model.errors import StepError, WorkerError
from ragscout.model.evalset import SourceFile
from ragscout.model.step import make
from ragscout.providers.parse import ParsedFile, parse
from ragscout.providers.parsers import recognise
from ragscout.providers.parsers.pages import repeated_lines, spaceless, two_columns

sys.path.insert(0, str(Path(__file__).parent))
from pdfs import Placed, pdf

SENTENCE = "연차휴가는 최대 스물다섯 날을 넘지 않는다"


def read(data: bytes, **options: Any) -> ParsedFile:
    return parse(SourceFile("x.pdf", "", ""), data, **options)


def columns() -> Placed:
    left = [(40, 700 - 20 * n, f"left column line {n}") for n in range(8)]
    return left + [(320, 700 - 20 * n, f"right column line {n}") for n in range(8)]


def test_two_columns_are_told_from_one() -> None:
    one: Placed = [(40, 700 - 20 * n, f"a line over the whole page {n}") for n in range(16)]
    parsed = read(pdf([columns(), one]))
    assert parsed.troubles == {"two_columns": (1,)} and parsed.pages == 2
    assert "page 1 in two columns" in parsed.warnings[0]


def test_a_table_of_numbers_is_no_second_column() -> None:
    cells = [(x, 700.0 - 20 * n, 4) for n in range(10) for x in (0.1, 0.5)]
    assert not two_columns(cells)


def test_spaces_lost_between_hangul_words() -> None:
    spaced: Placed = [(40, 700 - 20 * n, SENTENCE) for n in range(8)]
    lost: Placed = [(40, 700 - 20 * n, SENTENCE.replace(" ", "")) for n in range(8)]
    parsed = read(pdf([spaced, lost]))
    assert parsed.troubles["no_spaces"] == (2,)
    assert not spaceless("대한민국 정부조직법 시행령 " * 40)


def test_headers_and_footers_that_repeat() -> None:
    pages = [
        [(40, 780, f"회사 규정집 {n}판"), (40, 700, word * 4), (40, 20, f"- {n} -")]
        for n, word in enumerate("가나다라")
    ]
    parsed = read(pdf(pages))
    assert parsed.troubles["repeated"] == (1, 2, 3, 4)
    assert any("'회사 규정집 0판'" in warning for warning in parsed.warnings)
    assert repeated_lines(["a\nb", "a\nc"]) == {}


@pytest.fixture
def scanned() -> bytes:
    image = pytest.importorskip("PIL.Image")
    out = io.BytesIO()
    image.new("L", (60, 40), 255).save(out, format="PDF")
    return out.getvalue()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in that says what it was asked."""
    file = tmp_path / "bin" / "tesseract"
    file.parent.mkdir()
    file.write_text(
        '#!/bin/sh\nif [ "$1" = "--version" ]; then echo "tesseract 5.3.0"; exit 0; fi\n'
        'if [ "$4" = "xxx" ]; then echo "Failed loading language xxx" >&2; exit 1; fi\n'
        'head -c 4 | tail -c 3\necho " $1 $2 $3 $4"\n',
        encoding="utf-8",
    )
    file.chmod(file.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")
    recognise.version.cache_clear()
    yield file
    recognise.version.cache_clear()


def test_scanned_pages_are_read_where_the_program_is_there(scanned: bytes, program: Path) -> None:
    assert read(scanned).troubles == {"no_text": (1,)}
    parsed = read(scanned, ocr="tesseract")
    assert parsed.documents[0].text == "PNG stdin stdout -l kor+eng"
    assert parsed.troubles == {"recognised": (1,)} and "page 1 read by text recognition" in parsed.warnings[0]
    with pytest.raises(StepError, match="cannot read 'xxx'"):
        read(scanned, ocr="tesseract", ocr_languages="xxx")


def test_a_killed_or_hanging_program_loses_no_page(
    scanned: bytes, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page would be missing from the stored corpus for good."""
    working = program.read_text("utf-8")
    program.write_text(working.replace("head -c 4", "kill -9 $$\nhead -c 4"), encoding="utf-8")
    with pytest.raises(WorkerError, match="was killed"):
        read(scanned, ocr="tesseract")
    monkeypatch.setattr(recognise, "_SECONDS", 0.2)
    program.write_text(working.replace("head -c 4", "exec sleep 60\nhead -c 4"), encoding="utf-8")
    with pytest.raises(WorkerError, match="no text of a picture in"):
        read(scanned, ocr="tesseract")


KOREAN_FONTS = sorted(Path("/usr/share/fonts").rglob("NotoSansCJK-Regular.ttc"))


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
@pytest.mark.skipif(not KOREAN_FONTS, reason="fonts-noto-cjk is not installed")
@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("eng", ("Leave is requested ten working days ahead.", "A lost badge is reported within one hour.")),
        ("kor", ("연차 휴가는 열흘 전에 신청합니다.", "분실한 출입증은 한 시간 안에 신고합니다.")),
    ],
)
def test_a_scanned_page_is_really_read(language: str, lines: tuple[str, str]) -> None:
    known = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True).stdout.split()
    if language not in known:
        pytest.skip(f"tesseract has no data for {language}")
    image, draw, font = (pytest.importorskip(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    page = image.new("L", (1600, 700), 255)
    for number, line in enumerate(lines):
        face = font.truetype(str(KOREAN_FONTS[0]), 56)
        draw.Draw(page).text((100, 150 + 180 * number), line, fill=0, font=face)
    out = io.BytesIO()
    page.save(out, format="PDF", resolution=200)
    recognise.version.cache_clear()
    parsed = read(out.getvalue(), ocr="tesseract", ocr_languages=language)
    found = " ".join(parsed.documents[0].text.split())
    assert parsed.troubles == {"recognised": (1,)}
    for line in lines:
        # spaces between Hangul words are what recognition loses first
        close = difflib.SequenceMatcher(None, line.replace(" ", ""), found.replace(" ", ""), autojunk=False)
        assert sum(block.size for block in close.get_matching_blocks()) >= 0.9 * len(line.replace(" ", "")), found


def test_the_programs_version_is_in_the_key_where_it_is_used(program: Path) -> None:
    plain, used = make("corpus", "parse"), make("corpus", "parse", {"ocr": "tesseract"})
    before = plain.key({"source": "s"}), used.key({"source": "s"})
    program.write_text(program.read_text("utf-8").replace("5.3.0", "5.4.0"), encoding="utf-8")
    recognise.version.cache_clear()
    assert plain.key({"source": "s"}) == before[0] and used.key({"source": "s"}) != before[1]


def test_without_the_program_the_error_names_it(scanned: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    recognise.version.cache_clear()
    with pytest.raises(StepError, match=r"needs the program tesseract; .*tesseract-ocr-kor"):
        read(scanned, ocr="tesseract")
    assert "ocr: tesseract" in read(scanned).warnings[0]
