"""Files that mean harm, or are odd: every verb says what is wrong in a sentence, and the terminal only shows."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.test_rooms import trees

from ragscout.sweep import Sweep

Call = Callable[..., tuple[int, str, str]]
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31m\u202egnihton\u2066\u200f\rover\x08\x7f"
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SWEEP = """
sweep: hostile
eval_set: hostile
pipeline:
  chunk: {use: characters, size: [80, 200], overlap: 0}
  retriever: bm25
  prompt: {use: template, passages: 2}
  generate: extractive
measure: {answer: [token_f1]}
goal: {maximize: token_f1}
search: grid
network: offline
"""


def questions(*more: dict[str, object]) -> str:
    rows: list[dict[str, object]] = [
        {
            "id": f"q{number}{EVIL}",
            "question": f"How many days does part {number} take{EVIL}?",
            "reference": f"Part {number} takes {number} days{EVIL}.",
            "slice": f"s{EVIL}",
        }
        for number in range(1, 9)
    ]
    return "".join(json.dumps(row) + "\n" for row in (*rows, *more))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents and questions that mean harm, and a sweep over them that has run."""
    place = tmp_path_factory.mktemp("hostile")
    (place / "docs").mkdir()
    for number in range(1, 9):
        text = f"# Part {number}{EVIL}\n\nPart {number} takes {number} days{EVIL}. It is made by hand.\n"
        (place / "docs" / f"part{number}.md").write_text(text, encoding="utf-8")
    (place / "questions.jsonl").write_text(questions(), encoding="utf-8")
    (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return place


@pytest.fixture
def place(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> Path:
    monkeypatch.setenv("RAGSCOUT_STORE", str(measured / "store"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{measured}/mlflow.db")
    if not (measured / "store").exists():
        monkeypatch.chdir(measured)
        assert call("upload", "docs", "questions.jsonl", "--name", "hostile")[0] == 0
        Sweep.load(measured / "sweep.yaml").run()
    shutil.copy(measured / "sweep.yaml", tmp_path / "sweep.yaml")
    shutil.copytree(measured / "docs", tmp_path / "docs")
    shutil.copy(measured / "questions.jsonl", tmp_path / "questions.jsonl")
    monkeypatch.chdir(tmp_path)
    return tmp_path


VERBS = (
    ("check", "docs", "questions.jsonl"),
    ("check", "hostile"),
    ("plan", "sweep.yaml"),
    ("board", "sweep.yaml", "--all"),
    ("board", "sweep.yaml", "--by", "slice"),
    ("board", "sweep.yaml", "--audit"),
    ("board", "sweep.yaml", "--json"),
    ("why", "sweep.yaml", "#1"),
    ("compare", "sweep.yaml", "#1", "#2"),
    ("compare", "sweep.yaml", "#1", "#2", "--json"),
    ("judge", "label", "sweep.yaml", "--sample", "2"),
    ("transforms", "suggest", "hostile"),
    ("transforms", "suggest", "hostile", "--json"),
    ("data", "show", "hostile"),
    ("data", "list"),
    ("evidence", "show", "hostile"),
    ("store", "show"),
    ("doctor", "sweep.yaml"),
    ("export", "sweep.yaml", "-o", "out.bundle"),
    ("ask", "out.bundle", f"How many days does part 3 take{EVIL}?"),
    ("ask", "out.bundle", "How many days does part 3 take?", "--json"),
    ("verify", "out.bundle", "--limit", "2"),
)


def test_no_verb_lets_data_command_the_terminal(place: Path, call: Call) -> None:
    for words in VERBS:
        status, out, errors = call(*words, typed="2\nq\n")
        assert status in (0, 1, 2, 3) and "Traceback" not in errors, (words, errors)
        assert COMMANDS.findall(out + errors) == [], words
    assert "owned" in call("why", "sweep.yaml", "#1")[1], "the texts themselves are shown"


def test_json_loses_nothing(place: Path, call: Call) -> None:
    assert call("export", "sweep.yaml", "-o", "out.bundle")[0] == 0
    question = "How many days does part 3 take\u202e\x9b\x7f?"
    out = call("ask", "out.bundle", question, "--json")[1]
    assert json.loads(out)["question"] == question


def test_only_one_place_writes_to_the_terminal() -> None:
    """Others write files, speak to a worker, or belong to the tools of developers."""
    apart = {"ragscout.cli.support.output", "ragscout.engine.__main__", "ragscout.testing.bless"}
    found = set()
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                said = ast.unparse(node.func)
                if said in ("print", "Console", "typer.echo", "typer.secho", "typer.prompt", "typer.confirm") or (
                    said.startswith(("sys.stdout.", "sys.stderr.")) and not said.endswith("isatty")
                ):
                    found.add(name)
    assert found - apart == set()


DEEP = {
    "flow lists": "a: " + "[" * 5000 + "]" * 5000,
    "flow maps": "a: " + "{a: " * 5000 + "1" + "}" * 5000,
    "lists": "- " * 3000 + "a",
    "maps": "".join(f"{' ' * number}a:\n" for number in range(1500)),
}
NUMBERS = ("9" * 6000, "-" + "9" * 6000, "9" * 350, "0x" + "f" * 6000, "0x" + "f" * 290, "9" * 6000 + ".5", "1e99999")


@pytest.mark.parametrize("kind", DEEP)
def test_a_sweep_file_that_is_too_deep_is_an_error(kind: str, place: Path, call: Call) -> None:
    Path("deep.yaml").write_text(DEEP[kind] + "\n", encoding="utf-8")
    status, _, errors = call("plan", "deep.yaml")
    assert status == 2 and errors.startswith("ragscout: deep.yaml") and "deep" in errors.replace("deep.yaml", "")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("at", ["size: [80, 200]", "passages: 2", "sweep: hostile", "search: grid"])
def test_numbers_of_a_sweep_file_may_have_any_length(number: str, at: str, place: Path, call: Call) -> None:
    key = at.partition(":")[0]
    Path("long.yaml").write_text(SWEEP.replace(at, f"{key}: {number}"), encoding="utf-8")
    status, _, errors = call("plan", "long.yaml")
    assert status == 2 and errors.startswith("ragscout: long.yaml:") and len(errors) < 600, errors[:300]


ROW = '{"id": "x", "question": "Why?", "reference": '
ODD = {
    "numbers": ROW + '"So.", "weight": ' + "9" * 6000 + "}\n",
    "answers": ROW + "9" * 6000 + "}\n",
    "floats": ROW + '"So.", "weight": 1e999}\n',
    "big": ROW + '"So.", "weight": ' + "9" * 400 + "}\n",
    "meta": ROW + '"So.", "metadata": {"n": ' + "9" * 400 + "}}\n",
    "deep": ROW + "[" * 5000 + "1" + "]" * 5000 + "}\n",
    "surrogates": r'{"id": "x\ud800", "question": "Why \udfff?", "reference": "So \ud83d.", "slice": "\ud800"}' + "\n",
    "surrogate documents": r'{"id": "x", "question": "Why?", "reference": "So.", "doc_id": "part1\ud800"}' + "\n",
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_questions_are_read_or_named(kind: str, place: Path, call: Call) -> None:
    Path("odd.jsonl").write_text(questions() + ODD[kind], encoding="utf-8")
    Path("list.json").write_text("[" + ",".join((questions() + ODD[kind]).strip().split("\n")) + "]", encoding="utf-8")
    for file in ("odd.jsonl", "list.json"):
        for words in (("check", "docs", file), ("init", "docs", file, "--force"), ("check", "docs", file, "--json")):
            status, out, errors = call(*words)
            assert status in (0, 1, 2) and "Traceback" not in errors, (words, errors)
            assert (out + errors).encode(), "no half of a character"
            assert status == 0 or file in out + errors, (words, out, errors)


@pytest.mark.parametrize("kind", ODD)
def test_odd_documents_and_answers_are_read_or_named(kind: str, place: Path, call: Call) -> None:
    Path("docs", "odd.jsonl").write_text(ODD[kind].replace("reference", "text"), encoding="utf-8")
    Path("docs", "odd.json").write_text("[" + ODD[kind].replace("reference", "text") + "]", encoding="utf-8")
    status, _, errors = call("init", "docs", "questions.jsonl", "--force")
    assert status in (0, 2) and "Traceback" not in errors, errors
    Path("answers.jsonl").write_text(ODD[kind].replace("reference", "answer"), encoding="utf-8")
    status, _, errors = call("answers", "import", "sweep.yaml", "theirs", "answers.jsonl")
    assert status in (0, 2) and "Traceback" not in errors, errors


def test_questions_with_half_a_character_are_answered(place: Path, call: Call) -> None:
    assert call("export", "sweep.yaml", "-o", "out.bundle")[0] == 0
    for more in ((), ("--json",)):
        status, out, errors = call("ask", "out.bundle", "How many days \ud800 does part 3 take \udcff?", *more)
        assert status == 0 and "3 days" in out and out.encode(), errors


WRITING = (
    ("report", "sweep.yaml", "-o", "no/folder/r.html"),
    ("report", "sweep.yaml", "-o", "r.html", "--figures", "sweep.yaml/figures"),
    ("board", "sweep.yaml", "-o", "no/folder/b.csv"),
    ("board", "sweep.yaml", "-o", "no/folder/b.xlsx"),
    ("board", "sweep.yaml", "--audit", "-o", "no/folder/b.md"),
    ("board", "sweep.yaml", "-o", "sweep.yaml/b.json"),
    ("export", "sweep.yaml", "--config", "-o", "no/folder/c.yaml"),
    ("export", "sweep.yaml", "-o", "sweep.yaml/out.bundle"),
    ("init", "docs", "questions.jsonl", "-o", "no/folder/s.yaml"),
    ("transforms", "suggest", "hostile", "-o", "no/folder/t.yaml"),
    ("judge", "label", "sweep.yaml", "--export", "no/folder/l.csv"),
    ("judge", "label", "sweep.yaml", "--export", "no/folder/l.xlsx"),
)


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_a_file_that_cannot_be_written_is_named(words: tuple[str, ...], place: Path, call: Call) -> None:
    status, out, errors = call(*words)
    assert status == 2 and errors.startswith("ragscout: ") and words[-1].split("/")[0] in errors, (out, errors)
