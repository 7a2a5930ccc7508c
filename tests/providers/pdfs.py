"""Tiny PDF files written by hand: one font whose character map says what each code means."""

from __future__ import annotations

Placed = list[tuple[int, int, str]]
"""Lines of a page: x and y in points, on a page of 600 by 800, and the text."""


def pdf(pages: list[str] | list[Placed], *, mapped: dict[str, str] | None = None) -> bytes:
    """One line of text per page (none where empty), or placed lines; ``mapped`` replaces what the character map says
    of a character."""
    placed = [[(50, 700, page)] if isinstance(page, str) else page for page in pages]
    letters = sorted({char for page in placed for *_, text in page for char in text})
    codes = {char: number for number, char in enumerate(letters, 1)}
    lines = "\n".join(
        f"<{code:04X}> <{(mapped or {}).get(char, char).encode('utf-16-be').hex().upper()}>"
        for char, code in codes.items()
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
        f"1 begincodespacerange <0000> <FFFF> endcodespacerange {len(codes)} beginbfchar\n{lines}\nendbfchar "
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{6 + 2 * i} 0 R' for i in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H"
        " /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /DW 1000"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
    ]
    for i, page in enumerate(placed):
        content = "\n".join(
            f"BT /F1 12 Tf {x} {y} Td <{''.join(f'{codes[char]:04X}' for char in text)}> Tj ET"
            for x, y, text in page
            if text
        )
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {7 + 2 * i} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
