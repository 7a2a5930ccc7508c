"""HTML to readable text: headings as ``#``, lists as ``-``, tables as rows with ``|``; scripts and styles dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

_DROPPED = frozenset(
    ["script", "style", "noscript", "template", "head", "svg", "iframe", "object", "select", "textarea", "button"]
)
_CHROME = frozenset(["nav", "header", "footer", "aside"])
_BLOCKS = frozenset(
    [
        *("p", "div", "section", "article", "main", "ul", "ol", "dl", "table", "blockquote", "figure", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "body", "caption", "fieldset", "address", *_CHROME),
    ]
)
_LINES = frozenset(["li", "dt", "dd", "tr", "br", "figcaption", "option", "summary", "details", "legend"])
_SPACE = re.compile(r"\s+")


def html_text(markup: str, *, mode: Literal["text", "main"] = "text") -> tuple[str, str]:
    """Title and text of a page.

    ``mode='main'`` keeps only the ``<main>`` or ``<article>`` element, where there is exactly one, and drops
    navigation, headers and footers. Nothing is fetched and no entity but the standard ones is expanded.
    """
    soup = BeautifulSoup(markup, "html.parser")
    heading = soup.title or soup.find("h1")
    title = _SPACE.sub(" ", heading.get_text()).strip() if isinstance(heading, Tag) else ""
    root: Tag = soup
    dropped = _DROPPED
    if mode == "main":
        for name in ("main", "article"):
            found = soup.find_all(name)
            if len(found) == 1 and isinstance(found[0], Tag):
                root = found[0]
                break
        dropped = _DROPPED | _CHROME
    return title, _tidy("".join(_pieces(root, dropped)))


def _pieces(root: Tag, dropped: frozenset[str]) -> Iterator[str]:
    """Text pieces in reading order; an own stack, since pages may nest deeper than Python's recursion allows."""
    stack: list[PageElement | str] = [root]
    pre = cells = 0
    while stack:
        item = stack.pop()
        if isinstance(item, Tag):
            if item.name in dropped or _hidden(item):
                continue
            pre += item.name == "pre"
            opening, closing = _around(item)
            if cells:  # a cell stays in its row, whatever is inside
                opening, closing = ("^", "") if item.name == "sup" else (" ", " ") if opening or closing else ("", "")
                pre -= item.name == "pre"
            if item.name in ("td", "th"):
                cells, closing = cells + 1, _CELL_END
            yield opening
            stack.append(closing)
            stack.extend(reversed(item.contents))
        elif isinstance(item, NavigableString):
            if not isinstance(item, PreformattedString):
                yield str(item) if pre else _SPACE.sub(" ", item)
        elif item == _CELL_END:
            cells -= 1
            yield " "
        elif isinstance(item, str):
            pre -= item == _PRE_END
            yield item


_PRE_END = "\n```\n\n"
_CELL_END = "\0cell"
_NOT_SHOWN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


def _hidden(tag: Tag) -> bool:
    """Whether a browser does not show an element."""
    return tag.has_attr("hidden") or bool(_NOT_SHOWN.search(str(tag.get("style", ""))))


def _around(tag: Tag) -> tuple[str, str]:
    """Return what stands before and behind an element's text."""
    name = tag.name
    if re.fullmatch("h[1-6]", name):
        return f"\n\n{'#' * int(name[1])} ", "\n\n"
    if name == "pre":
        return "\n\n```\n", _PRE_END
    if name == "li":
        return "\n- ", ""
    if name in ("td", "th"):
        return " | ", ""
    if name == "sup":
        return "^", ""
    if name == "tr":
        return "\n", " |"
    if name in _BLOCKS:
        return "\n\n", "\n\n"
    if name in _LINES:
        return "\n", "\n" if name != "br" else ""
    return "", ""


def _tidy(text: str) -> str:
    """White space as a reader sees it, code blocks as they are."""
    parts = re.split(r"(\n```\n.*?\n```\n)", text, flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        joined = re.sub(r"^[ \t]*+-[^\S\n]*+\n\s*+(?=\S)", "- ", parts[i], flags=re.MULTILINE)
        lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in joined.split("\n"))
        joined = "\n".join(
            line for line in lines if line not in ("-", "|", "#", "##", "###", "####", "#####", "######")
        )
        joined = re.sub(r"^(- |#+ )\n+(?=\S)", r"\1", joined, flags=re.MULTILINE)
        joined = re.sub(r"\n{3,}", "\n\n", joined)
        parts[i] = re.sub(r"^(([-|]) .*)\n\n(?=\2 )", r"\1\n", joined, flags=re.MULTILINE)
    return re.sub(r"\n{3,}(```\n)?", lambda found: "\n\n```\n" if found[1] else found[0], "".join(parts)).strip()
