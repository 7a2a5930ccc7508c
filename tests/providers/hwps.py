"""Tiny binary hwp files (5.0) written by hand: a compound file with a header, empty document facts and one section."""

from __future__ import annotations

import struct

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def hwp(parts: list[str | list[list[str]]]) -> bytes:
    """Paragraphs of text and tables (rows of cells), uncompressed. All streams but the header are padded beyond the
    mini stream."""
    header = b"HWP Document File".ljust(32, b"\x00") + struct.pack("<II", 0x05000300, 0)
    facts = _record(16, 0, bytes(26)) + _record(500, 0, bytes(4000)) + _record(500, 0, bytes(90))
    section = b"".join(_paragraph(part) if isinstance(part, str) else _table(part) for part in parts)
    section += b"".join(_record(500, 0, bytes(4000)) for _ in range(2))
    return _compound({"FileHeader": header.ljust(256, b"\x00"), "DocInfo": facts}, {"Section0": section})


def _record(tag: int, level: int, data: bytes) -> bytes:
    return struct.pack("<I", tag | level << 10 | len(data) << 20) + data


def _paragraph(text: str, level: int = 0) -> bytes:
    return _marked((text + "\r").encode("utf-16-le"), level, 0)


def _marked(raw: bytes, level: int, controls: int) -> bytes:
    head = struct.pack("<IIHBBHHHI", len(raw) // 2, controls, 0, 0, 0, 1, 0, 0, 0)
    shape = _record(68, level + 1, struct.pack("<II", 0, 0))
    return _record(66, level, head) + _record(67, level + 1, raw) + shape


def _table(rows: list[list[str]]) -> bytes:
    """A paragraph that holds a table: its control, its measures, then each cell as a list of one paragraph."""
    height, width, kind = len(rows), len(rows[0]), b" lbt"
    mark = struct.pack("<H", 11)
    found = _marked(mark + kind + bytes(8) + mark + "\r".encode("utf-16-le"), 0, 1 << 11)
    found += _record(71, 1, kind + bytes(42))
    found += _record(77, 2, struct.pack("<IHH", 0, height, width) + bytes(10) + bytes(2 * height + 4))
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            found += _record(72, 2, struct.pack("<iIHHHH", 1, 0, x, y, 1, 1) + bytes(31)) + _paragraph(cell, 2)
    return found


def _compound(top: dict[str, bytes], body: dict[str, bytes]) -> bytes:
    """A compound file (version 3) with streams at the top and below ``BodyText``."""
    sectors: list[bytes] = []
    fat: list[int] = []

    def add(data: bytes) -> int:
        first = len(sectors)
        count = -(-len(data) // _SECTOR)
        for number in range(count):
            sectors.append(data[number * _SECTOR : (number + 1) * _SECTOR].ljust(_SECTOR, b"\x00"))
            fat.append(len(sectors) if number + 1 < count else _END)
        return first

    streams = {**top, **body}
    places = {name: (add(data), len(data)) for name, data in streams.items() if len(data) >= 4096}
    (mini,) = (name for name in streams if name not in places)
    places[mini] = (0, len(streams[mini]))
    mini_stream = add(streams[mini])
    last = len(streams[mini]) // 64 - 1
    mini_fat = add(struct.pack("<128I", *range(1, last + 1), _END, *([_FREE] * (127 - last))))
    # a chain to the right is a valid (if unbalanced) tree of siblings: names by length, then by letters
    names = sorted([*top, "BodyText"], key=lambda name: (len(name), name.upper()))
    number = {name: at for at, name in enumerate(names, 1)} | {name: len(names) + 1 for name in body}
    none = _FREE
    entries = [_entry("Root Entry", 5, none, number[names[0]], mini_stream, len(streams[mini]))]
    for at, name in enumerate(names):
        right = number[names[at + 1]] if at + 1 < len(names) else none
        start, size = places.get(name, (0, 0))
        child = number[next(iter(body))] if name == "BodyText" else none
        entries.append(_entry(name, 1 if name == "BodyText" else 2, right, child, start, size))
    entries += [_entry(name, 2, none, none, *places[name]) for name in body]
    directory = add(b"".join(entries).ljust(-(-len(entries) * 128 // _SECTOR) * _SECTOR, b"\x00"))
    assert len(fat) < 127
    at = len(sectors)
    fat.append(_FAT)
    sectors.append(struct.pack("<128I", *fat, *([_FREE] * (128 - len(fat)))))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    head += bytes(6) + struct.pack("<IIIIIIIII", 0, 1, directory, 0, 4096, mini_fat, 1, _END, 0)
    return head + struct.pack("<109I", at, *([_FREE] * 108)) + b"".join(sectors)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    raw = (name + "\x00").encode("utf-16-le")
    return (
        raw.ljust(64, b"\x00")
        + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
