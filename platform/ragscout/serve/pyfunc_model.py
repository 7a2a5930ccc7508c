"""The script that MLflow stores and runs for a registered bundle (models from code).

``mlflow.pyfunc.load_model("models:/NAME@champion").predict(["연차는 언제 생기나요?"])`` gives, per question, the
answer's text, its sources, its language and, when there is no answer, why.
"""

import dataclasses
from typing import Any

import mlflow
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ragscout.serve.pipeline import Pipeline


class BundleModel(PythonModel):
    """A pipeline behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that was logged with the model."""
        self.pipeline = Pipeline.load(context.artifacts["bundle"])

    def predict(
        self, context: PythonModelContext, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One answer per question."""
        replies = [self.pipeline.ask(question) for question in model_input]
        return [
            {
                "answer": reply.text,
                "sources": [dataclasses.asdict(source) for source in reply.sources],
                "language": reply.language,
                "failure": reply.failure,
                "seconds": reply.seconds,
            }
            for reply in replies
        ]


mlflow.models.set_model(BundleModel())
