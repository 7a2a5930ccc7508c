"""A sweep that ranks retrieval on a corpus sample first: when, what it costs, what it says, and that it comes back."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragscout.board.show.table import render_markdown
from ragscout.engine.task import read_node
from ragscout.model.config import Configuration
from ragscout.model.errors import ParameterError, StoreError
from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Board
from ragscout.model.results.journal import SampleSettled
from ragscout.model.runtime import Runtime
from ragscout.plan import estimate
from ragscout.plan.estimate import Range
from ragscout.record.row_states import RowStates
from ragscout.record.runs import metrics
from ragscout.report.html import report
from ragscout.report.of_sweep import material_of
from ragscout.run.session import Session
from ragscout.search.contract import Block
from ragscout.search.factor.prior import RetrievalPrior
from ragscout.steps.embed.base import Side
from ragscout.steps.embed.hashing import Hashing
from ragscout.store.store import Store
from ragscout.sweep import Result, Sweep

QUESTIONS = 10
TEXT = """
sweep: {name}
eval_set: {eval_set}
pipeline:
  chunk: {{use: characters, size: [120, 240, 480], overlap: 0}}
  embed: {{use: hashing, dim: [64, 256]}}
  retriever: [bm25, dense]
  prompt: {{use: template, passages: [1, 2]}}
  generate: {{use: extractive, max_chars: [100, 200]}}
measure: {{retrieval: [recall@5, ndcg@10], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: {search}
budget: {budget}
probe: off
holdout: 0
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Forty documents, English and Korean; ten questions, each with evidence in one of them."""
    folder = tmp_path / "set"
    (folder / "documents").mkdir(parents=True)
    topics = ("leave", "travel", "pay", "휴가", "출장", "보안", "training", "parking", "insurance", "동호회")
    lines = []
    for number in range(40):
        topic = topics[number % 10]
        text = " ".join(
            f"Rule {number}.{part} on {topic}: limit {number * 7 + part} 일 {topic}의 한도." for part in range(9)
        )
        (folder / "documents" / f"d{number:02}.md").write_text(text, encoding="utf-8")
        if number < QUESTIONS:
            gold = number * 7 + 4
            asked = f"{topic} 한도 {number}.4?" if number % 2 else f"What is the limit of rule {number}.4 on {topic}?"
            evidence = [{"document": f"d{number:02}.md", "quote": f"Rule {number}.4 on {topic}: limit {gold} 일"}]
            line = {
                "id": f"q{number}",
                "question": asked,
                "references": [f"limit {gold}"],
                "evidence": evidence,
            }
            lines.append(line)
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (folder / "questions.jsonl").write_text(text + "\n", encoding="utf-8")
    return folder


def load(
    tmp_path: Path,
    corpus: Path,
    search: str = "{use: factor, screen: {sample: 20}}",
    budget: str = "{answers: 80}",
    store: str = "store",
    name: str = "s",
) -> Sweep:
    path = tmp_path / f"{name}.yaml"
    path.write_text(TEXT.format(name=name, eval_set=corpus, search=search, budget=budget), encoding="utf-8")
    return Sweep.load(path, tmp_path / store)


def note(board: Board, kind: str) -> str:
    return next((item.text("en") for item in board.notes if item.kind == kind), "")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building all prefixes is expected to take ten minutes."""
    monkeypatch.setattr(estimate, "_index", lambda prepared, store, answers: (Range(600, 600, 600), Range(0, 0, 0), []))


def test_prefixes_are_ranked_on_the_sample_and_rows_measured_on_the_whole(tmp_path: Path, corpus: Path) -> None:
    sweep = load(tmp_path, corpus)
    result = sweep.run()
    board = result.board
    assert result.closed and board.sample is not None and board.sample.used
    assert (board.sample.documents, board.sample.of, board.sample.evidence) == (20, 40, 10)
    assert len(board.sample.prefixes) == 9, "3 sizes x (bm25, 2 dense)"
    reasons = [(requests[0].reason, len(requests)) for requests in sweep.view.rounds()[:2]]
    assert reasons == [("retrieval", 4), ("sampled", 9)], "3 lexical prefixes and the floor, then all on the sample"
    sampled = {item.key for item in sweep.prepared.sampled.values()}
    assert not sampled & {row.key for row in (*board.rows, *board.retrieval)}, "no row has only sampled figures"
    assert not sampled & {row.configuration.key for row in sweep.view.rows()}
    assert board.leader() is not None and board.leader().key not in sampled
    complete = [prefix for prefix in board.sample.prefixes if prefix.asked == QUESTIONS]
    assert board.sample.compared == len(complete) >= 3
    lexical = {row.key: row.figures["recall@5"].mean for row in board.retrieval}
    for prefix in board.sample.prefixes:
        if prefix.key in lexical:
            assert prefix.whole["recall@5"] == pytest.approx(lexical[prefix.key])
            assert prefix.sampled["recall@5"] >= prefix.whole["recall@5"], "fewer distractors, never more"
    assert "20 of 40 documents (10 with evidence" in note(board, "sampled")
    assert Board.from_json(board.to_json()) == board


def test_nothing_is_computed_twice(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = load(tmp_path, corpus)
    encoded: Counter[tuple[int, str]] = Counter()
    encode = Hashing.encode

    def counting(self: Hashing, runtime: Runtime, texts: Sequence[str], side: Side) -> object:
        encoded.update((self.dim, text) for text in texts)
        return encode(self, runtime, texts, side)

    monkeypatch.setattr(Hashing, "encode", counting)
    first = sweep.run()
    assert len(encoded) > 100 and max(encoded.values()) == 1, "what the sample embedded is not embedded again"
    assert first.computed["corpus"] == 2, "the corpus and its sample"
    whole = {node.key for item in sweep.prepared.space.configurations for node in item.nodes.values()}
    chunks = {item.nodes["chunk"].key for item in sweep.prepared.sampled.values()}
    assert len(chunks) == 3 and not chunks & whole, "the memo tells sample and whole apart"
    shared = {
        node.stage for item in sweep.prepared.sampled.values() for node in item.nodes.values() if node.key in whole
    }
    assert not shared, "whatever depends on the documents has keys of its own"
    again = load(tmp_path, corpus)
    second = again.run()
    assert second.computed == {} and second.board.to_json() == first.board.to_json()
    other = load(tmp_path, corpus, name="other", budget="{answers: 81}").run()
    assert "corpus" not in other.computed and "chunk" not in other.computed, "another sweep finds the same sample"


def test_a_sample_that_cannot_be_written_yet_is_not_given_up(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = load(tmp_path, corpus)
    real, left = Store.save_value, [StoreError("/data: disk full.")]

    def once(self: Store, key: str, *args: Any) -> None:
        if left:
            raise left.pop()
        real(self, key, *args)

    monkeypatch.setattr(Store, "save_value", once)
    partial = sweep.run()
    assert not partial.closed and partial.open == ["store: /data: disk full."]
    assert sweep.journal.last(SampleSettled) is None
    assert load(tmp_path, corpus).run().closed
    entry = sweep.journal.last(SampleSettled)
    assert entry is not None and entry.used and not entry.failed


def test_a_stopped_sweep_comes_back_equal(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load(tmp_path, corpus, store="one").run()
    for stop in (1, 2):
        broken = load(tmp_path, corpus, store=f"two{stop}")
        measure, seen = Session.measure, iter(range(100))

        def failing(*given: Any, measure: Any = measure, seen: Any = seen, stop: int = stop) -> object:
            if next(seen) == stop:
                raise KeyboardInterrupt
            return measure(*given)

        monkeypatch.setattr(Session, "measure", failing)
        with pytest.raises(KeyboardInterrupt):
            broken.run()
        monkeypatch.setattr(Session, "measure", measure)
        resumed = load(tmp_path, corpus, store=f"two{stop}").run()
        assert timeless(resumed) == timeless(whole)


def timeless(result: Result) -> object:
    data = json.loads(result.board.to_json())
    for row in [*data["rows"], *data["retrieval"]]:
        row["cost"]["seconds"] = 0
    return data


def test_auto_needs_a_slow_index_and_a_time_budget(tmp_path: Path, corpus: Path, slow: None) -> None:
    declared = load(tmp_path, corpus, "factor", "{minutes: 30, answers: 150}")
    sample = declared.prepared.opening.sample
    assert sample is not None and sample.auto and (sample.share, sample.seconds, sample.budget) == (0.125, 600, 1800)
    assert "more than a quarter of budget.minutes (30)" in declared.plan().sample
    assert "12.5 % of the documents" in declared.plan().sample and "saves about 8.8 min" in declared.plan().sample
    assert any("Corpus sample" in line for line in declared.plan().lines())
    for search, budget in (
        ("factor", "{minutes: 41, answers: 150}"),
        ("factor", "{answers: 150}"),
        ("{use: factor, screen: {sample: off}}", "{minutes: 30, answers: 150}"),
        ("{use: factor, screen: {keep: 0.5}}", "{minutes: 30, answers: 150}"),
        ("random", "{minutes: 30, answers: 150}"),
        ("grid", "{minutes: 30}"),
    ):
        other = load(tmp_path, corpus, search, budget, name="other")
        assert other.prepared.opening.sample is None, (search, budget)
        assert other.plan().sample == ""
    named = load(tmp_path, corpus, "{use: grid, screen: {sample: 20}}", "{answers: 500}", name="named")
    assert "not used" in named.plan().sample


def test_a_declaration_stays_when_the_estimate_moves(
    tmp_path: Path, corpus: Path, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ("factor", "{minutes: 30, answers: 150}")
    first = load(tmp_path, corpus, *text)
    board = first.run().board
    assert board.sample is not None and board.sample.evidence == 10
    monkeypatch.setattr(estimate, "_index", lambda *given: (Range(0, 0, 0), Range(0, 0, 0), []))
    again = load(tmp_path, corpus, *text)
    assert again.prepared.opening.sample == first.prepared.opening.sample
    assert again.run().board.to_json() == board.to_json()


def test_a_sample_as_large_as_the_corpus_is_off_and_said(tmp_path: Path, corpus: Path) -> None:
    sweep = load(tmp_path, corpus, "{use: factor, screen: {sample: 500}}")
    board = sweep.run().board
    assert board.sample is not None and not board.sample.used and not board.sample.prefixes
    assert "40 of 40 documents" in note(board, "sample_off")
    reasons = {request.reason for requests in sweep.view.rounds() for request in requests}
    assert "sampled" not in reasons
    assert len(board.retrieval) == 9, "every prefix on the whole corpus"


def test_board_and_mlflow_mark_what_is_sampled(tmp_path: Path, corpus: Path) -> None:
    sweep = load(tmp_path, corpus)
    sweep.run()
    snapshot = sweep.view.snapshot()
    page = render_markdown(snapshot.board)
    best = snapshot.board.sample.prefixes[0]  # type: ignore[union-attr]
    assert f"\\~{best.sampled['recall@5']:.3f} sampled" in page or f"~{best.sampled['recall@5']:.3f} sampled" in page
    assert "### Sample against whole" in page
    assert "표본과 전체" in render_markdown(snapshot.board, language="ko")
    assert "~" not in page.split("### Sample against whole")[0].replace("marked ~", "")
    dense = next(row for row in snapshot.board.rows if "dense" in row.knobs.values())
    found = metrics(snapshot.board, dense)
    whole = dense.figures["recall@5"].mean
    assert found["sampled.recall_5"] == snapshot.board.sample.of_row(dense.key)["recall@5"]  # type: ignore[union-attr]
    assert found.get("recall_5", found.get("partial.recall_5")) == whole
    html = report(material_of(sweep.prepared, sweep.store, "en")(snapshot)).decode()
    assert f'<td class="number">~{best.sampled["recall@5"]:.3f} sampled</td>' in html
    keys = {item.key for item in sweep.prepared.sampled.values()}
    assert not keys & {state.key for state in RowStates().of(snapshot)}


def test_a_wrong_sample_is_said_before_anything_runs(tmp_path: Path, corpus: Path) -> None:
    for wrong in ("{sample: many}", "{sample: 0}", "{sample: 0%}", "{sample: true}", "{sample: 20, keep: 0.5}"):
        with pytest.raises(ParameterError, match=r"search\.screen"):
            load(tmp_path, corpus, f"{{use: factor, screen: {wrong}}}")


def test_another_process_can_build_the_sample(tmp_path: Path, corpus: Path) -> None:
    """The sample is a node like any other: everything it needs can be read back from the store."""
    sweep = load(tmp_path, corpus)
    sweep.run()
    for item in sweep.prepared.sampled.values():
        assert read_node(sweep.store.ledger, item.key, {}).key == item.key
    assert len({item.source.key for item in sweep.prepared.sampled.values()}) == 1


def test_the_prior_takes_sampled_figures_until_the_own_ones_are_bought(tmp_path: Path, corpus: Path) -> None:
    sweep = load(tmp_path, corpus)
    prepared = sweep.prepared
    rows, names = prepared.space.configurations, [question.id for question in prepared.questions]
    prior = RetrievalPrior(rows, {})
    prior.sampled = {item.key: prefix for prefix, item in prepared.sampled.items()}

    def block(configuration: Configuration, values: list[float]) -> Block:
        pairs = zip(names, values, strict=False)
        return Block(configuration, {name: {"ndcg@10": Score(value)} for name, value in pairs}, Usage())

    def figure(prefix: str) -> float:
        return prior._figures()[prefix]

    on = {prefix: 0.5 + 0.05 * number for number, prefix in enumerate(prepared.sampled)}
    for prefix, item in prepared.sampled.items():
        assert prior.add(block(item, [on[prefix]] * QUESTIONS))
    assert {prefix: figure(prefix) for prefix in on} == pytest.approx(on)
    columns, borrowed = prior.columns()
    assert not borrowed.any() and columns.std() == pytest.approx(1)
    first, second = list(on)[:2]
    row = next(number for number, item in enumerate(rows) if item.retrieval().key == second)
    prior.bought(row, block(rows[row], [on[second] - 0.2] * 4))
    assert not prior.moved, "a few answers move nothing yet"
    assert figure(first) == pytest.approx(on[first] - 0.2), "others by the mean difference of what is known of both"
    assert figure(second) == pytest.approx(on[second] - 0.2)
    prior.bought(row, block(rows[row], [0.1] * QUESTIONS))
    assert prior.moved and figure(second) == pytest.approx(0.1), "its own figure replaces the sampled one"
    assert figure(first) < on[first]
