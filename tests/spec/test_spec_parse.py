from pathlib import Path

import pytest
from pydantic import TypeAdapter
from spec_common import HEAD, SOURCE, Revisions

from ragscout.model.errors import RagscoutError
from ragscout.model.metric import MeasureStep
from ragscout.spec import Connection, SearchSpec, dump, load, metrics, parse, space, spec_hash
from ragscout.spec.metrics import refuse_blind_goal, unsuited
from ragscout.steps.measure.selftest import SelfTest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "experiments").glob("*.yaml"))

OWN = """
sweep: 연차-1
eval_set: handbook-ko@3
models:
  gpt: {provider: azure, base_url: "https://example.invalid/", api_version: 2025-01-01, model: 4.10, key_env: AZURE_KEY,
        price: {input: 2.5, output: 10, per: 1M, currency: usd}, context: 128000, limits: {rpm: 300, tpm: 2e5}}
  near: {provider: local, alias: smollm2-135m, threads: 2}
pipeline:
  chunk: {use: characters, size: [512, 1024], overlap: 10%}
  generate: {use: chat, model: gpt, temperature: 0}
include: [{name: today, reference: true, retriever: bm25}]
measure:
  retrieval: [recall@5, "ndcg@10"]
  answer: [bleu, {use: judge, model: gpt, criteria: [correctness, faithfulness]}]
goal: {maximize: judge.correctness, within: {usd_per_1k: 2.0, p95_seconds: 4}, require: {judge.correctness: 0.5}}
search: {use: gp, minimum: 20}
budget: {usd: 20, calls: 5000, answers: 300, minutes: 120}
network: [example.invalid, Example.invalid]
holdout: 0.3
seed: 7
"""


def test_every_field() -> None:
    spec = parse(OWN, "own.yaml")
    gpt = spec.connections["gpt"]
    assert (gpt.base_url, gpt.api_version, gpt.model) == ("https://example.invalid", "2025-01-01", "4.10")
    assert gpt.price == {"input": 2.5, "output": 10.0, "per": 1_000_000, "currency": "USD"}
    assert gpt.limits == {"rpm": 300.0, "tpm": 200000.0}
    assert gpt.identity_model().model == "4.10"
    assert gpt.identity_model().endpoint == ""
    near = spec.connections["near"].identity_model()
    assert (near.provider, near.model, near.label, len(near.revision)) == ("local", "smollm2-135m", "near", 64)
    assert spec.search == SearchSpec("gp", {"minimum": 20})
    assert (spec.budget.usd, spec.budget.calls, spec.budget.answers, spec.budget.minutes) == (20.0, 5000, 300, 120.0)
    assert spec.goal.within == {"usd_per_1k": 2.0, "p95_seconds": 4.0}
    assert spec.goal.require == {"judge.correctness": 0.5}
    assert (spec.network, spec.holdout, spec.seed) == (("example.invalid",), 0.3, 7)
    assert spec.sweep == "연차-1"


def test_what_is_omitted_is_said() -> None:
    spec = parse(HEAD + "pipeline: {}", "s")
    assert spec.notes[4:] == (
        "measure.retrieval is not given: hit@5, recall@5, ndcg@10, context_tokens@5.",
        "measure.answer is not given: bleu, meteor, token_f1.",
        "goal is not given: maximize token_f1.",
        "search is not given: auto.",
        "budget is not given: no limit but the size of the space.",
    )
    assert (spec.network, spec.holdout, spec.seed) == ("offline", None, 0)
    assert [metric.name for metric in metrics(spec, Revisions())] == [
        *("hit", "recall", "ndcg", "context_tokens", "bleu", "meteor", "token_f1")
    ]
    judged = (
        "models: {j: {provider: openai, model: m}}\nmeasure: {answer: [{use: judge, model: j, criteria: [relevance]}]}"
    )
    spec = parse(HEAD + "pipeline: {}\n" + judged, "s")
    assert spec.goal.metric == "judge.relevance"
    assert "network is not given: offline. j can be asked once network: lists its host." in spec.notes
    here = judged.replace("model: m", 'model: m, base_url: "http://127.0.0.1:8000/v1"')
    assert not any("network" in note for note in parse(HEAD + "pipeline: {}\n" + here, "s").notes), "nothing to allow"


@pytest.mark.parametrize("text", [OWN, HEAD + "pipeline: {}", *(path.read_text(encoding="utf-8") for path in FILES)])
def test_the_canonical_form_comes_back(text: str) -> None:
    spec = parse(text, "s")
    again = parse(dump(spec), "canonical")
    assert again == spec
    assert dump(again) == dump(spec)
    assert spec_hash(again) == spec_hash(spec)
    assert again.notes == ()


def test_the_hash_of_a_spec() -> None:
    spec = parse(OWN, "own.yaml")
    for same in (
        OWN.replace("example.invalid/", "other.invalid"),
        OWN.replace("rpm: 300", "rpm: 3"),
        OWN.replace("AZURE_KEY", "OTHER"),
        OWN.replace("seed: 7", "seed: 7 # why"),
    ):
        assert same != OWN
        assert spec_hash(parse(same, "x")) == spec_hash(spec)
    for other in (
        OWN.replace("seed: 7", "seed: 8"),
        OWN.replace("4.10", "4.11"),
        OWN.replace("answers: 300", "answers: 9"),
    ):
        assert spec_hash(parse(other, "x")) != spec_hash(spec)


def test_a_local_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    text = HEAD + "pipeline: {}\nmodels: {near: {provider: local, alias: sub/m.gguf}}"
    specs = []
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "m.gguf").write_bytes(b"weights")
        specs.append(parse(text, "s", tmp_path / name))
    one, two = (spec.connections["near"] for spec in specs)
    assert one.alias == str(tmp_path / "one" / "sub" / "m.gguf")
    assert one.identity_model() == two.identity_model()
    assert one.identity_model().model == "m.gguf"
    assert spec_hash(specs[0]) == spec_hash(specs[1])
    (tmp_path / "two" / "sub" / "m.gguf").write_bytes(b"other weights")
    assert spec_hash(parse(text, "s", tmp_path / "two")) != spec_hash(specs[0])


def test_a_connection_survives_json() -> None:
    adapter = TypeAdapter(Connection)
    for item in parse(OWN, "s").connections.values():
        assert adapter.validate_json(adapter.dump_json(item)) == item


def test_connections_in_a_shared_file(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "models:\n  a: {provider: openai, model: shared-a}\n  b: {provider: openai, model: shared-b}\n",
        encoding="utf-8",
    )
    for text in ("models: {file: models.yaml, b: {provider: openai, model: own-b}}", "models_file: models.yaml"):
        (tmp_path / "s.yaml").write_text(HEAD + "pipeline: {}\n" + text, encoding="utf-8")
        spec = load(tmp_path / "s.yaml")
        assert spec.connections["a"].model == "shared-a"
    assert spec.connections["b"].model == "shared-b"
    (tmp_path / "models.yaml").write_text("a:\n  provider: openai\n  modle: x\n", encoding="utf-8")
    with pytest.raises(
        RagscoutError, match=r"^models.yaml:3:3: a.modle: unknown key; got 'modle'. Did you mean 'model'"
    ):
        load(tmp_path / "s.yaml")


def test_metrics_as_the_field_writes_them() -> None:
    text = "pipeline: {}\nmeasure:\n  retrieval: [recall@5, recall_10, {use: NDCG, k: [3, 5]}, recall@5]\n"
    text += "  answer: [chrF, rougel]"
    spec = parse(HEAD + text, "s")
    figures = [metric.figures()[0].name for metric in metrics(spec, Revisions())]
    assert figures == ["recall@5", "recall@10", "ndcg@3", "ndcg@5", "chrf", "rougeL"]


def test_a_metric_that_does_not_know_the_language() -> None:
    text = HEAD + "pipeline: {}\nmeasure: {answer: [bertscore]}\ngoal: bertscore"
    chosen = metrics(parse(text, "s"), Revisions())
    assert chosen[-1].name == "bertscore"
    assert unsuited(chosen, {"en"}) == []
    assert unsuited(chosen, {"en", "ko"}) == [
        "bertscore knows en only: questions in ko are not scored by it. "
        "Name a multilingual model, or use chrf or token_f1."
    ]


def test_a_goal_that_fails_its_self_test_is_refused_with_the_reason() -> None:
    spec = parse(HEAD + "pipeline: {}\nmeasure: {answer: [bertscore, chrf]}\ngoal: bertscore", "s")
    chosen = metrics(spec, Revisions())
    asked = []

    def tested(metric: MeasureStep, language: str) -> SelfTest:
        asked.append((metric.name, language))
        why = f"{metric.name} cannot score Korean: minilm was not trained for Korean text."
        return SelfTest(language == "en", why if language == "ko" else "")

    with pytest.raises(RagscoutError, match=r"^s:5:1: goal: bertscore cannot be the goal .* not trained for Korean"):
        refuse_blind_goal(spec, chosen, {"en", "ko", "other"}, tested)
    assert asked == [("bertscore", "en"), ("bertscore", "ko")], (
        "only the goal is tested, and no language without a test"
    )
    refuse_blind_goal(spec, chosen, {"en"}, tested)
    weighted = "pipeline: {}\nmeasure: {answer: [bertscore, chrf]}\n"
    weighted += "goal: {maximize: {weighted: {chrf: 0.5, bertscore: 0.5}}}"
    with pytest.raises(RagscoutError, match="bertscore cannot be the goal"):
        refuse_blind_goal(parse(HEAD + weighted, "s"), chosen, {"ko"}, tested)


def test_a_goal_of_which_less_is_better() -> None:
    spec = parse(HEAD + "pipeline: {}\ngoal: {minimize: context_tokens@3}", "s")
    assert (spec.goal.metric, spec.goal.minimize) == ("context_tokens@3", True)
    assert parse(dump(spec), "again").goal == spec.goal


def test_weighted_goals() -> None:
    text = HEAD + "pipeline: {}\nmeasure: {answer: [meteor, chrf]}\ngoal: {maximize: {weighted: {meteor: 3, chrf: 1}}}"
    spec = parse(text, "s")
    assert (spec.goal.metric, dict(spec.goal.weights)) == ("weighted", {"meteor": 3.0, "chrf": 1.0})
    assert parse(dump(spec), "again").goal == spec.goal
    for wrong in (
        "{weighted: {meteor: 1}}",
        "{weighted: {meteor: 1, chrf: 0}}",
        "{weighted: {meteor: x, chrf: 1}}",
        "{mean: {}}",
    ):
        with pytest.raises(RagscoutError, match=r"goal\.maximize"):
            parse(text.replace("{weighted: {meteor: 3, chrf: 1}}", wrong), "s")


def test_metrics_named_by_one_figure() -> None:
    text = "models: {j: {provider: openai, model: m}}\npipeline: {}\n"
    text += "measure: {answer: [{use: ragas.faithfulness, model: j}, {use: judge.relevance, model: j}, "
    text += "{use: ragas, metric: [context_recall, answer_relevancy], model: j}]}"
    spec = parse(HEAD + text, "s")
    figures = [figure.name for metric in metrics(spec, Revisions()) for figure in metric.figures()]
    assert figures[-4:] == ["ragas.faithfulness", "judge.relevance", "ragas.context_recall", "ragas.answer_relevancy"]
    assert spec.goal.metric == "ragas.faithfulness"
    with pytest.raises(RagscoutError, match="faithfullness"):
        metrics(parse(HEAD + text.replace("ragas.faithfulness", "ragas.faithfullness"), "s"), Revisions())


SECRET = "sk-abcdefghijklmnopqrstuvwx0123456789"
MODELS = "models:\n  small: {{provider: openai, model: m{}}}\n"
# the first message ends early: tests of other files may have registered more steps
ERRORS = [
    (
        "pipeline:\n  chunk: {use: charcters, size: 100}\n",
        "s.yaml:4:11: pipeline.chunk.use: unknown chunk step; got 'charcters'. Did you mean 'characters'? "
        "Allowed: characters, markdown, parent-child, sentences, tokens",
    ),
    (
        "pipeline:\n  chunk: {use: characters, siez: 100}\n",
        "s.yaml:4:28: pipeline.chunk.siez: unknown parameter of 'characters'; got 'siez'. Did you mean 'size'? "
        "Allowed: overlap, size.",
    ),
    (
        "pipeline:\n  chunk: {use: characters, size: 100, overlap: 100%}\n",
        "s.yaml:4:3: pipeline.chunk: overlap must be smaller than size; got overlap 100% with size 100. "
        "Use at most 99, or a share below 100%.",
    ),
    (
        "pipeline:\n  chunk: {use: characters, size: []}\n",
        "s.yaml:4:28: pipeline.chunk.size: it has no values; got []. Give at least one value, or leave the key out.",
    ),
    (
        "pipeline:\n  chunk:\n",
        "s.yaml:4:3: pipeline.chunk: it has no values; got nothing. Give at least one value, or leave the key out.",
    ),
    (
        "pipeline:\n  retriever: []\n",
        "s.yaml:4:3: pipeline.retriever: it has no values; got []. Give at least one value, or leave the key out.",
    ),
    (
        "pipeline:\n  chunks: {size: 3}\n",
        "s.yaml:4:3: pipeline.chunks: unknown key; got 'chunks'. Did you mean 'chunk'? "
        "Allowed: chunk, context, corpus, embed, fit, generate, index, prompt, query, rerank, retriever.",
    ),
    (
        "pipline: {}\n",
        "s.yaml:3:1: pipline: unknown key; got 'pipline'. Did you mean 'pipeline'? Allowed: budget, eval_set, goal, "
        "holdout, include, measure, models, models_file, network, pipeline, probe, search, seed, sweep.",
    ),
    ("pipeline: {}\nsweep: t\n", "s.yaml:4:1: the key stands here twice; got 'sweep'. Remove one of the two."),
    (
        "pipeline:\n  chunk: {size: many}\n",
        "s.yaml:4:11: pipeline.chunk.size: input should be a valid integer, unable to parse string as an integer; "
        "got 'many'. Allowed: int, at least 1.",
    ),
    (
        "pipeline: bm25\n",
        "s.yaml:3:1: pipeline: it must be a mapping (key: value); got 'bm25'. Indent its keys below it.",
    ),
    (
        "pipeline:\n  chunk: {size: 100\n",
        "s.yaml:4:10: a bracket is not closed; got '{'. Add '}' at its end.",
    ),
    (
        f"pipeline: {{}}\nmodels:\n  small: {{provider: openai, model: m, api_key: {SECRET}}}\n",
        "s.yaml:5:39: models.small.api_key: a secret must not stand in a file; got a value that is not shown. "
        "Remove it, put the key into an environment variable and name that variable: key_env: MY_KEY. "
        "If the file was shared, renew it.",
    ),
    (
        f"pipeline: {{}}\nmodels:\n  small: {{provider: openai, model: m, key_env: {SECRET}}}\n",
        "s.yaml:5:39: models.small.key_env: a secret must not stand in a file; got a value that is not shown.",
    ),
    (
        "pipeline: {}\nmodels:\n  small: {provider: openai, model: m, base_url: 'https://u:pw@h.invalid/v1'}\n",
        "s.yaml:5:39: models.small.base_url: a secret must not stand in a file; got a value that is not shown.",
    ),
    (
        "pipeline: {}\nmodels:\n  small: {provider: opnai, model: m}\n",
        "s.yaml:5:11: models.small.provider: unknown provider; got 'opnai'. Did you mean 'openai'? "
        "Allowed: azure, http, local, openai.",
    ),
    (
        "pipeline: {}\nmodels:\n  small: {provider: openai}\n",
        "s.yaml:5:3: models.small: model is missing; got ['provider']. Add model: the model's name.",
    ),
    (
        "pipeline:\n  generate: {use: chat, model: smal}\nmodels:\n  small: {provider: openai, model: m}\n",
        "s.yaml:4:25: pipeline.generate.model: unknown model (a name under models:); got 'smal'. "
        "Did you mean 'small'? Allowed: small.",
    ),
    (
        "pipeline: {}\nbudget: {answers: -3}\n",
        "s.yaml:4:10: budget.answers: out of range; got -3. Write a number of at least 1.",
    ),
    (
        "pipeline: {}\nholdout: 1.5\n",
        "s.yaml:4:1: holdout: out of range; got 1.5. Write a number of 0 to 0.9.",
    ),
    (
        "pipeline: {}\ninclude: [{name: a, reference: yes}]\n",
        "s.yaml:4:21: include[0].reference: it must be true or false; got 'yes'. YAML 1.2 has no yes and no: write "
        "true or false.",
    ),
    (
        "pipeline: {}\nmeasure: {answer: [belu]}\n",
        "s.yaml:4:20: measure.answer[0]: unknown metric; got 'belu'. Did you mean 'bleu'?",
    ),
    (
        "pipeline: {}\nmeasure: {answer: [recall@5]}\n",
        "s.yaml:4:20: measure.answer[0]: recall is a metric of the other family; got it under measure.answer. "
        "Move it to measure.retrieval.",
    ),
    (
        "pipeline: {}\nmeasure: {retrieval: [recall@0]}\n",
        "s.yaml:4:23: measure.retrieval[0].k: out of range; got 0. Allowed: int, at least 1 and at most 1000.",
    ),
    (
        "pipeline: {}\nnetwork: ['https://api.openai.com']\n",
        "s.yaml:4:11: network[0]: not a host name; got 'https://api.openai.com'. Write the host alone, such as "
        "api.openai.com, or offline.",
    ),
    (
        "pipeline: {}\ngoal: {maximise: bleu}\n",
        "s.yaml:4:8: goal.maximise: unknown key; got 'maximise'. Did you mean 'maximize'? "
        "Allowed: maximize, minimize, require, within.",
    ),
    (
        "pipeline: {}\ngoal: {maximize: bleu, minimize: bleu}\n",
        "s.yaml:4:24: goal.minimize: one figure is the goal; got 'maximize beside it'. Leave one of them out.",
    ),
    (
        "pipeline: {prompt: {file: nowhere.md}}\n",
        "s.yaml:3:21: pipeline.prompt.file: the file cannot be read (FileNotFoundError); got 'nowhere.md'. "
        "Give a UTF-8 text file, relative to .",
    ),
    ("", "s.yaml:1:1: pipeline is missing; got ['eval_set', 'sweep']. Add pipeline: to the file."),
    (
        "pipeline: {embed: mini, retriever: dense}\n",
        "s.yaml:3:12: pipeline.embed: unknown embed step; got 'mini'. Did you mean 'minilm'?",
    ),
]


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=[str(number) for number in range(len(ERRORS))])
def test_one_clear_message(text: str, message: str) -> None:
    with pytest.raises(RagscoutError) as caught:
        spec = parse(HEAD + text, "s.yaml")
        space(spec, SOURCE, Revisions())
        metrics(spec, Revisions())
    found = str(caught.value)
    assert found[: len(message)] == message
    assert SECRET not in found and "pw@" not in found
    assert "\n" not in found


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RagscoutError, match=r"there is no such sweep file\. Write one with `ragscout init`"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_bytes("sweep: 연차".encode("euc-kr"))
    with pytest.raises(RagscoutError, match="the file is not UTF-8"):
        load(tmp_path / "bad.yaml")
    with pytest.raises(RagscoutError, match="the sweep file cannot be read"):
        load(tmp_path)
