"""The leaderboard as files."""

import csv
import io
import shutil
from pathlib import Path

from ragscout.model.board import Board
from ragscout.record.folder import FolderRecorder
from ragscout.record.parquet import csv_bytes
from ragscout.record.recorder import Recorder
from ragscout.record.runs import Table
from ragscout.testing.record import GOAL, RecorderConformance, story


class TestConformance(RecorderConformance):
    def recorder(self, place: Path) -> Recorder:
        return FolderRecorder(place)

    def content(self, place: Path) -> object:
        import pyarrow.parquet as pq

        made: dict[str, object] = {"results": pq.read_table(place / "results.parquet").to_pydict()}
        for file in sorted(place.iterdir()):
            if file.suffix != ".parquet":
                made[file.name] = file.read_text("utf-8")
        return made

    def lose(self, place: Path) -> None:
        shutil.rmtree(place)

    def spoil(self, place: Path) -> None:
        place.write_text("a file where the folder should be")


def test_files(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    state = story("ko")[-1]
    FolderRecorder(tmp_path).update(state)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "board.json",
        "board.md",
        "leaderboard.csv",
        "results.parquet",
    ]
    assert Board.from_json((tmp_path / "board.json").read_bytes()) == state.board
    lines = list(csv.DictReader(io.StringIO((tmp_path / "leaderboard.csv").read_text("utf-8-sig"))))
    assert [line["name"] for line in lines] == [row.name for row in state.board.rows]
    assert float(lines[1][GOAL]) == state.board.rows[1].figures[GOAL].mean
    table = pq.read_table(tmp_path / "results.parquet").to_pydict()
    assert len(table["id"]) == sum(row.answered for row in state.board.rows)


def test_unchanged_files_are_left_alone(tmp_path: Path) -> None:
    state = story()[2]
    FolderRecorder(tmp_path).update(state)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    FolderRecorder(tmp_path).update(state)
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_csv_runs_no_formula() -> None:
    text = csv_bytes(Table({"name": ["=1+1", "연차", None], "score": [-1.5, 2, None]})).decode("utf-8-sig")
    assert text == "name,score\n'=1+1,-1.5\n연차,2\n,\n"
