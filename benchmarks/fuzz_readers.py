"""Coverage-guided fuzzing of the readers with atheris: any bytes give a result or an error of ours, in bounded time.

    python benchmarks/fuzz_readers.py FOLDER --minutes 5 [--reader parse] [--seeds tests/data/dirty]

FOLDER keeps the corpus and what crashed. atheris is no dependency of the project: pip install atheris beforehand.
Prints one JSON line: executions, seconds, features covered, crashes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

READERS = ("load", "parse", "upload", "archive", "transforms")
LIMIT = 20  # seconds that one input may take


def seeds(source: Path, folder: Path) -> None:
    """Small files of the tests as the first inputs; the first byte chooses the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        data = file.read_bytes()[:20_000]
        for name, suffix in enumerate(suffixes()):
            if file.suffix == suffix or number % len(suffixes()) == name:
                (folder / f"seed-{number}-{name}").write_bytes(bytes([name]) + data)


def suffixes() -> list[str]:
    return [
        *(".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".parquet", ".txt", ".md", ".html", ".pdf"),
        *(".docx", ".pptx", ".hwpx", ".hwp", ".eml", ".zip", ".tar.gz", ".arrow"),
    ]


def target(reader: str) -> None:
    """Fuzz in a process of its own: everything of ragscout's readers is instrumented before it is imported."""
    import atheris

    with atheris.instrument_imports(include=["ragscout"]):
        from ragscout.data.classify import sort_files
        from ragscout.data.complete import finish
        from ragscout.data.options import Limits, ReadOptions
        from ragscout.data.read.archive import unpack
        from ragscout.data.read.list_files import RawFile
        from ragscout.data.read.loaders import load
        from ragscout.model.errors import RagscoutError
        from ragscout.model.evalset import Document, SourceFile
        from ragscout.model.offsets import Origin
        from ragscout.model.text import normalise
        from ragscout.providers.parse import parse
        from ragscout.steps.corpus.transforms import (
            Deduplicate,
            DropBoilerplate,
            MaskPersonalData,
            SplitByHeading,
            transformed,
        )

    options = ReadOptions(limits=Limits(ratio_from=1 << 20, file_bytes=8 << 20, total_bytes=16 << 20))
    names = suffixes()
    every = (DropBoilerplate(), MaskPersonalData(), SplitByHeading(), Deduplicate())

    def one(data: bytes) -> None:
        if not data:
            return
        name, data = f"x{names[data[0] % len(names)]}", data[1:]
        started = time.monotonic()
        try:
            if reader == "load":
                load(name, data, options)
            elif reader == "archive":
                for path, _ in unpack(name, data, options.limits):
                    assert not path.startswith("/") and ".." not in path.split("/")
            elif reader == "upload":
                made = sort_files([RawFile(name, len(data), lambda: data, alone=True)], options)
                finish(made.draft, options)
            elif reader == "transforms":
                check(transformed([Document("a", normalise(data.decode("utf-8", "replace")))], every).documents, Origin)
            else:
                parsed = parse(SourceFile(name, "", ""), data)
                assert parsed.documents or parsed.warnings
                assert all(normalise(document.text) == document.text for document in parsed.documents)
        except RagscoutError as error:
            assert str(error)
        assert time.monotonic() - started < LIMIT

    def check(documents: object, _: object) -> None:
        for document in documents:  # type: ignore[attr-defined]
            assert normalise(document.text) == document.text

    atheris.Setup([sys.argv[0], *os.environ["FUZZ_ARGUMENTS"].split()], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--reader", choices=READERS)
    parser.add_argument("--seeds", type=Path, default=Path("tests/data/dirty"))
    parser.add_argument("--target", choices=READERS)
    given = parser.parse_args()
    if given.target:
        target(given.target)
        return
    readers = [given.reader] if given.reader else list(READERS)
    for reader in readers:
        place = given.folder / reader
        seeds(given.seeds, place)
        seconds = int(60 * given.minutes / len(readers))
        arguments = f"-max_total_time={seconds} -max_len=20000 -rss_limit_mb=1500 -timeout=25 -print_final_stats=1"
        arguments += f" -artifact_prefix={given.folder}/{reader}-"
        environment = {**os.environ, "FUZZ_ARGUMENTS": f"{arguments} {place}"}
        started = time.monotonic()
        command = [sys.executable, __file__, "--target", reader]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        said = done.stderr
        covered = [int(found) for found in re.findall(r" ft: (\d+)", said)]
        runs = re.search(r"number_of_executed_units:\s*(\d+)", said)
        line = {
            "reader": reader,
            "executions": int(runs[1]) if runs else 0,
            "seconds": round(time.monotonic() - started),
            "features": covered[-1] if covered else 0,
            "crashes": sorted(path.name for path in given.folder.glob(f"{reader}-*") if path.is_file()),
        }
        if done.returncode and not line["crashes"]:
            line["failed"] = said.strip().splitlines()[-5:]
        elif line["crashes"]:
            line["first"] = [row for row in said.splitlines() if "Error" in row or "Exception" in row][:3]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
