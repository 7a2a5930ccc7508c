"""Generated questions on a store: drafts, the review's outcome, the new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragscout.curate.generating import FilterCounts, Source, generate
from ragscout.curate.pooling import read_corpus
from ragscout.curate.reviewing import ReviewDecision
from ragscout.curate.seeding import Seed, seeds
from ragscout.data.versions import all_questions, derive
from ragscout.model.evalset import EvalSet, Question
from ragscout.model.runtime import ChatModel, Runtime
from ragscout.model.values import Corpus
from ragscout.store.store import Store


@dataclass(frozen=True)
class Synthesis:
    """Questions that passed the filters, and what the filters did. ``asked``: how many were drafted."""

    eval_set: EvalSet
    questions: tuple[Question, ...]
    counts: FilterCounts
    asked: int


@dataclass(frozen=True)
class Start:
    """What will be asked, before anything is sent."""

    eval_set: EvalSet
    corpus: Corpus
    seeds: tuple[Seed, ...]


async def start(
    eval_set: EvalSet,
    store: Store,
    runtime: Runtime,
    *,
    count: int,
    seed: int,
    multi_hop: float,
    personas: Sequence[str] = (),
) -> Start:
    """Read the documents and draw the spans."""
    corpus = await read_corpus(eval_set.files, store.blobs.read, runtime)
    return Start(eval_set, corpus, tuple(seeds(corpus, count, seed, multi_hop, personas)))


async def run(begun: Start, model: ChatModel, runtime: Runtime, source: Source = "ragscout") -> Synthesis:
    """Draft and filter; what was asked before is read from the memo."""
    known = all_questions(begun.eval_set)
    questions, counts = await generate(begun.seeds, known, begun.corpus.by_id(), model, runtime, source)
    return Synthesis(begun.eval_set, tuple(questions), counts, len(begun.seeds))


def apply(made: Synthesis, said: Mapping[str, ReviewDecision], store: Store) -> EvalSet:
    """Return the version with the accepted questions behind the old ones; they are labelled synthetic for ever."""
    taken = []
    for question in made.questions:
        decision = said.get(question.id)
        if decision is None or decision.verdict == "drop":
            continue
        review = {"accept": "accepted", "change": "edited"}[decision.verdict]
        edited = question
        if decision.verdict == "change":
            text = decision.value.get("question") or question.text
            reference = decision.value.get("reference") or question.references[0]
            edited = replace(question, text=text, references=(reference,))
        taken.append(replace(edited, meta={**edited.meta, "review": decision.value.get("review", review)}))
    note = f"{len(taken)} synthetic questions were added to version {made.eval_set.version}"
    questions = [*all_questions(made.eval_set), *taken]
    return derive(made.eval_set, questions, note, blobs=store.blobs, registry=store.ledger)
