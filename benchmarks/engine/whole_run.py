"""What a whole sweep costs, as whole processes: cold, warm, and other commands in turn with them.

The grid: chunk size {512, 1024 characters} x overlap {0, 128} x {bm25, dense, hybrid} x two models of a fake server
that answers after 50 ms = 24 configurations with five passages, all-MiniLM-L6-v2, BLEU, METEOR, ROUGE-L and BERTScore.
Every contestant runs once per round, one after the other, each in a fresh process and a fresh folder, so that a drift
of the machine meets all alike. CPU seconds are those of the process and of all processes that it waited for, imports
included.

    python benchmarks/engine/whole_run.py --data FOLDER --rounds 3 --beside floor='python floor.py --work {work}'

``--data`` holds ``corpus.jsonl`` (doc_id, title, text) and ``qa.jsonl`` (qid, question, answers, doc_id). In commands
``{work}`` is a fresh folder and ``{url}`` the address of the model server. The first command of ``--beside`` is what
ratios are taken against.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SERVER = (
    "from ragscout.testing.fake_server import FakeServer\n"
    "import sys\n"
    "with FakeServer(latency=float(sys.argv[1])) as server:\n"
    "    print(server.base_url, flush=True)\n"
    "    sys.stdin.read()\n"
)
SWEEP = """\
sweep: whole-run
eval_set: {eval_set}
models:
  large:
    {{provider: openai, base_url: "{url}", model: gpt-4o, price: {{input: 1, output: 2, per: 1M}},
     limits: {{concurrency: 16}}}}
  small:
    {{provider: openai, base_url: "{url}", model: gpt-4o-mini, price: {{input: 1, output: 2, per: 1M}},
     limits: {{concurrency: 16}}}}
pipeline:
  chunk: {{use: characters, size: [512, 1024], overlap: [0, 128]}}
  embed: minilm
  retriever: [bm25, dense, hybrid]
  prompt: {{use: template, passages: 5}}
  generate: {generate}
measure: {measure}
goal: {{maximize: {goal}}}
search: grid
probe: off
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: CPU and wall seconds, and the peak of its resident memory in MiB."""

    cpu: float
    wall: float
    memory: float


def measured(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end and read the operating system's account of it."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            output.seek(0)
            sys.exit(f"{shlex.join(command)} failed:\n{output.read().decode(errors='replace')[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def eval_set(data: Path, folder: Path) -> Path:
    """Write the data as documents and questions that ragscout reads."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    for line in (data / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        (documents / f"{row['doc_id']}.txt").write_text(row["text"], encoding="utf-8")
    questions = [
        json.dumps(
            {
                "id": row["qid"],
                "question": row["question"],
                "answers": row["answers"],
                "documents": [f"{row['doc_id']}.txt"],
            },
            ensure_ascii=False,
        )
        for row in map(json.loads, (data / "qa.jsonl").read_text(encoding="utf-8").splitlines())
    ]
    (folder / "questions.jsonl").write_text("\n".join(questions) + "\n", encoding="utf-8")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds a reply takes")
    parser.add_argument("--url", default="", help="a model server that is already there; its own one by default")
    parser.add_argument("--retrieval-only", action="store_true", help="12 configurations, no answers")
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the ragscout to be measured")
    arguments = parser.parse_args()
    beside = dict(item.split("=", 1) for item in arguments.beside)
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    server = None
    with tempfile.TemporaryDirectory() as name:
        url = arguments.url
        if not url:
            server = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(arguments.latency)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert server.stdout is not None
            url = server.stdout.readline().strip()
        costs: dict[str, list[Cost]] = {}
        for number in range(arguments.rounds):
            folder = Path(name) / str(number)
            file = folder / "sweep.yaml"
            generate = "none" if arguments.retrieval_only else "{use: chat, model: [large, small], max_tokens: 64}"
            answer = "" if arguments.retrieval_only else ", answer: [bleu, meteor, rougeL, bertscore]"
            made = eval_set(arguments.data, folder / "set")
            file.write_text(
                SWEEP.format(
                    eval_set=made,
                    url=url,
                    generate=generate,
                    measure="{retrieval: [doc.recall@5]" + answer + "}",
                    goal="doc.recall@5" if arguments.retrieval_only else "meteor",
                ),
                encoding="utf-8",
            )
            ours = [arguments.python, "-m", "ragscout.cli.main", "sweep", str(file), "--store", str(folder / "store")]
            commands = {"ragscout, cold": ours, "ragscout, again": ours}
            for title, text in beside.items():
                work = folder / title
                work.mkdir()
                commands[title] = shlex.split(text.format(work=work, url=url))
            for title, command in commands.items():
                costs.setdefault(title, []).append(measured(command, environment))
                last = costs[title][-1]
                print(f"round {number + 1}  {title}: {last.cpu:.1f} CPU s, {last.wall:.1f} s, {last.memory:.0f} MiB")
        if server is not None:
            server.communicate("")
    base = next(iter(beside), "ragscout, cold")
    print(f"\nmedians of {arguments.rounds} rounds, ratio of CPU seconds round by round against {base}")
    for title, found in costs.items():
        ratio = statistics.median(one.cpu / other.cpu for one, other in zip(found, costs[base], strict=True))
        cpu, wall, memory = (
            statistics.median(getattr(one, what) for one in found) for what in ("cpu", "wall", "memory")
        )
        print(f"{title:20} {cpu:8.1f} CPU s {wall:8.1f} s {memory:8.0f} MiB {ratio:8.2f} x")


if __name__ == "__main__":
    main()
