"""Real English pairs: neighbouring and shortened sentences of documents, references and questions."""

from __future__ import annotations

import json
import os
import random
from itertools import pairwise
from pathlib import Path

from ragscout.providers.tokenize import sentences

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("RAGSCOUT_SHARED_DATA", ROOT.parent / "shared" / "data"))
HANDBOOK = """Every permanent employee of Hanbit Logistics earns 15 days of annual leave per year after the first year.
From the third year on, one day is added every two years, and annual leave never exceeds 25 days.
In the first year one day accrues for each full month worked. Leave can be taken in units of 30 minutes.
Requests of up to three days are due by 18:00 on the day before, requests of four days or more two weeks ahead.
If the team lead does not answer within 48 hours, the request is approved automatically.
Up to five unused days may be carried over; they expire on 31 March and are not paid out.
"""


def english_pairs(count: int) -> list[tuple[str, str]]:
    """(answer, reference) pairs; empty when the shared data are absent."""
    folder = SHARED / "squad2-en"
    if not folder.is_dir():
        return []
    documents = [json.loads(line)["text"] for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    pairs = [pair for text in documents for pair in make_pairs(text[:6000])]
    for line in (folder / "questions.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        pairs += [(other, row["reference_answer"]) for other in (*row["answers"], row["question"]) if row["answers"]]
    random.Random(0).shuffle(pairs)
    return list(dict.fromkeys(pairs))[:count]


def make_pairs(text: str) -> list[tuple[str, str]]:
    """A text's neighbouring sentences, and each sentence against itself with some words left out or moved."""
    parts = [" ".join(text[start:end].split()) for start, end in sentences(text)]
    parts = [part for part in parts if part]
    draw = random.Random(len(text))
    pairs = list(pairwise(parts))
    for part in parts:
        kept = [word for word in part.split() if draw.random() > 0.25] or part.split()
        pairs.append((" ".join(kept), part))
        moved = part.split()
        cut = draw.randrange(len(moved))
        pairs.append((" ".join(moved[cut:] + moved[:cut]), part))
    return pairs
