"""``parse``: every uploaded file to its documents, and the declared transforms of their texts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any, ClassVar

from ragscout.model.errors import StepError
from ragscout.model.evalset import Document
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Corpus, Source
from ragscout.providers.parse import Html, Ocr, Pdf, each_document
from ragscout.steps.batches import Spill
from ragscout.steps.corpus.transforms import Transform, transformed


@step("corpus", "parse", version=4, libraries=("pypdf", "beautifulsoup4"))
class Parse(Step):
    """Text of txt, md, html, pdf (text layer), rows of jsonl, csv and parquet, json, docx, pptx, xlsx, hwpx, hwp, eml.

    Documents are ordered by file path. A file's document is named after its path, a row's after its id; an id that
    several files use is kept by the first and becomes ``path#id`` in the others. Reports ``documents``,
    ``parse_warnings`` and, with transforms, ``transformed`` as counts.
    """

    uses: ClassVar[tuple[str, ...]] = ("source",)

    html: Html = field(
        default="text",
        metadata={"help": "the whole page's text, or its main part only", "choices": ("text", "main")},
    )
    pdf: Pdf = field(
        default="plain",
        metadata={"help": "text in reading order, or laid out as on the page", "choices": ("plain", "layout")},
    )
    ocr: Ocr = field(
        default="none",
        metadata={"help": "text recognition of PDF pages without text", "choices": ("none", "tesseract")},
    )
    ocr_languages: str = field(default="kor+eng", metadata={"help": "languages as tesseract names them"})
    transforms: tuple[Transform, ...] = field(
        default=(), metadata={"help": "drop-boilerplate, deduplicate, mask-personal-data, replace, split-by-heading"}
    )

    def key(self, inputs: Mapping[str, str]) -> str:
        """Return the recognition program's version shapes the text only where it is used."""
        if self.ocr == "none":
            return super().key(inputs)
        from ragscout.providers.parsers.recognise import version

        return super().key({**inputs, "tesseract": version()})

    async def run(self, runtime: Runtime, source: Source) -> Corpus:
        """Parse all files, then transform.

        Raises:
            StepError: when no file gives a document, or no document is left.
        """
        warnings: list[str] = []
        documents = await asyncio.to_thread(lambda: Spill().keep(self._parse(source, warnings)))
        runtime.report(self.stage, "documents", len(documents))
        runtime.report(self.stage, "parse_warnings", len(warnings))
        if not documents:
            shown = " ".join(warnings[:3]) or "no file was given."
            raise StepError(f"corpus.parse: no document could be read; got {len(source.files)} files. {shown}")
        if not self.transforms:
            return Corpus(documents)
        changed = await asyncio.to_thread(transformed, documents, self.transforms)
        runtime.report(self.stage, "transformed", sum(changed.touched))
        if not changed.documents:
            raise StepError(
                f"corpus.parse: the transforms leave no text; got {len(documents)} documents before them. Take one out."
            )
        return Corpus(changed.documents, changed.aliases)

    def _parse(self, source: Source, warnings: list[str]) -> Iterator[Document]:
        taken: set[str] = set()
        for file in sorted(source.files, key=lambda item: item.path):
            data = source.read(file.sha256)
            how: dict[str, Any] = {
                "html": self.html,
                "pdf": self.pdf,
                "ocr": self.ocr,
                "ocr_languages": self.ocr_languages,
            }
            for document in each_document(file, data, warnings, **how):
                name = document.id if document.id not in taken else f"{file.path}#{document.id}"
                if name not in taken:
                    taken.add(name)
                    yield replace(document, id=name)
