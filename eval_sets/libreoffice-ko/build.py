"""Rebuild the documents of this set from the Debian package ``libreoffice-help-ko``.

Usage::

    apt-get download libreoffice-help-ko
    dpkg-deb -x libreoffice-help-ko_*.deb unpacked
    python eval_sets/libreoffice-ko/build.py unpacked

The pages in ``PAGES`` are converted from HTML to plain Markdown and written to
``documents/``. The result depends on nothing but the package; it is compared with
``checksums.json`` and the exit status is 1 when a document differs.
Only the standard library is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

PACKAGE = "libreoffice-help-ko"
VERSION = "4:7.4.7-1+deb12u14"
HELP_ROOT = Path("usr/share/libreoffice/help/ko/text")

PAGES: tuple[str, ...] = (
    "scalc/01/02120100",
    "scalc/01/06030000",
    "scalc/guide/calc_series",
    "scalc/guide/cell_protect",
    "scalc/guide/cellreference_dragdrop",
    "scalc/guide/consolidate",
    "scalc/guide/csv_files",
    "scalc/guide/csv_formula",
    "scalc/guide/currency_format",
    "scalc/guide/database_filter",
    "scalc/guide/dbase_files",
    "scalc/guide/formula_copy",
    "scalc/guide/formula_enter",
    "scalc/guide/goalseek",
    "scalc/guide/mark_cells",
    "scalc/guide/multioperation",
    "scalc/guide/note_insert",
    "scalc/guide/pivotchart_edit",
    "scalc/guide/print_landscape",
    "scalc/guide/print_title_row",
    "scalc/guide/printranges",
    "scalc/guide/scenario",
    "scalc/guide/text_numbers",
    "scalc/guide/validity",
    "scalc/guide/webquery",
    "schart/01/04030000",
    "schart/01/04050000",
    "schart/01/type_column_line",
    "schart/01/type_pie",
    "schart/01/type_xy",
    "sdraw/guide/draw_sector",
    "sdraw/guide/eyedropper",
    "sdraw/guide/gradient",
    "sdraw/guide/groups",
    "shared/00/00000207",
    "shared/01/06040600",
    "shared/01/06201000",
    "shared/01/online_update_dialog",
    "shared/02/12070000",
    "shared/02/12070100",
    "shared/02/12070200",
    "shared/guide/border_table",
    "shared/guide/chart_insert",
    "shared/guide/collab",
    "shared/guide/ctl",
    "shared/guide/data_addressbook",
    "shared/guide/data_dbase2office",
    "shared/guide/data_forms",
    "shared/guide/data_report",
    "shared/guide/data_reports",
    "shared/guide/digitalsign_receive",
    "shared/guide/dragdrop_beamer",
    "shared/guide/fax",
    "shared/guide/insert_graphic_drawit",
    "shared/guide/labels",
    "shared/guide/labels_database",
    "shared/guide/pasting",
    "shared/optionen/macrosecurity_sl",
    "simpress/01/01180001",
    "simpress/01/02120000",
    "simpress/01/06040000",
    "simpress/01/06060000",
    "simpress/01/06070000",
    "simpress/01/06080000",
    "simpress/guide/animated_gif_create",
    "simpress/guide/footer",
    "simpress/guide/impress_remote",
    "simpress/guide/individual",
    "simpress/guide/orgchart",
    "simpress/guide/printing",
    "simpress/guide/rehearse_timings",
    "simpress/guide/table_insert",
    "swriter/01/01150000",
    "swriter/01/04070300",
    "swriter/01/05060201",
    "swriter/01/05090100",
    "swriter/guide/autotext",
    "swriter/guide/border_object",
    "swriter/guide/border_page",
    "swriter/guide/borders",
    "swriter/guide/captions",
    "swriter/guide/conditional_text",
    "swriter/guide/globaldoc",
    "swriter/guide/globaldoc_howtos",
    "swriter/guide/header_pagestyles",
    "swriter/guide/indices_literature",
    "swriter/guide/section_insert",
    "swriter/guide/sections",
    "swriter/guide/table_sizing",
    "swriter/guide/text_nav_keyb",
    "swriter/guide/textdoc_inframe",
    "swriter/guide/using_hyphen",
    "swriter/guide/word_completion_adjust",
)

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
DROPPED_TAGS = frozenset({"script", "style", "noscript", "nav", "aside", "header", "footer"})
DROPPED_CLASSES = frozenset({"howtoget", "relatedtopics", "related", "noteicon", "bug", "debug"})
SYSTEMS = frozenset({"MAC", "WIN", "UNIX"})
MODULES = {
    "swriter": "WRITER",
    "scalc": "CALC",
    "simpress": "IMPRESS",
    "sdraw": "DRAW",
    "smath": "MATH",
    "schart": "CHART",
    "sdatabase": "BASE",
    "shared": "WRITER",
}
# "@@@" marks unchecked translations in the source; the others are invisible characters.
UNCHECKED = "@@@"
CLEANED = {0x00A0: " ", 0x200B: None, 0xFEFF: None}
NOTES = {"note": "참고", "tip": "팁", "warning": "주의"}
BLOCKS = frozenset({"p", "div", "ul", "ol", "li", "table", "pre", "h1", "h2", "h3", "h4", "h5"})


@dataclass
class Node:
    """An HTML element."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        """The CSS classes of the element."""
        return frozenset(self.attrs.get("class", "").split())


class TreeBuilder(HTMLParser):
    """Build a tree of :class:`Node` from the (well-formed) help pages."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("root")
        self._stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._stack[-1].children.append(node)
        if tag not in VOID:
            self._stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element without content."""
        self._stack[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Close the nearest open element of that name."""
        for index in range(len(self._stack) - 1, 0, -1):
            if self._stack[index].tag == tag:
                del self._stack[index:]
                return

    def handle_data(self, data: str) -> None:
        """Add text."""
        self._stack[-1].children.append(data)


def find(node: Node, identifier: str) -> Node | None:
    """The first element below ``node`` with that id."""
    for child in node.children:
        if isinstance(child, Node):
            if child.attrs.get("id") == identifier:
                return child
            found = find(child, identifier)
            if found is not None:
                return found
    return None


def chosen(node: Node, module: str) -> list[Node | str]:
    """The variant of a ``switch`` element to keep: this module's, else the default."""
    variants = [child for child in node.children if isinstance(child, Node)]
    for variant in variants:
        if module in variant.classes:
            return [variant]
    for variant in variants:
        if variant.attrs.get("id", "").startswith("default"):
            return [variant]
    usable = [v for v in variants if not v.classes & SYSTEMS]
    return list(usable[:1])


class Converter:
    """Turn the content area of one page into Markdown blocks."""

    def __init__(self, module: str) -> None:
        self.module = module

    def expand(self, node: Node) -> list[Node | str]:
        """The children to convert, after choosing among variants."""
        if node.classes & {"switch", "switchinline"}:
            return chosen(node, self.module)
        return node.children

    def skipped(self, node: Node) -> bool:
        """Whether the element is navigation or decoration."""
        return node.tag in DROPPED_TAGS or bool(node.classes & DROPPED_CLASSES)

    def only_links(self, node: Node) -> bool:
        """Whether all text below ``node`` is link text (navigation to other pages)."""
        for child in self.expand(node):
            if isinstance(child, str):
                if child.strip():
                    return False
            elif child.tag != "a" and not self.only_links(child):
                return False
        return True

    def inline(self, node: Node) -> str:
        """The text of the element on one line."""
        return re.sub(r"\s+", " ", self._raw(node)).strip()

    def _raw(self, node: Node) -> str:
        parts: list[str] = []
        for child in self.expand(node):
            if isinstance(child, str):
                parts.append(child)
            elif child.tag == "br":
                parts.append(" ")
            elif not self.skipped(child):
                block = child.tag in BLOCKS
                parts.append(f" {self._raw(child)} " if block else self._raw(child))
        return "".join(parts)

    def blocks(self, node: Node) -> list[str]:
        """The Markdown blocks of the element."""
        out: list[str] = []
        loose: list[str] = []

        def flush() -> None:
            text = re.sub(r"\s+", " ", "".join(loose)).strip()
            loose.clear()
            if text:
                out.append(text)

        for child in self.expand(node):
            if isinstance(child, str):
                loose.append(child)
                continue
            if self.skipped(child):
                continue
            if child.tag not in BLOCKS and not self._has_block(child):
                loose.append(" " if child.tag == "br" else self._raw(child))
                continue
            flush()
            out.extend(self._block(child))
        flush()
        return out

    def _has_block(self, node: Node) -> bool:
        return any(
            isinstance(child, Node) and (child.tag in BLOCKS or self._has_block(child)) for child in node.children
        )

    def _block(self, node: Node) -> list[str]:
        if re.fullmatch(r"h[1-5]", node.tag):
            text = self.inline(node)
            return [f"{'#' * int(node.tag[1])} {text}"] if text else []
        if node.tag == "p":
            text = "" if self.only_links(node) else self.inline(node)
            return [text] if text else []
        if node.tag == "pre":
            return [f"```\n{self._raw(node).strip()}\n```"]
        if node.tag in ("ul", "ol"):
            lines = self._list(node, 0)
            return ["\n".join(lines)] if lines else []
        if node.tag == "table":
            return self._table(node)
        label = next((NOTES[c] for c in sorted(node.classes) if c in NOTES), None)
        inner = self.blocks(node)
        if label is not None and inner:
            inner[0] = f"{label}: {inner[0]}"
        return inner

    def _list(self, node: Node, depth: int) -> list[str]:
        lines: list[str] = []
        number = int(node.attrs.get("start", "1") or "1")
        for child in self.expand(node):
            if not isinstance(child, Node) or self.skipped(child):
                continue
            if child.tag != "li":
                lines.extend("  " * depth + text for text in self._block(child))
                continue
            bullet = f"{number}. " if node.tag == "ol" else "- "
            texts: list[str] = []
            nested: list[str] = []
            for part in self._item_parts(child):
                if isinstance(part, Node):
                    nested.extend(self._list(part, depth + 1))
                elif nested:
                    nested.append("  " * (depth + 1) + part)
                else:
                    texts.append(part)
            if not texts and not nested:
                continue
            lines.append("  " * depth + bullet + " ".join(texts))
            lines.extend(nested)
            number += 1
        return lines

    def _item_parts(self, node: Node) -> list[Node | str]:
        """Texts and nested lists of a list item, in order."""
        parts: list[Node | str] = []
        loose: list[str] = []
        for child in self.expand(node):
            if isinstance(child, str):
                loose.append(child)
            elif self.skipped(child):
                continue
            elif child.tag in ("ul", "ol"):
                parts.append(child)
            elif child.tag == "table":
                parts.extend(self._table(child))
            elif child.tag == "p":
                parts.append(self.inline(child))
            elif child.tag in BLOCKS or self._has_block(child):
                parts.extend(self._item_parts(child))
            else:
                loose.append(self._raw(child))
        rest = re.sub(r"\s+", " ", "".join(loose)).strip()
        if rest:
            parts.insert(0, rest)
        return [part for part in parts if part != ""]

    def _rows(self, node: Node) -> list[list[str]]:
        rows: list[list[str]] = []
        for child in node.children:
            if not isinstance(child, Node):
                continue
            if child.tag == "tr":
                cells = [
                    self.inline(cell) for cell in child.children if isinstance(cell, Node) and cell.tag in ("td", "th")
                ]
                if any(cells):
                    rows.append(cells)
            else:
                rows.extend(self._rows(child))
        return rows

    def _table(self, node: Node) -> list[str]:
        rows = self._rows(node)
        if not rows:
            return []
        if "icontable" in node.classes or all(sum(map(bool, row)) == 1 for row in rows):
            return [" ".join(cell for cell in row if cell) for row in rows]
        width = max(len(row) for row in rows)
        rows = [[cell.replace("|", "\\|") for cell in row] + [""] * (width - len(row)) for row in rows]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        return ["\n".join(lines)]


def convert(page: str, html: str) -> str:
    """One help page as Markdown text."""
    builder = TreeBuilder()
    builder.feed(html)
    builder.close()
    content = find(builder.root, "DisplayArea")
    if content is None:
        raise ValueError(f"{page}: no content area")
    blocks: list[str] = []
    title = ""
    for block in Converter(MODULES[page.split("/", 1)[0]]).blocks(content):
        if block.startswith("#"):
            title = block.lstrip("# ")
        elif block == title:  # the label of an icon, which repeats the heading
            continue
        if not blocks or blocks[-1] != block:
            blocks.append(block)
    heading = next((b for b in blocks if b.startswith("# ")), None)
    if heading is None:
        raise ValueError(f"{page}: no title")
    blocks.remove(heading)
    text = "\n\n".join([heading, *blocks]) + "\n"
    return unicodedata.normalize("NFC", text.replace(UNCHECKED, "").translate(CLEANED))


def file_name(page: str) -> str:
    """``swriter/guide/borders`` -> ``swriter-guide-borders.md``."""
    return page.replace("/", "-") + ".md"


def hangul_share(text: str) -> float:
    """Hangul syllables among the letters of ``text``."""
    letters = sum(c.isalpha() for c in text)
    return sum("가" <= c <= "힣" for c in text) / letters if letters else 0.0


def build(unpacked: Path, target: Path) -> dict[str, str]:
    """Write every document below ``target`` and return their checksums."""
    target.mkdir(parents=True, exist_ok=True)
    checksums: dict[str, str] = {}
    for page in PAGES:
        html = (unpacked / HELP_ROOT / f"{page}.html").read_text(encoding="utf-8")
        data = convert(page, html).encode("utf-8")
        (target / file_name(page)).write_bytes(data)
        checksums[f"{target.name}/{file_name(page)}"] = hashlib.sha256(data).hexdigest()
    return checksums


def main(arguments: list[str] | None = None) -> int:
    """Rebuild the documents and compare them with ``checksums.json``."""
    parser = argparse.ArgumentParser(description="Rebuild the documents of libreoffice-ko.")
    parser.add_argument("unpacked", type=Path, help=f"folder with {PACKAGE} {VERSION} unpacked")
    options = parser.parse_args(arguments)
    here = Path(__file__).resolve().parent
    built = build(options.unpacked, here / "documents")
    recorded: dict[str, str] = json.loads((here / "checksums.json").read_text(encoding="utf-8"))
    expected = {name: value for name, value in recorded.items() if name.startswith("documents/")}
    wrong = sorted(name for name in built.keys() | expected.keys() if built.get(name) != expected.get(name))
    for name in wrong:
        print(f"differs: {name}", file=sys.stderr)
    print(f"{len(built)} documents written, {len(wrong)} differ from checksums.json")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
