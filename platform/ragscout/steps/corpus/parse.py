"""``parse``: every uploaded file to its documents."""

from __future__ import annotations

import asyncio
from dataclasses import field, replace

from ragscout.model.errors import StepError
from ragscout.model.evalset import Document
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Corpus, Source
from ragscout.providers.parse import Html, Pdf, parse


@step("corpus", "parse", version=1, libraries=("pypdf", "beautifulsoup4"))
class Parse(Step):
    """Text of txt, md, html, pdf (text layer), rows of jsonl, csv and parquet, docx, pptx and xlsx.

    Documents are ordered by file path. A file's document is named after its path, a row's after its id; an id that
    several files use is kept by the first and becomes ``path#id`` in the others. Reports ``documents`` and
    ``parse_warnings`` as counts.
    """

    html: Html = field(
        default="text",
        metadata={"help": "the whole page's text, or its main part only", "choices": ("text", "main")},
    )
    pdf: Pdf = field(
        default="plain",
        metadata={"help": "text in reading order, or laid out as on the page", "choices": ("plain", "layout")},
    )

    async def run(self, runtime: Runtime, source: Source) -> Corpus:
        """Parse all files.

        Raises:
            StepError: when no file gives a document.
        """
        documents, warnings = await asyncio.to_thread(self._parse, source)
        runtime.report(self.stage, "documents", len(documents))
        runtime.report(self.stage, "parse_warnings", len(warnings))
        if not documents:
            shown = " ".join(warnings[:3]) or "no file was given."
            raise StepError(f"corpus.parse: no document could be read; got {len(source.files)} files. {shown}")
        return Corpus(tuple(documents.values()))

    def _parse(self, source: Source) -> tuple[dict[str, Document], list[str]]:
        documents: dict[str, Document] = {}
        warnings: list[str] = []
        for file in sorted(source.files, key=lambda item: item.path):
            parsed = parse(file, source.read(file.sha256), html=self.html, pdf=self.pdf)
            warnings.extend(parsed.warnings)
            for document in parsed.documents:
                name = document.id if document.id not in documents else f"{file.path}#{document.id}"
                documents.setdefault(name, replace(document, id=name))
        return documents, warnings
