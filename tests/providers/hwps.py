"""Tiny binary hwp files (5.0) written by hand: a compound file with a header, empty document facts and one section."""

from __future__ import annotations

import struct

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def hwp(paragraphs: list[str]) -> bytes:
    """Paragraphs of text, uncompressed. All streams but the header are padded beyond the mini stream."""
    header = b"HWP Document File".ljust(32, b"\x00") + struct.pack("<II", 0x05000300, 0)
    facts = _record(16, 0, bytes(26)) + _record(500, 0, bytes(4000)) + _record(500, 0, bytes(90))
    section = b"".join(_paragraph(text) for text in paragraphs)
    section += b"".join(_record(500, 0, bytes(4000)) for _ in range(2))
    return _compound({"FileHeader": header.ljust(256, b"\x00"), "DocInfo": facts}, {"Section0": section})


def _record(tag: int, level: int, data: bytes) -> bytes:
    return struct.pack("<I", tag | level << 10 | len(data) << 20) + data


def _paragraph(text: str) -> bytes:
    raw = (text + "\r").encode("utf-16-le")
    head = struct.pack("<IIHBBHHHI", len(raw) // 2, 0, 0, 0, 0, 1, 0, 0, 0)
    return _record(66, 0, head) + _record(67, 1, raw) + _record(68, 1, struct.pack("<II", 0, 0))


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
