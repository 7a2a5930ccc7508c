"""Does asking for several criteria in one request change a judge's scores, and what does it save?

Answers made by rule from the packaged triples (as many English as Korean ones; a quarter each right, said otherwise,
wrong with the right numbers, unrelated) are judged on three criteria twice: one request per criterion, and one for all.
Replies are kept in FOLDER, so that a run that was stopped goes on; seconds are those of the replies themselves.

    python benchmarks/judge_batched.py FOLDER [ANSWERS_PER_LANGUAGE [ALIAS]]
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from scipy.stats import kendalltau

from ragscout.engine.runtime import EngineRuntime, MeteredRuntime
from ragscout.engine.session import open_connections
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Score
from ragscout.model.step import make
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.spec.connection import Connection
from ragscout.steps.measure.selftest import triples
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store

CRITERIA = ("correctness", "completeness", "relevance")
KINDS = ("reference", "paraphrase", "wrong", "unrelated")
ASKED = {"en": "What do the rules say about this: {about}?", "ko": "다음에 관한 규정은 무엇인가요: {about}?"}


def cases(each: int) -> list[tuple[str, str, Question, Answer]]:
    """Language, kind, question and answer; the subject of a question is the first half of its reference."""
    found = []
    for lang in ("en", "ko"):
        for row, triple in enumerate(triples(lang)[:each]):
            kind = KINDS[row % 4]
            words = triple.reference.split()
            about = " ".join(words[: max(2, len(words) // 2)])
            question = Question(f"{lang}{row}", ASKED[lang].format(about=about), (triple.reference,))
            found.append((lang, kind, question, Answer(getattr(triple, kind))))
    return found


async def judged(alias: str, batched: bool, where: Path, each: int) -> tuple[list[dict[str, float | None]], float, int]:
    """Scores per answer, seconds, requests."""
    connection = Connection(name="judge", provider="local", alias=alias, revision=Resolver().revision(alias))
    models = Resolver()
    limits = open_connections([connection], NetworkPolicy.offline(), models)
    runtime = EngineRuntime(Store.open(where), "benchmark", models, limits, SpendLimits())
    step = make("measure", "judge", {"model": connection.identity_model(), "criteria": CRITERIA, "batched": batched})
    scoped = MeteredRuntime(runtime)
    found = []
    for _, _, question, answer in cases(each):
        (scores,) = await step.run(scoped, [question], generate=[answer])
        values = {name: scores[f"judge.{name}"] for name in CRITERIA}
        found.append({name: item.value if isinstance(item, Score) else None for name, item in values.items()})
        print(f"{question.id}: {found[-1]}", file=sys.stderr, flush=True)
    await runtime.close()
    return found, scoped.usage.seconds, scoped.usage.calls


def main() -> None:
    """Print the figures as one JSON object."""
    folder, each = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    alias = sys.argv[3] if len(sys.argv) > 3 else "qwen2.5-coder-0.5b"
    together, seconds, calls = asyncio.run(judged(alias, True, folder / "together", each))
    apart, apart_seconds, apart_calls = asyncio.run(judged(alias, False, folder / "apart", each))
    made = cases(each)
    result: dict[str, object] = {
        "model": alias,
        "answers": len(made),
        "separate": {"seconds": round(apart_seconds, 1), "requests": apart_calls},
        "batched": {"seconds": round(seconds, 1), "requests": calls},
        "unreadable": {"separate": _missing(apart), "batched": _missing(together)},
    }
    for lang in ("en", "ko"):
        rows = [row for row, case in enumerate(made) if case[0] == lang]
        for name in CRITERIA:
            pairs = [(apart[row][name], together[row][name], made[row][1]) for row in rows]
            known = [(one, two, kind) for one, two, kind in pairs if one is not None and two is not None]
            one, two = [item[0] for item in known], [item[1] for item in known]
            tau = kendalltau(one, two).statistic
            result[f"{lang}.{name}"] = {
                "n": len(known),
                "equal": round(sum(a == b for a, b in zip(one, two, strict=True)) / len(known), 3),
                "mean_difference": round(sum(two) / len(two) - sum(one) / len(one), 3),
                "mean_absolute": round(sum(abs(a - b) for a, b in zip(one, two, strict=True)) / len(known), 3),
                "tau": None if tau != tau else round(float(tau), 3),
                "right_minus_wrong": {"separate": _gap(known, 0), "batched": _gap(known, 1)},
            }
    print(json.dumps(result, ensure_ascii=False, indent=1))


def _missing(found: list[dict[str, float | None]]) -> int:
    return sum(value is None for row in found for value in row.values())


def _gap(known: list[tuple[float, float, str]], side: int) -> float | None:
    """Mean score of right answers (as the reference or said otherwise) minus that of wrong and unrelated ones."""
    right = [item[side] for item in known if item[2] in ("reference", "paraphrase")]
    wrong = [item[side] for item in known if item[2] in ("wrong", "unrelated")]
    return round(sum(right) / len(right) - sum(wrong) / len(wrong), 3) if right and wrong else None


if __name__ == "__main__":
    main()
