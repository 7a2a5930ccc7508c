"""What a step reads of packaged wording is what it names, and it is in the step's key."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import ragscout
from ragscout import steps as _registry  # noqa: F401 - importing the steps fills the registry
from ragscout.model import step as registry
from ragscout.model.evalset import Question
from ragscout.model.packaged import Packaged, WordTable
from ragscout.model.runtime import ChatModel
from ragscout.model.step import Step, make, registered_stages, steps_of
from ragscout.prompts import files
from ragscout.prompts.files import PackagedFile, prompts
from ragscout.steps.measure import tokens
from ragscout.steps.measure.judge import prompt as judge_prompt
from ragscout.steps.measure.judge.judge import Judge
from ragscout.testing.packaged import undeclared
from ragscout.testing.steps import run

ROOT = Path(ragscout.__file__).parent
STEPS = [cls for stage in registered_stages() for cls in steps_of(stage, every=True).values()]
NOT_FOR_STEPS = (
    "evidence",
    "generate-",
    "judge/en/pair",
    "judge/ko/pair",
    "ragas/ko/testset-",
    "triples/",
    "fact/labels.jsonl",
)
"""What tools read that make questions, evidence, comparisons and weights; self-tests have the triples in their key."""


@pytest.mark.parametrize("cls", STEPS, ids=[f"{cls.stage}.{cls.name}" for cls in STEPS])
def test_a_step_names_the_wording_that_it_reads(cls: type[Step]) -> None:
    assert undeclared(cls) == []


def test_no_packaged_file_is_read_unnamed() -> None:
    named = {item.name for cls in STEPS for item in cls.packaged}
    paths = [*ROOT.glob("prompts/**/*"), *ROOT.glob("steps/measure/*/*")]
    lying = [path for path in paths if path.is_file() and path.suffix not in (".py", ".pyc")]
    names = {
        path.relative_to(ROOT / ("prompts" if path.is_relative_to(ROOT / "prompts") else "steps/measure"))
        for path in lying
    }
    assert len(names) == len(lying) > 40
    unnamed = sorted(name.as_posix() for name in names if name.as_posix() not in named)
    assert [name for name in unnamed if not name.startswith(NOT_FOR_STEPS)] == []


def test_only_one_module_reads_packaged_files() -> None:
    """A reader elsewhere would be followed by no key."""
    for folder in ("steps", "prompts", "providers"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if path != ROOT / "prompts" / "files.py":
                assert not any(word in text for word in ("importlib.resources", "import resources", "pkgutil")), path


OTHER = '''
"""A package of somebody else's with a prompt of its own."""
import importlib.resources
from pathlib import Path

from ragscout.model.packaged import WordTable
from ragscout.model.step import Step, step
from ragscout.prompts.files import PackagedFile
from acme_words import shared
from acme_words.shared import greeting as hello

HINT = PackagedFile("acme_words", "hint.txt")
BOTH = {"a": HINT, "b": (WordTable("stop", ("a", "an")),)}
NEVER = WordTable("never", 1)


def hint():
    return HINT.text


class Base(Step):
    def text(self):
        return hint()


@step("rerank", "acme-forgets", version=1)
class Forgets(Base):
    pass


@step("rerank", "acme-names", version=1, packaged=(HINT,))
class Names(Base):
    pass


@step("rerank", "acme-more", version=1, packaged=(HINT, NEVER))
class More(Base):
    pass


@step("rerank", "acme-far", version=1)
class Far(Step):
    def text(self):
        from acme_words.shared import words as local

        return BOTH, shared.greeting(), hello, local


@step("rerank", "acme-around", version=1)
class Around(Step):
    def text(self):
        return importlib.resources.files("acme_words"), Path(__file__)


@step("rerank", "acme-inherits", version=1, packaged=(NEVER,))
class Inherits(Names):
    def text(self):
        return NEVER.value
'''
SHARED = """
from ragscout.model.packaged import WordTable

WORDS = WordTable("words", ("x",))
GREETING = WordTable("greeting", "hello")


def greeting():
    return GREETING.value


def words():
    return WORDS.value
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Any]:
    """A package outside this one with steps that read wording of its own."""
    (tmp_path / "acme_words").mkdir()
    for name, text in (("__init__.py", OTHER), ("shared.py", SHARED), ("hint.txt", "Be short.\r\n")):
        (tmp_path / "acme_words" / name).write_bytes(text.encode())
    with patch.object(sys, "path", [str(tmp_path), *sys.path]), patch.dict(registry._REGISTRY):
        yield importlib.import_module("acme_words")
    for name in ("acme_words", "acme_words.shared"):
        sys.modules.pop(name, None)


def test_wording_that_is_read_and_not_named_is_found(other: Any) -> None:
    assert undeclared(other.Forgets) == [
        "rerank.acme-forgets: reads hint.txt and does not name it. Add it to packaged."
    ]
    assert undeclared(other.Names) == []
    assert undeclared(other.More) == ["rerank.acme-more: names never and cannot read it. Take it out of packaged."]
    found = [line.split()[2] for line in undeclared(other.Far)]
    assert found == ["greeting", "hint.txt", "stop", "words"]
    assert undeclared(other.Around) == [
        "rerank.acme-around: acme_words.Around reads a file by itself. Use a PackagedFile."
    ]


def test_a_step_names_what_its_base_names_and_its_own(other: Any) -> None:
    assert other.Inherits.packaged == (other.HINT, other.NEVER)
    assert other.HINT.text == "Be short.\n"
    keys = {cls.name: cls().key({}) for cls in (other.Forgets, other.Names, other.Inherits)}
    assert len(set(keys.values())) == 3


@contextmanager
def edited(name: str) -> Iterator[None]:
    """A packaged file with another text."""
    real = files._text

    def text(package: str, file: str) -> str:
        return real(package, file) + ("\nAnswer in capitals.\n" if file == name else "")

    files._digest.cache_clear()
    with patch.object(files, "_text", text):
        yield
    files._digest.cache_clear()


JUDGE = ChatModel("openai", "judge")
TEMPLATE_FILES = ("answer/en.md", "answer/ko.md")


@pytest.mark.parametrize(
    ("stage", "name", "parameters", "reads"),
    [
        ("prompt", "template", {}, TEMPLATE_FILES),
        ("prompt", "template", {"language": "ko"}, ("answer/ko.md",)),
        ("prompt", "template", {"language": "en", "text_ko": "{{ question }}", "passages": 0}, ("answer/en.md",)),
        ("prompt", "template", {"text_ko": "{{ question }}", "passages": 0}, ("answer/en.md",)),
        ("prompt", "template", {"text": "{{ question }}", "passages": 0}, ()),
        ("measure", "judge", {"model": JUDGE}, ("judge/en/correctness.txt", "judge/ko/frame.txt", "judge/en/data.txt")),
        ("measure", "judge", {"model": JUDGE, "criteria": ({"kind": "Is it?"},)}, ("judge/ko/custom.txt",)),
        ("measure", "ragas", {"metric": "faithfulness", "model": JUDGE}, ("ragas/ko/nli.json", "ragas/ko/frame.txt")),
        ("measure", "ragas", {"metric": "semantic_similarity"}, ()),
        ("measure", "token_f1", {}, ("words/ko-function.txt",)),
        ("measure", "reference_coverage", {}, ("words/ko-function.txt", "words/en-stop.txt")),
        ("measure", "exact_match", {}, ()),
        ("embed", "hashing", {}, ()),
    ],
)
def test_an_edited_file_changes_the_keys_of_the_steps_that_read_it(
    stage: str, name: str, parameters: dict[str, Any], reads: tuple[str, ...]
) -> None:
    made = make(stage, name, parameters)
    before = made.key({})
    every = {item.name for cls in STEPS for item in cls.packaged if isinstance(item, PackagedFile)}
    changed = set()
    for file in sorted(every):
        with edited(file):
            if made.key({}) != before:
                changed.add(file)
    assert changed >= set(reads) and bool(changed) == bool(reads)
    assert changed == {item.name for item in made.packaged_texts() if isinstance(item, PackagedFile)}
    if stage == "prompt":
        assert changed == set(reads)
    assert made.key({}) == before


def test_a_rubric_of_another_criterion_changes_nothing() -> None:
    made = make("measure", "judge", {"model": JUDGE, "criteria": ("correctness",)})
    before = made.key({})
    with edited("judge/en/conciseness.txt"):
        assert made.key({}) == before


def test_what_a_step_says_of_itself_is_part_of_what_its_class_names() -> None:
    cases = [
        make("prompt", "template"),
        make("measure", "judge", {"model": JUDGE, "criteria": ("relevance", {"a": "b"})}),
    ]
    cases += [make("measure", "ragas", {"metric": "context_recall", "model": JUDGE}), make("measure", "bleu")]
    for case in cases:
        assert set(case.packaged_texts()) <= set(type(case).packaged)


def test_an_edited_table_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    extractive = make("generate", "extractive")
    before = extractive.key({})
    table: Packaged = next(item for item in extractive.packaged_texts() if item.name == "not found")
    other = WordTable(table.name, {"ko": "모름", "en": "No."})
    names = tuple(other if item is table else item for item in extractive.packaged_texts())
    monkeypatch.setattr(type(extractive), "packaged", names)
    assert extractive.key({}) != before
    monkeypatch.setattr(type(extractive), "packaged", tuple(reversed(names)))
    assert extractive.key({}) != before


def test_the_order_of_naming_is_not_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    extractive = make("generate", "extractive")
    before = extractive.key({})
    monkeypatch.setattr(type(extractive), "packaged", tuple(reversed(extractive.packaged_texts())))
    assert extractive.key({}) == before


def test_a_prompt_without_a_file_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        _ = prompts("no-such-purpose")["en"].text


@contextmanager
def recorded() -> Iterator[set[str]]:
    """Names of the packaged files that are read inside, those included that were read and remembered before."""
    for item in (*vars(judge_prompt).values(), *vars(tokens).values()):
        if hasattr(item, "cache_clear"):
            item.cache_clear()
    read: set[str] = set()
    real = files._text

    def text(package: str, name: str) -> str:
        read.add(name)
        return real(package, name)

    with patch.object(files, "_text", text):
        yield read


ASKED = (Question("e", "How many days?"), Question("k", "며칠인가요?"), Question("o", "сколько?"))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"language": "ko"},
        {"language": "en"},
        {"text": "{{ question }}", "passages": 0},
        {"text_ko": "{{ question }}", "passages": 0},
        {"text_ko": "{{ question }}", "passages": 0, "language": "ko"},
    ],
)
def test_a_prompt_reads_just_what_it_names(parameters: dict[str, Any]) -> None:
    template = make("prompt", "template", parameters)
    with recorded() as read:
        assert len(run(template, None, ASKED)) == 3
    assert read == {item.name for item in template.packaged_texts()}


@pytest.mark.parametrize(
    "criteria", [("correctness",), ("faithfulness", "conciseness"), ({"kind": "Is it?"},), ("relevance", {"a": "b"})]
)
def test_a_judge_reads_just_what_it_names(criteria: tuple[Any, ...]) -> None:
    judge = make("measure", "judge", {"model": JUDGE, "criteria": criteria})
    assert isinstance(judge, Judge)
    with recorded() as read:
        for question in ASKED:
            for name in (item if isinstance(item, str) else next(iter(item)) for item in criteria):
                judge.request((name,), judge_prompt.JudgeInput(question.text, "a", ("r",), ("p",)))
    assert read == {item.name for item in judge.packaged_texts() if isinstance(item, PackagedFile)}
