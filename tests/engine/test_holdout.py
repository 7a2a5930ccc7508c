"""The sealed hold-out: who is sealed, that growing a set moves nobody, and that its use is counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from ragscout.engine.session import Opening
from ragscout.model.evalset import EvalSet, Question, SourceFile, Span
from ragscout.plan.holdout import default_share, members, sealed_must_pass, sealed_set, use_of
from ragscout.store.store import Store


def made(count: int, *, per_document: int = 3, name: str = "안내서", first: int = 0) -> EvalSet:
    questions = tuple(
        Question(f"q{i}", f"문항 {i}", ("답",), evidence=(Span(f"문서-{i // per_document}", "근거"),))
        for i in range(first, first + count)
    )
    return EvalSet(name, 1, f"{name}-{count}", (), questions, lineage=name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def opened(store: Store, eval_set: EvalSet, sweep: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal whose opening names the set; its manifest is the set itself."""
    import ragscout.plan.holdout as module

    known = getattr(opened, "sets", {})
    known[eval_set.digest] = eval_set
    opened.sets = known  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "load_manifest", lambda _, digest: known[digest])
    monkeypatch.setattr(type(store.blobs), "exists", lambda _, digest: digest in known)
    record = Opening(
        sweep, eval_set.digest, 0, "", "", (), holdout=eval_set.holdout_share, sealed=eval_set.sealed or ()
    )
    store.ledger.journal_append(sweep, "opened", record.payload())


@pytest.mark.parametrize(
    ("questions", "share"), [(1, 0.0), (99, 0.0), (100, 0.3), (300, 0.3), (320, 100 / 320), (1000, 0.3)]
)
def test_default_share(questions: int, share: float) -> None:
    assert default_share(questions) == pytest.approx(share)


def test_questions_of_a_component_stay_together() -> None:
    eval_set = made(240)
    bridge = Question("bridge", "두 문서", ("답",), evidence=(Span("문서-0", ""), Span("문서-1", "")))
    joined = EvalSet("안내서", 1, "", (), (*eval_set.questions_, bridge), lineage="안내서")
    sealed = set(members(joined, 0.3))
    sides = {q.id in sealed for q in joined.questions_ if {s.document for s in q.evidence} & {"문서-0", "문서-1"}}
    assert len(sides) == 1
    assert 0.2 < len(sealed) / joined.count < 0.4


def test_a_document_that_holds_everything_is_split() -> None:
    one = made(200, per_document=1000)
    assert 0.2 < len(members(one, 0.3)) / one.count < 0.4


def test_growing_a_set_moves_no_question(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new question joins a sealed and an open component: without the record, one of the two would move."""
    first = sealed_set(made(150), None, store)
    assert first.holdout_share == 0.3 and first.sealed
    opened(store, first, "one-aaaa", monkeypatch)
    sides = {q.evidence[0].document: q.id in first.sealed for q in first.questions_}
    sealed_document = next(name for name, side in sides.items() if side)
    open_document = next(name for name, side in sides.items() if not side)
    bridge = Question("new", "이어 주는 문항", evidence=(Span(sealed_document, ""), Span(open_document, "")))
    more = made(260).questions_[150:]
    grown = sealed_set(
        EvalSet("안내서", 2, "grown", (), (*first.questions_, bridge, *more), lineage="안내서"), None, store
    )
    assert {q.id for q in first.questions_} & set(grown.sealed or ()) == set(first.sealed)
    assert set(grown.sealed or ()) - set(first.sealed), "new documents are drawn too"


def test_no_holdout_below_a_hundred_unless_asked(store: Store) -> None:
    assert sealed_set(made(60), None, store).development == made(60).questions_
    assert 0 < len(sealed_set(made(60), 0.3, store).sealed or ()) < 60
    assert sealed_set(made(150), 0.0, store).development == made(150).questions_


def test_sealed_questions_that_must_be_passed_are_said() -> None:
    eval_set = made(150)
    held = members(eval_set, 0.3)
    open_ = next(item.id for item in eval_set.questions_ if item.id not in held)
    for marked, said in (((open_,), ""), ((open_, held[0]), "1 must-pass question is"), (held[:2], "2 must-pass ques")):
        questions = tuple(replace(item, must_pass=item.id in marked) for item in eval_set.questions_)
        notes = sealed_must_pass(replace(eval_set, questions_=questions).with_holdout(0.3, held))
        assert [note.text("en")[: len(said)] for note in notes] == [said] * bool(said)
        assert all(f"필수 문항 {len(set(marked) & set(held))}개" in note.text("ko") for note in notes)


def test_use_counts_openings_and_questions_that_were_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sealed_set(made(150), 0.0, store)
    opened(store, whole, "open-aaaa", monkeypatch)
    held = sealed_set(made(150), None, store)
    assert use_of(held, store, "b-bbbb").seen == len(held.sealed or ())
    opened(store, held, "b-bbbb", monkeypatch)
    held.open_sealed(_Journal(store, "b-bbbb"))
    assert use_of(held, store, "b-bbbb").opened == ()
    assert use_of(held, store, "c-cccc").opened == ("b",)


class _Journal:
    def __init__(self, store: Store, sweep: str) -> None:
        self.store, self.sweep = store, sweep

    def append(self, kind: str, payload: object) -> int:
        return self.store.ledger.journal_append(self.sweep, kind, payload)  # type: ignore[arg-type]


def test_a_question_without_evidence_goes_with_the_document_its_words_point_to(store: Store) -> None:
    texts = {f"d{i}.txt": f"휴가 규정 제{i}조 단어{i} 단어{i}" for i in range(40)}
    files = tuple(
        SourceFile(path, store.blobs.put(text.encode()), "text/plain") for path, text in sorted(texts.items())
    )
    plain = tuple(Question(f"p{i}", f"단어{i} 는 무엇입니까", ()) for i in range(40))
    cited = tuple(Question(f"c{i}", f"조항 {i}", (), documents=(f"d{i}.txt",)) for i in range(40))
    eval_set = sealed_set(EvalSet("p", 1, "p-digest", files, (*plain, *cited), lineage="p"), 0.3, store)
    sealed = set(eval_set.sealed or ())
    assert all((f"p{i}" in sealed) == (f"c{i}" in sealed) for i in range(40))
    assert sealed and len(sealed) < 80
