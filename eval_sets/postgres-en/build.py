"""Rebuild the documents of this evaluation set from the PostgreSQL manual.

Usage::

    python eval_sets/postgres-en/build.py PATH_TO_HTML_FOLDER

The folder is the ``html`` folder of the Debian package ``postgresql-doc-15``
(``CARD.md`` names the exact version).  The script writes ``documents/*.md`` and
compares every file with ``checksums.json``; it exits with status 1 when one
differs, because the offsets in ``questions.jsonl`` hold for the recorded bytes
only.  ``--write-checksums`` records new checksums instead (for maintainers,
after a change of the selection or of the conversion).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENTS = HERE / "documents"
CHECKSUMS = HERE / "checksums.json"

PAGES: tuple[str, ...] = (
    # Backup, restore and upgrade
    "app-pgdump",
    "app-pgrestore",
    "backup-dump",
    "backup-file",
    "continuous-archiving",
    "upgrading",
    # Replication and high availability
    "different-replication-solutions",
    "hot-standby",
    "logical-replication-conflicts",
    "logical-replication-publication",
    "logical-replication-restrictions",
    "logical-replication-subscription",
    "sql-createpublication",
    "sql-createsubscription",
    "warm-standby",
    # Write-ahead log
    "runtime-config-wal",
    "wal-async-commit",
    "wal-configuration",
    "wal-reliability",
    # Maintenance
    "app-reindexdb",
    "app-vacuumdb",
    "logfile-maintenance",
    "pgstattuple",
    "routine-reindex",
    "routine-vacuuming",
    "runtime-config-autovacuum",
    "sql-analyze",
    "sql-cluster",
    "sql-reindex",
    "sql-vacuum",
    # Roles, authentication and security
    "auth-password",
    "auth-pg-hba-conf",
    "auth-username-maps",
    "client-authentication-problems",
    "ddl-rowsecurity",
    "encryption-options",
    "predefined-roles",
    "role-attributes",
    "role-membership",
    "role-removal",
    "runtime-config-connection",
    "sql-createrole",
    # Databases and storage
    "disk-full",
    "disk-usage",
    "manage-ag-tablespaces",
    "manage-ag-templatedbs",
    "sql-createdatabase",
    # Indexes
    "indexes-examine",
    "indexes-expressional",
    "indexes-index-only-scans",
    "indexes-multicolumn",
    "indexes-ordering",
    "indexes-partial",
    "indexes-types",
    "sql-createindex",
    # Queries, locks and performance
    "explicit-locking",
    "populate",
    "runtime-config-client",
    "runtime-config-locks",
    "runtime-config-resource",
    "transaction-iso",
    "using-explain",
    # Statements on data and tables
    "sql-copy",
    "sql-createtable",
    "sql-delete",
    "sql-explain",
    "sql-insert",
    "sql-lock",
    "sql-refreshmaterializedview",
    "sql-set-transaction",
    "sql-truncate",
)

VOID_TAGS = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})
HEADING_TAGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
ADMONITIONS = frozenset({"note", "tip", "warning", "caution", "important"})
# Page navigation and lists of contents say nothing that the page itself does not.
SKIPPED_CLASSES = frozenset({"navheader", "navfooter", "toc", "indexterm"})
INLINE_TAGS = frozenset(
    {"a", "abbr", "acronym", "br", "code", "em", "i", "b", "span", "strong", "sub", "sup", "tt", "var"}
)


@dataclass(eq=False)
class Node:
    """One element of the parsed page."""

    tag: str
    classes: frozenset[str] = frozenset()
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def elements(self) -> Iterator[Node]:
        """Child elements, without the text between them."""
        return (child for child in self.children if isinstance(child, Node))

    def find_all(self, tag: str) -> Iterator[Node]:
        """Outermost descendants with this tag."""
        for child in self.elements():
            if child.tag == tag:
                yield child
            else:
                yield from child.find_all(tag)


class TreeBuilder(HTMLParser):
    """Build a tree; the manual is well-formed XHTML, so no repair is needed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("root")
        self._stack = [self.root]

    def _open(self, tag: str, attrs: list[tuple[str, str | None]]) -> Node:
        values = {name: value or "" for name, value in attrs}
        node = Node(tag, frozenset(values.get("class", "").split()), values)
        self._stack[-1].children.append(node)
        return node

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element (called by the parser)."""
        node = self._open(tag, attrs)
        if tag not in VOID_TAGS:
            self._stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an empty element (called by the parser)."""
        self._open(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element (called by the parser)."""
        if tag in VOID_TAGS:
            return
        if self._stack[-1].tag != tag:
            raise ValueError(f"unbalanced </{tag}> inside <{self._stack[-1].tag}>")
        self._stack.pop()

    def handle_data(self, data: str) -> None:
        """Add text (called by the parser)."""
        self._stack[-1].children.append(data)


def plain_text(node: Node) -> str:
    """Text as written, line breaks kept."""
    parts: list[str] = []
    for child in node.children:
        if isinstance(child, str):
            parts.append(child)
        elif child.tag == "br":
            parts.append("\n")
        elif not child.classes & SKIPPED_CLASSES:
            parts.append(plain_text(child))
    return "".join(parts)


def _runs(children: list[Node | str], in_code: bool) -> Iterator[tuple[bool, str]]:
    for child in children:
        if isinstance(child, str):
            yield in_code, child
        elif child.tag == "br":
            yield in_code, " "
        elif child.tag == "sup" and plain_text(child).strip().isdigit():
            # An exponent must not melt into its base: 2 to the 32nd is not 232.
            yield in_code, "^" + plain_text(child).strip()
        elif not child.classes & SKIPPED_CLASSES:
            yield from _runs(child.children, in_code or child.tag in {"code", "tt"})


def inline(children: list[Node | str]) -> str:
    """Text of inline content on one line, code in back-ticks."""
    merged: list[tuple[bool, str]] = []
    for is_code, text in _runs(children, in_code=False):
        if not text:
            continue
        # Neighbouring code elements form one name (``pg_`` + ``name``); two
        # adjacent spans would give a run of back-ticks with another meaning.
        if merged and merged[-1][0] == is_code:
            merged[-1] = (is_code, merged[-1][1] + text)
        else:
            merged.append((is_code, text))
    parts: list[str] = []
    for is_code, text in merged:
        squeezed = re.sub(r"\s+", " ", text)
        if is_code and squeezed.strip():
            fence = "``" if "`" in squeezed else "`"
            before = " " if squeezed.startswith(" ") else ""
            after = " " if squeezed.endswith(" ") else ""
            parts.append(f"{before}{fence}{squeezed.strip()}{fence}{after}")
        else:
            parts.append(squeezed)
    return re.sub(r" +", " ", "".join(parts)).strip()


def indent(block: str, prefix: str, first: str | None = None) -> str:
    """Put a prefix before every line, another one before the first if given."""
    lines = block.split("\n")
    out: list[str] = []
    for number, line in enumerate(lines):
        lead = first if number == 0 and first is not None else prefix
        out.append((lead + line).rstrip())
    return "\n".join(out)


def list_item(marker: str, blocks: list[str]) -> str:
    """Blocks as one list item, later lines aligned under the first."""
    pad = " " * len(marker)
    return indent("\n\n".join(blocks), pad, marker)


def fence(node: Node) -> str:
    """Preformatted text as a fenced block."""
    text = plain_text(node).strip("\n")
    lines = [line.rstrip() for line in text.expandtabs(8).split("\n")]
    return "```\n" + "\n".join(lines) + "\n```"


def table_rows(table: Node) -> Iterator[tuple[Node, bool]]:
    """Rows of a table, each with whether it belongs to the head."""
    for part in table.elements():
        if part.tag == "tr":
            yield part, False
        elif part.tag in {"thead", "tbody", "tfoot"}:
            for row in part.find_all("tr"):
                yield row, part.tag == "thead"


def cell_text(cell: Node) -> str:
    """One table cell on one line."""
    pieces = [piece.replace("\n", " ") for piece in blocks_of(cell)]
    return " ".join(pieces).replace("|", "\\|")


def entry_table(table: Node) -> list[str]:
    """Tables whose only column holds paragraphs (functions, catalog columns)."""
    items: list[str] = []
    for row, is_head in table_rows(table):
        for cell in row.elements():
            blocks = blocks_of(cell)
            if is_head or not blocks:
                continue
            items.append(list_item("- ", blocks))
    return items


def pipe_table(table: Node) -> list[str]:
    """Tables with real columns."""
    grid: list[list[str]] = []
    head_rows = 0
    pending: dict[int, tuple[int, str]] = {}
    for row, is_head in table_rows(table):
        values: list[str] = []
        cells = [cell for cell in row.elements() if cell.tag in {"td", "th"}]
        while cells or len(values) in pending:
            column = len(values)
            if column in pending:
                left, text = pending.pop(column)
                values.append(text)
                if left > 1:
                    pending[column] = (left - 1, text)
                continue
            cell = cells.pop(0)
            text = cell_text(cell)
            rowspan = int(cell.attrs.get("rowspan", "1"))
            if rowspan > 1:
                # A reader of one line alone must still see the spanning cell.
                pending[column] = (rowspan - 1, text)
            values.append(text)
            values.extend([""] * (int(cell.attrs.get("colspan", "1")) - 1))
        grid.append(values)
        head_rows += is_head
    if not grid:
        return []
    width = max(len(row) for row in grid)
    grid = [row + [""] * (width - len(row)) for row in grid]
    if head_rows == 0:
        grid.insert(0, [""] * width)
    lines = ["| " + " | ".join(row) + " |" for row in grid]
    lines.insert(1, "|" + " --- |" * width)
    return ["\n".join(lines)]


def render_table(table: Node) -> list[str]:
    """A table in the form that suits its content."""
    cells = [cell for row, is_head in table_rows(table) if not is_head for cell in row.elements()]
    if any(cell.classes & {"func_table_entry", "catalog_table_entry"} for cell in cells):
        return ["\n\n".join(entry_table(table))]
    return pipe_table(table)


def definition_list(node: Node) -> list[str]:
    """Terms become list items, their descriptions the items' bodies."""
    items: list[str] = []
    terms: list[str] = []
    for child in node.elements():
        if child.tag == "dt":
            terms.append(inline(child.children))
        elif child.tag == "dd":
            items.append(list_item("- ", [", ".join(terms), *blocks_of(child)]))
            terms = []
    if terms:
        items.append(list_item("- ", [", ".join(terms)]))
    return ["\n\n".join(items)]


def render(node: Node) -> list[str]:
    """Blocks of one block-level element."""
    if node.classes & SKIPPED_CLASSES or node.tag in {"head", "hr", "object", "col", "colgroup"}:
        return []
    if node.tag in HEADING_TAGS:
        text = inline(node.children)
        return ["#" * int(node.tag[1]) + " " + text] if text else []
    if node.tag == "pre":
        return [fence(node)]
    if node.tag == "table":
        if "simplelist" in node.classes:
            rows = [[inline(c.children) for c in row.elements()] for row, _ in table_rows(node)]
            return ["\n".join(f"- {value}" for row in rows for value in row if value)]
        return render_table(node)
    if node.tag == "dl":
        return definition_list(node)
    if node.tag in {"ul", "ol"}:
        items = [item for item in node.elements() if item.tag == "li"]
        return [
            "\n\n".join(
                list_item(f"{number}. " if node.tag == "ol" else "- ", blocks_of(item))
                for number, item in enumerate(items, start=1)
            )
        ]
    if node.classes & ADMONITIONS:
        blocks = [f"**{block.lstrip('# ')}**" if re.match(r"#+ ", block) else block for block in blocks_of(node)]
        return [indent("\n\n".join(blocks), "> ")]
    return blocks_of(node)


def blocks_of(node: Node) -> list[str]:
    """Blocks inside an element, where inline content between blocks is a block too."""
    blocks: list[str] = []
    pending: list[Node | str] = []

    def flush() -> None:
        text = inline(pending)
        if text:
            blocks.append(text)
        pending.clear()

    for child in node.children:
        if isinstance(child, str) or (child.tag in INLINE_TAGS and not _has_block(child)):
            pending.append(child)
        else:
            flush()
            blocks.extend(block for block in render(child) if block)
    flush()
    return blocks


def _has_block(node: Node) -> bool:
    return any(child.tag not in INLINE_TAGS or _has_block(child) for child in node.elements())


def normalise(text: str) -> str:
    """NFC, plain line ends, no invisible typesetting characters."""
    # Non-breaking spaces only steer the typesetting of section numbers here.
    # Zero-width spaces mark line breaks allowed in wide plan output.
    text = text.replace("\u00a0", " ").replace("\u200b", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def convert(source: str) -> str:
    """One HTML page as Markdown."""
    builder = TreeBuilder()
    builder.feed(normalise(source))
    builder.close()
    body = next(builder.root.find_all("body"))
    blocks = blocks_of(body)
    # The manual opens pages with h1 or h2 alike; shift so that exactly the
    # title has one mark and its sections have two.
    first = next(block for block in blocks if re.match(r"#+ ", block))
    excess = len(first) - len(first.lstrip("#")) - 1
    shifted: list[str] = []
    titled = False
    for block in blocks:
        match = re.match(r"(#+) ", block)
        if match:
            level = max(1, len(match.group(1)) - excess)
            if titled:
                level = max(2, level)
            titled = True
            block = "#" * level + " " + block[match.end() :]
        shifted.append(block)
    if not shifted[0].startswith("# "):
        raise ValueError("the page does not open with its title")
    return normalise("\n\n".join(shifted) + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(html_folder: Path) -> list[Path]:
    """Write all documents and remove those no longer selected."""
    DOCUMENTS.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for page in sorted(PAGES):
        source = (html_folder / f"{page}.html").read_text(encoding="utf-8")
        target = DOCUMENTS / f"{page}.md"
        target.write_bytes(convert(source).encode("utf-8"))
        written.append(target)
    for stale in sorted(set(DOCUMENTS.glob("*.md")) - set(written)):
        stale.unlink()
    return written


def current_checksums() -> dict[str, str]:
    """Digests of everything whose bytes the evaluation depends on."""
    paths = [*DOCUMENTS.glob("*.md"), HERE / "LICENSE", HERE / "questions.jsonl"]
    return {path.relative_to(HERE).as_posix(): sha256(path) for path in sorted(paths) if path.exists()}


def main(argv: list[str] | None = None) -> int:
    """Command line entry point; 1 means that a file differs."""
    parser = argparse.ArgumentParser(description="Rebuild the documents of postgres-en.")
    parser.add_argument("html_folder", type=Path, help="html folder of postgresql-doc-15")
    parser.add_argument("--write-checksums", action="store_true", help="record new checksums")
    arguments = parser.parse_args(argv)
    written = build(arguments.html_folder)
    found = current_checksums()
    if arguments.write_checksums:
        CHECKSUMS.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{len(written)} documents written, {len(found)} checksums recorded")
        return 0
    recorded: dict[str, str] = json.loads(CHECKSUMS.read_text(encoding="utf-8"))
    differing = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    for name in differing:
        print(f"checksum differs: {name}", file=sys.stderr)
    print(f"{len(written)} documents written, {len(found) - len(differing)} files match")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
