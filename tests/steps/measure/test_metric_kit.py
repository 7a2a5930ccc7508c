"""Every registered metric passes the conformance kit."""

from __future__ import annotations

import pytest
from measure_fakes import Runtime, minilm, scripted_judge

import ragscout.steps.measure  # noqa: F401
from ragscout.model.runtime import ChatModel
from ragscout.model.step import make, steps_of
from ragscout.testing.measure import MetricKit

JUDGE = ChatModel("fake", "judge")
NEEDS = {
    "judge": {"model": JUDGE, "criteria": ("correctness", "faithfulness", {"tone": "Is the answer polite?"})},
    "ragas": {"metric": "faithfulness", "model": JUDGE},
}
UNMADE = {"evaluate", "moverscore"}
# other tests register metrics of their own
PACKAGED = {name for name, cls in steps_of("measure").items() if cls.__module__.startswith("ragscout.steps")}
NAMES = sorted(PACKAGED - UNMADE)


class TestMetrics(MetricKit):
    @pytest.fixture(params=NAMES)
    def metric(self, request):
        if request.param == "bertscore" and not minilm():
            pytest.skip("the packaged MiniLM is not installed")
        return make("measure", request.param, NEEDS.get(request.param))

    @pytest.fixture
    def runtime(self):
        return Runtime(scripted_judge, minilm())
