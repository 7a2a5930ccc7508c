"""``evaluate`` modules as metrics, and our metrics as ``evaluate`` ones."""

from __future__ import annotations

import pytest
from measure_fakes import Runtime, run

from ragscout.model.errors import ParameterError, SpecError, StepError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.step import make
from ragscout.providers.assets import Resolver
from ragscout.providers.network import NetworkPolicy
from ragscout.steps.measure import as_evaluate

pytest.importorskip("evaluate")

MODULE = """
import datasets
import evaluate


class {name}(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="",
            features=datasets.Features(
                {{"predictions": datasets.Value("string"), "references": {references}}}
            ),
        )

    def _compute(self, predictions, references):
        {body}
"""
SINGLE = 'datasets.Value("string")'
LISTS = 'datasets.Sequence(datasets.Value("string"))'


def module(folder, name, body, references=SINGLE):
    (folder / name).mkdir(parents=True)
    text = MODULE.format(name=name.title(), body=body, references=references)
    (folder / name / f"{name}.py").write_text(text, "utf-8")
    return str(folder / name)


@pytest.fixture(autouse=True, scope="module")
def private_cache(tmp_path_factory):
    import evaluate.config

    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", folder / "modules")
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", str(folder / "metrics"))
        yield


def score(path, answer, *references, **parameters):
    step = make("measure", "evaluate", {"module": path, **parameters})
    (found,) = run(step, Runtime(), [Question("q", "?", references)], generate=[Answer(answer)])
    ((name, outcome),) = found.items()
    assert name == step.figures()[0].name
    return outcome


def test_a_module_from_a_path(tmp_path):
    path = module(tmp_path, "same", 'return {"same": float(predictions[0] == references[0])}')
    assert score(path, "25일", "25일") == Score(1.0)
    assert score(path, "b", "a", "b") == Score(1.0)
    assert score(path, "c", "a", "b") == Score(0.0)


def test_a_module_with_lists_of_references(tmp_path):
    path = module(tmp_path, "listed", 'return {"share": 1 / len(references[0])}', LISTS)
    assert score(path, "x", "a", "b", figure="share") == Score(0.5)


def test_what_a_module_may_do_wrong(tmp_path):
    broken = score(module(tmp_path, "broken", 'raise ValueError("no such word")'), "x", "a")
    assert isinstance(broken, Failure) and broken.kind == "metric_failed" and "no such word" in broken.detail
    nan = score(module(tmp_path, "nan", 'return {"nan": float("nan")}'), "x", "a")
    assert nan.kind == "metric_failed"
    other = score(module(tmp_path, "other", 'return {"else": 1.0}'), "x", "a")
    assert other.kind == "metric_failed" and "else" in other.detail
    outside = score(module(tmp_path, "outside", 'return {"outside": 37.0}'), "x", "a")
    assert outside.kind == "metric_failed" and "0..1" in outside.detail


def test_a_bare_name_never_runs_a_folder_of_the_working_directory(tmp_path, monkeypatch):
    module(tmp_path, "bleu", 'open("ran", "w").close(); return {"bleu": 1.0}')
    monkeypatch.chdir(tmp_path)
    for wrong in ({"module": "bleu"}, {"module": "bleu", "hub": True}):
        with pytest.raises(ParameterError, match="bleu"):
            make("measure", "evaluate", wrong)
    assert not (tmp_path / "ran").exists()
    assert make("measure", "evaluate", {"module": "./bleu"}).figures()[0].name == "evaluate.bleu"


def test_a_module_is_keyed_by_its_bytes(tmp_path):
    path = module(tmp_path, "keyed", 'return {"keyed": 1.0}')
    first = make("measure", "evaluate", {"module": path})
    (tmp_path / "keyed" / "keyed.py").write_text("# changed\n", "utf-8")
    second = make("measure", "evaluate", {"module": path})
    assert first.key({}) != second.key({})
    with pytest.raises(ParameterError, match="changed"):
        make("measure", "evaluate", {"module": path, "sha256": first.sha256})
    with pytest.raises(ParameterError, match="does not exist"):
        make("measure", "evaluate", {"module": str(tmp_path / "absent")})


def test_our_metrics_elsewhere():
    metric = as_evaluate("token_f1")
    found = metric.compute(predictions=["25 days", "최대 25일", ""], references=[["25 days", "x"], ["25일"], ["a"]])
    assert found["token_f1_scores"][0] == 1.0 and found["token_f1_scores"][2] == 0.0
    assert found["token_f1"] == pytest.approx(sum(found["token_f1_scores"]) / 3)
    assert as_evaluate("bleu").compute(predictions=["a b c"], references=["a b c"])["bleu"] == pytest.approx(1.0)
    with pytest.raises(UnknownNameError, match="token_f1"):
        as_evaluate("tokenf1")
    with pytest.raises(StepError, match="no_reference"):
        metric.compute(predictions=["a"], references=[" "])


def test_moverscore_names_what_replaces_it():
    with pytest.raises(ParameterError, match="semscore"):
        make("measure", "moverscore")


def test_names_of_the_hub_obey_the_network_policy(monkeypatch):
    """Refused before anything is spent where the hub is not listed; loaded where it is."""
    step = make("measure", "evaluate", {"module": "wer", "hub": True, "high": 10.0})
    loaded = []

    class Module:
        features = {"references": type("Text", (), {"dtype": "string"})()}

        def compute(self, predictions, references):
            return {"wer": 0.5}

    def load(name, **_):
        loaded.append(name)
        return Module()

    monkeypatch.setattr("evaluate.load", load)
    for policy in (NetworkPolicy.offline(), NetworkPolicy.hosts({"example.invalid"})):
        runtime = Runtime()
        runtime.models = Resolver(policy=policy)
        with pytest.raises(SpecError, match=r"huggingface\.co is not listed.*To allow it, write: network:"):
            step.ready(runtime.models)
        found = run(step, runtime, [Question("q", "?", ("a b",))], generate=[Answer("a")])[0]["evaluate.wer"]
        assert (found.whose, found.kind) == ("measurement", "no_model") and "huggingface.co" in found.detail
    assert loaded == []
    runtime = Runtime()
    runtime.models = Resolver(policy=NetworkPolicy.hosts({"huggingface.co"}))
    step.ready(runtime.models)
    assert run(step, runtime, [Question("q", "?", ("a b",))], generate=[Answer("a")])[0]["evaluate.wer"].value == 0.5
    assert loaded == ["wer"]


def test_as_evaluate_never_asks_the_hub():
    with pytest.raises(StepError, match=r"huggingface\.co"):
        as_evaluate("evaluate", {"module": "wer", "hub": True}).compute(predictions=["a"], references=["b"])


def test_trouble_of_the_machine_is_no_score_that_is_missing_for_good(tmp_path):
    full = module(tmp_path, "full", 'raise OSError(28, "No space left on device")')
    with pytest.raises(OSError, match="No space left"):
        score(full, "15 days", "15 days")
    absent = module(tmp_path, "absent", 'raise ImportError("no such package")')
    with pytest.raises(ImportError):
        score(absent, "15 days", "15 days")
