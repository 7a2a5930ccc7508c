"""What is learnt from questions, in real sweeps: no request ever holds what was learnt from the question it asks."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ragscout.engine.worker import cell_key
from ragscout.model.cells import decode
from ragscout.model.config import Configuration
from ragscout.model.errors import EvalSetError, ParameterError, SpecError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.training import SEEN, TrainingSplit, files, read_file
from ragscout.model.values import Chunks, codec
from ragscout.plan.training import freeze
from ragscout.serve import Pipeline, export, verify
from ragscout.spec import load
from ragscout.steps.fit.base import FitStep
from ragscout.steps.lexicon.bm25 import BM25, BM25Lexicon
from ragscout.store.store import Store
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

TEXT = """
sweep: fits
eval_set: {folder}
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: 300}}
  fit: {fit}
  retriever: {retriever}
  prompt: {{use: few-shot, passages: 1}}
  generate: {generate}
measure: {{retrieval: [recall@3], answer: [token_f1]}}
search: grid
budget: {{usd: 5}}
network: offline
holdout: {holdout}
probe: {probe}
"""
EXAMPLES = "{use: examples, training: first, folds: 3, n: 4}"
PLAIN = {"retriever": "bm25", "generate": "{use: chat, model: writer, max_tokens: 16}", "probe": "off"}
Asked = list[tuple[str, list[str]]]
"""For each request the text of the question, and the questions that were shown before it."""


def question(number: int, documents: Sequence[int]) -> dict[str, Any]:
    evidence = [
        {"document": f"d{at:02}.md", "quote": f"Rule {at:02} allows {at + 10} days", "group": place}
        for place, at in enumerate(documents)
    ]
    text = f"How many days does case {number:02} allow?"
    return {"id": f"q{number:02}", "question": text, "references": [f"case {number:02}: days"], "evidence": evidence}


def drawn(seed: int, count: int = 16) -> list[dict[str, Any]]:
    """Questions about one or two of twelve documents."""
    rng = random.Random(seed)
    return [question(number, sorted(rng.sample(range(12), rng.choice((1, 1, 1, 2))))) for number in range(count)]


@step("fit", "toy-seen", version=1)
class ToySeen(FitStep):
    """The texts of the questions that may be learnt from."""

    async def learn(self, runtime: Runtime, questions: Sequence[Question], **inputs: Any) -> list[str]:
        return [item.text for item in questions]


@step("lexicon", "toy-seen", version=1)
class ToySeenLexicon(BM25):
    """Indexes what was learnt in the place of the documents: a ranking tells what its lexicon saw."""

    uses: ClassVar[tuple[str, ...]] = ("chunk", "fit")

    async def run(self, runtime: Runtime, chunk: Chunks, fit: Sequence[str] = ()) -> BM25Lexicon:
        assert not isinstance(fit, PerFold), "a step is handed one value at a time"
        return await super().run(runtime, replace(chunk, index_text=["\n".join(fit)] * len(chunk)))


class Place:
    """A folder with an evaluation set, a sweep file and a store."""

    def __init__(self, folder: Path, server: FakeServer, rows: Sequence[Mapping[str, Any]]) -> None:
        self.folder, self.server = folder, server
        (folder / "set" / "documents").mkdir(parents=True)
        for at in range(12):
            text = f"# Rule {at:02}\n\nRule {at:02} allows {at + 10} days.\n"
            (folder / "set" / "documents" / f"d{at:02}.md").write_text(text, encoding="utf-8")
        self.write(rows)

    def write(self, rows: Sequence[Mapping[str, Any]], fit: str = EXAMPLES, holdout: str = "off", **more: str) -> None:
        self.rows = {row["question"]: {item["document"] for item in row["evidence"]} for row in rows}
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "set" / "questions.jsonl").write_text(lines, encoding="utf-8")
        text = TEXT.format(
            folder=self.folder / "set", url=self.server.base_url, fit=fit, holdout=holdout, **{**PLAIN, **more}
        )
        self.file.write_text(text, encoding="utf-8")

    @property
    def file(self) -> Path:
        return self.folder / "fits.yaml"

    @property
    def location(self) -> Path:
        return self.folder / "store"

    def freeze(self, name: str = "first") -> TrainingSplit:
        store = Store.open(self.location)
        try:
            return freeze(load(self.file), name, store)[1]
        finally:
            store.close()

    def sweep(self) -> Sweep:
        return Sweep.load(self.file, self.location)

    def asked(self) -> Asked:
        """What was sent since the last call."""
        found: Asked = []
        for body in self.server.stats.bodies:
            said = [item["content"] for item in body["messages"] if item["role"] == "user"]
            (text,) = [text for text in self.rows if text in said[-1]]
            found.append((text, said[:-1]))
        self.server.stats.bodies.clear()
        return found

    def components(self, rows: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
        """Question to all documents that hang together with its own through questions, found by brute force."""
        found = {text: set(documents) for text, documents in rows.items()}
        changed = True
        while changed:
            changed = False
            for one in found.values():
                for other in found.values():
                    if one & other and one != other:
                        one |= other
                        changed = True
        return {text: frozenset(documents) for text, documents in found.items()}


def few_shot(sweep: Sweep) -> Configuration:
    return next(item for item in sweep.prepared.space.configurations if "fit" in item.steps and item.retrieves)


def outcomes(sweep: Sweep) -> dict[str, Any]:
    """Question id to the answer's cell of the row with examples."""
    node = few_shot(sweep).last
    keys = {item.id: cell_key(node, item) for item in sweep.prepared.questions}
    cells = sweep.store.read_cells(node.key, list(keys.values()))
    return {name: decode("generate", cells[key].data) for name, key in keys.items() if key in cells}


@pytest.mark.parametrize("seed", range(4))
def test_no_question_is_asked_with_what_was_learnt_from_its_group(
    tmp_path: Path, server: FakeServer, seed: int
) -> None:
    place = Place(tmp_path, server, drawn(seed))
    place.freeze()
    assert place.sweep().run().closed
    sent, groups = place.asked(), place.components(place.rows)
    # the row without retrieval and the one with it show examples to each of the 16 questions
    assert len(sent) == 32 and {text for text, _ in sent} == set(place.rows)
    for text, shown in sent:
        assert 0 < len(shown) <= 4
        for other in shown:
            assert not groups[other] & groups[text], f"{text} was asked after {other}, which shares its documents"


def test_another_process_learns_and_asks_the_same(tmp_path: Path, server: FakeServer) -> None:
    """A worker finds the split in the store: it knows no folder of sweep files."""
    sent = []
    for executor in ("in-process", "subprocess"):
        place = Place(tmp_path / executor, server, drawn(9, count=6))
        place.freeze()
        assert place.sweep().run(executor=executor).closed
        sent.append(sorted(place.asked()))
    assert sent[0] == sent[1] and len(sent[0]) == 12


def test_a_whole_stage_after_it_has_a_value_for_each_fold(tmp_path: Path, server: FakeServer) -> None:
    """A lexicon that was learnt: each question is searched for in that of its own fold."""
    rows = [question(number, [number]) | {"question": "abcdefghijkl"[number] * 4} for number in range(12)]
    place = Place(tmp_path, server, rows)
    split = place.freeze()
    place.write(rows, fit="{use: toy-seen, training: first, folds: 3}", retriever="toy-seen", generate="none")
    sweep = place.sweep()
    assert sweep.run().closed
    (row,) = [item for item in sweep.prepared.space.grid if "fit" in item.steps]
    assert row.retrieval().key == row.key and "fit" in row.retrieval().steps
    value = codec("lexicon").load(sweep.store.value_folder(row.nodes["lexicon"].key))
    assert isinstance(value, PerFold) and len(value.every()) == 4 and value.folds == split.folds(3)
    node = row.nodes["fuse"]
    asked = sweep.prepared.questions
    cells = sweep.store.read_cells(node.key, [cell_key(node, item) for item in asked])
    assert len(cells) == 12
    for item in asked:
        assert decode("fuse", cells[cell_key(node, item)].data).hits == (), f"{item.text} was learnt from"
        fold = value.folds.of(item)
        others = [lexicon for at, lexicon in enumerate(value.values) if at != fold]
        assert all(lexicon.search(item.text, 5).hits for lexicon in (*others, value.whole))


def test_questions_added_later_change_no_key_and_send_nothing_again(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(8)]
    place = Place(tmp_path, server, rows)
    split = place.freeze()
    before = place.sweep()
    assert before.run().closed
    place.asked()
    nodes = {stage: node.key for stage, node in few_shot(before).nodes.items() if stage != "source"}
    folds = split.folds(3)
    fold = {number: folds.places[f"document d{number:02}.md"] for number in range(8)}
    one = next(number for number in range(8) if fold[number] != fold[0])
    same = next((number for number in range(1, 8) if fold[number] == fold[0]), 0)

    place.write([*rows, question(20, [11]), question(21, [0, one]), question(22, [0, same] if same else [0])])
    after = place.sweep()
    assert {stage: node.key for stage, node in few_shot(after).nodes.items() if stage != "source"} == nodes
    result = after.run()
    assert result.closed
    sent = place.asked()
    texts = {number: question(number, [])["question"] for number in range(23)}
    assert {text for text, _ in sent} == {texts[20], texts[22]}, "nothing is sent again, and one is never sent"
    assert all(shown for _, shown in sent)
    left_out = {question(number, [])["question"] for number in range(8) if fold[number] == fold[0]}
    seen = {other for text, shown in sent if text == texts[22] for other in shown}
    assert not seen & left_out, "it may not see the fold of the training question about its document"

    cells = outcomes(after)
    assert cells["q21"] == SEEN and len(cells) == 11
    row = next(row for row in result.board.rows if row.key == few_shot(after).key)
    figure = row.figures["token_f1"]
    assert (figure.scored, figure.asked) == (10, 11), "the measurement's failure is missing, not zero"


def test_without_a_step_that_learns_nothing_changes(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(4)]
    place = Place(tmp_path, server, rows)
    place.write(rows, fit="none")
    found = place.sweep()
    text = place.file.read_text("utf-8")
    place.file.write_text(text.replace("  fit: none\n", ""), encoding="utf-8")
    again = place.sweep()
    assert again.id == found.id, "a file that says none is the same sweep"
    for row in found.prepared.space.configurations:
        assert not {"fit", "training"} & row.nodes.keys()
    assert found.run().closed
    assert not any(shown for _, shown in place.asked()), "no examples are shown"


def test_none_and_examples_are_two_rows(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(6)]
    place = Place(tmp_path, server, rows)
    place.freeze()
    place.write(rows, fit=f"[none, {EXAMPLES}]")
    prepared = place.sweep().prepared
    assert prepared.space.knobs["fit"] == ("none", "examples")
    learnt = [row for row in prepared.space.grid if "fit" in row.steps]
    assert len(prepared.space.grid) == 2 and len(learnt) == 1
    assert len({row.retrieval().key for row in prepared.space.grid}) == 1, "retrieval is the same for both"
    assert not learnt[0].retrieval().steps.keys() & {"fit"} and "fit" not in learnt[0].retrieval().knobs


def test_a_bundle_answers_from_the_whole_split_and_verifies_as_measured(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(6)]
    place = Place(tmp_path, server, rows)
    place.freeze()
    sweep = place.sweep()
    assert sweep.run().closed
    chosen = few_shot(sweep)
    folds = read_file(place.folder, "first", "here").folds(3)
    for documents in (False, True):
        path = export(
            chosen,
            store=sweep.store,
            opening=sweep.prepared.opening,
            eval_set=sweep.prepared.eval_set,
            row=None,
            path=tmp_path / f"b{documents}.zip",
            documents=documents,
            metrics=sweep.prepared.metrics,
        )
        place.asked()
        with Pipeline.load(path) as pipeline:
            assert pipeline.configuration.key == chosen.key
            pipeline.ask(rows[0]["question"])
            ((_, shown),) = place.asked()
            assert len(shown) == 4
            whole = pipeline.values["fit"].whole
            assert [item.question for item in whole.examples] == shown, "somebody who asks is served by the whole"
            held = next(item for item in rows if item["question"] in shown)
            asked = next(item for item in sweep.prepared.questions if item.text == held["question"])
            pipeline.trace(asked)
            ((_, again),) = place.asked()
            fold = folds.of(asked)
            left_out = {item.text for item in sweep.prepared.questions if folds.of(item) == fold}
            assert not set(again) & left_out, "a question of the evaluation set is asked as it was measured"
        assert verify(path).same


def test_a_row_with_examples_is_written_as_a_sweep_file(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(6)]
    place = Place(tmp_path, server, rows)
    place.freeze()
    sweep = place.sweep()
    assert sweep.run().closed
    chosen = few_shot(sweep)
    (place.folder / "again.yaml").write_text(sweep.export_config(chosen.key), encoding="utf-8")
    again = Sweep.load(place.folder / "again.yaml", place.location)
    assert [item.key for item in again.prepared.space.grid] == [chosen.key]


def test_freezing_is_once_and_names_are_known(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(6)]
    place = Place(tmp_path, server, rows)
    with pytest.raises(UnknownNameError, match=r"fits.yaml:\d+:\d+: pipeline.fit.training: unknown training split"):
        place.sweep()
    first = place.freeze()
    assert place.freeze().digest == first.digest and list(files(place.folder)) == ["first"]
    place.write([*rows, question(9, [9])])
    with pytest.raises(EvalSetError, match=r"6 other questions are frozen under this name; got 7. Freeze these under"):
        place.freeze()
    assert place.freeze("second").digest != first.digest
    place.write(rows, fit=EXAMPLES.replace("first", "frist"))
    with pytest.raises(UnknownNameError, match="Did you mean 'first'"):
        place.sweep()
    with pytest.raises(ParameterError, match="not a name"):
        place.freeze("../first")


def test_what_is_sealed_is_never_learnt_from(tmp_path: Path, server: FakeServer) -> None:
    rows = [question(number, [number]) for number in range(12)]
    place = Place(tmp_path, server, rows)
    place.freeze()  # without a hold-out
    place.write(rows, holdout="0.4")
    with pytest.raises(SpecError, match=r"questions of training split 'first' are sealed in the hold-out"):
        place.sweep()
    open_ = place.freeze("open")
    place.write(rows, fit=EXAMPLES.replace("first", "open"), holdout="0.4")
    sweep = place.sweep()
    assert 0 < len(open_.questions) == len(sweep.prepared.questions) < 12
    assert sweep.run().closed
    sent = place.asked()
    shown = {other for _, before in sent for other in before}
    assert len({text for text, _ in sent}) == 12, "the sealed questions were asked too"
    assert shown <= {item.text for item in sweep.prepared.questions}, "the confirmation shows open questions alone"


def test_questions_that_hang_together_cannot_be_learnt_from(tmp_path: Path, server: FakeServer) -> None:
    place = Place(tmp_path, server, [question(number, [0, number]) for number in range(1, 6)])
    place.freeze()
    sweep = place.sweep()
    board = sweep.run().board
    failed = [row.failed for row in board.rows if row.failed]
    assert failed and all("all 5 questions of training split first lie in one fold" in why for why in failed)
