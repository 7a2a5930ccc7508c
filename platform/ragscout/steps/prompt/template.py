"""Prompt from a template: the packaged ones in English and Korean, or your own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import ClassVar, Literal

from ragscout.model.cost import Workload
from ragscout.model.evalset import Question
from ragscout.model.key import digest, short
from ragscout.model.outcome import Failure, Prompt
from ragscout.model.packaged import Packaged
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import Language, language
from ragscout.model.values import Passages
from ragscout.prompts.files import TONGUES, Tongue, prompts
from ragscout.providers.excerpt import excerpt
from ragscout.steps.prompt.render import PromptPassage, check, fenced, messages

ANSWER = prompts("answer")
"""The packaged prompt, for questions whose language has no text of its own."""


@step("prompt", "template", version=1, packaged=tuple(ANSWER.values()))
class Template(Step):
    """Render question and passages. Without a text of its own it uses the packaged prompt of the question's language.

    Passages are data: each stands in a fence that its text cannot close.
    """

    stands_for: ClassVar[tuple[str, ...]] = ("parameters",)

    text: str = field(default="", metadata={"help": "the prompt itself (a file's content); empty: the packaged one"})
    text_ko: str = field(default="", metadata={"help": "prompt for Korean questions; empty: the same as for others"})
    title: str = field(default="", metadata={"help": "name of the prompt, for people", "key": False})
    passages: int = field(default=3, metadata={"help": "how many chunks go in", "ge": 0, "le": 100})
    order: Literal["best-first", "best-last"] = field(
        default="best-first", metadata={"help": "where the best passage stands", "choices": ("best-first", "best-last")}
    )
    citations: Literal["none", "numbers"] = field(
        default="none", metadata={"help": "whether the answer names its passages", "choices": ("none", "numbers")}
    )
    language: Literal["question", "en", "ko"] = field(
        default="question", metadata={"help": "language of the prompt", "choices": ("question", "en", "ko")}
    )
    max_passage_chars: int = field(default=0, metadata={"help": "code points of one passage at most; 0: all", "ge": 0})

    def __post_init__(self) -> None:
        for text in (self.text, self.text_ko):
            if text:
                check(text, shows_passages=self.passages > 0)

    def packaged_texts(self) -> tuple[Packaged, ...]:
        """Return the packaged prompts of the languages in which the step has no text of its own."""
        spoken = TONGUES if self.language == "question" else (self.language,)
        return tuple(ANSWER[tongue] for tongue in spoken if not self._own(tongue))

    def label(self) -> str:
        """Short text for people: the prompt's title stands for its text."""
        given = {name: value for name, value in self.parameters().items() if name not in ("text", "text_ko")}
        if self.text or self.text_ko:
            given = {"prompt": self.title or short(digest(self.text, self.text_ko)), **given}
        shown = ", ".join(f"{name}={value}" for name, value in given.items())
        return f"{self.name}({shown})" if shown else self.name

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        context: Sequence[Passages] | None = None,
    ) -> list[Prompt | Failure]:
        """One prompt per question. Without ``context`` nothing was searched: the question goes in alone."""
        found = context if context is not None else [None] * len(questions)
        return [self._prompt(question, passages) for question, passages in zip(questions, found, strict=True)]

    def after(self, material: Workload) -> Workload:
        """So many passages go in, each cut where it is too long."""
        most = self.max_passage_chars or material.passage
        return replace(material, passages=float(self.passages), passage=min(most, material.passage))

    def _prompt(self, question: Question, found: Passages | None) -> Prompt | Failure:
        spoken: Language = language(question.text) if self.language == "question" else self.language
        places = list(range(min(self.passages, len(found)))) if found is not None else []
        if self.order == "best-last":
            places.reverse()
        shown = [self._passage(number, at, found) for number, at in enumerate(places, 1)] if found is not None else []
        try:
            made = messages(
                self._source(spoken),
                question=question.text,
                passages=shown,
                language=spoken,
                citations=self.citations,
                retrieval=found is not None,
            )
        except ValueError as error:
            # the template was tried when the step was made; what fails here fails for this text alone
            return Failure("candidate", "step_error", str(error))
        return Prompt(made, tuple(places), "ko" if spoken == "ko" else "en")

    def _source(self, spoken: Language) -> str:
        tongue: Tongue = "ko" if spoken == "ko" else "en"
        return self._own(tongue) or ANSWER[tongue].text

    def _own(self, tongue: Tongue) -> str:
        """Return the step's own text in a language, empty where the packaged one is used."""
        return (self.text_ko if tongue == "ko" else "") or self.text

    def _passage(self, number: int, at: int, found: Passages) -> PromptPassage:
        text = found.text[at].strip()
        if self.max_passage_chars:
            text = excerpt(text, self.max_passage_chars)
        title = " ".join(found.title[at].split())
        return PromptPassage(number, fenced(text), fenced(title), fenced(found.document[at]))
