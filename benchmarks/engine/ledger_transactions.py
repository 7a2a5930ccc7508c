"""Transactions of the ledger in a whole sweep, by what they are for and by the thread that waits for them.

Counts do not depend on the machine. Run: python benchmarks/engine/ledger_transactions.py
"""

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ragscout.store.database import Database
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[2]
TEXT = """
sweep: transactions
eval_set: {root}/eval_sets/handbook-en
models: {{writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2}}}}}}
pipeline:
  chunk: {{use: characters, size: [200, 400, 800]}}
  embed: hashing
  retriever: [bm25, dense]
  prompt: {{use: template, passages: [2, 3]}}
  generate: {{use: chat, model: writer, max_tokens: 32}}
measure: {{retrieval: [recall@3], answer: [token_f1, {{use: judge, model: writer, criteria: [correctness]}}]}}
goal: {{maximize: judge.correctness}}
search: grid
budget: {{usd: 50}}
network: offline
probe: off
"""


def counting(counted: Counter[tuple[str, str]], transaction: Callable[..., Any]) -> Callable[..., Any]:
    main = threading.get_ident()

    def begun(ledger: Database, *given: str) -> Any:
        where = "event loop" if threading.get_ident() == main else "threads"
        caller = sys._getframe(1).f_code.co_name
        counted[where, caller if not caller.startswith("_") else sys._getframe(2).f_code.co_name] += 1
        return transaction(ledger, *given)

    return begun


def main() -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for name in ("reading", "writing"):
        setattr(Database, name, counting(counted, getattr(Database, name)))
    with FakeServer(latency=0.02) as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.yaml"
        path.write_text(TEXT.format(root=ROOT, url=server.base_url), encoding="utf-8")
        sweep = Sweep.load(path, Path(folder) / "store")
        counted.clear()
        sweep.run()
        requests = server.stats.total
    print(f"requests {requests}, transactions {counted.total()}, of windows {counted['threads', 'exchange']}")
    print(f"windows per request {counted['threads', 'exchange'] / requests:.2f}")
    for (where, what), number in counted.most_common(15):
        print(f"{number:6} {where:10} {what}")


if __name__ == "__main__":
    main()
