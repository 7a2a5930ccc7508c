"""Filters and transforms through a whole sweep: leaks on the board, evidence found in transformed documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ragscout.sweep import Sweep

Write = Callable[..., Path]
TEXT = """# 규정 {n}
메뉴 | 로그인
연차 휴가 {n}일은 신청 후 사용한다. 문의 kim{n}@example.com
## 절차
신청서 {n}호를 낸다."""
SWEEP = """
sweep: filters
eval_set: set
pipeline:
  corpus:
    - parse
    - {use: parse, transforms: [{use: drop-boilerplate}, {use: mask-personal-data}, {use: split-by-heading}]}
  chunk: {use: characters, size: 400}
  embed: hashing
  retriever: [bm25, {use: hybrid, fusion: rrf}]
  generate: extractive
measure: {retrieval: [recall@3, doc.recall@3], answer: [token_f1]}
goal: {maximize: token_f1}
search: grid
"""


def test_filters_and_transforms_in_a_sweep(write: Write, tmp_path: Path) -> None:
    documents, questions = [], []
    for n in range(8):
        department, text = "인사" if n % 2 else "총무", TEXT.format(n=n)
        documents.append({"doc_id": f"d{n}", "title": f"규정 {n}", "text": text, "부서": department})
        quote = f"연차 휴가 {n}일은 신청 후 사용한다."
        start = text.index(quote)
        gold = [{"document": f"d{n}", "start": start, "end": start + len(quote), "quote": quote}]
        row = {"id": f"q{n}", "question": f"연차 휴가 {n}일 신청은?", "references": [quote], "evidence": gold}
        questions.append({**row, "filter": {"부서": [department]}})
    for name, rows in (("corpus", documents), ("questions", questions)):
        write(f"set/{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    sweep = Sweep.load(write("sweep.yaml", SWEEP), tmp_path / "store")
    board = sweep.run().board
    assert "leak@10" in (*board.figures, *board.retrieval_figures)
    rows = [row for row in (*board.rows, *board.retrieval) if "leak@10" in row.figures]
    assert len(rows) >= 4
    for row in rows:
        assert row.figures["leak@10"].mean == 0.0
        assert (row.figures["doc.recall@3"].mean or 0.0) > 0.5
        assert row.figures["recall@3"].scored == row.figures["recall@3"].asked == 8
