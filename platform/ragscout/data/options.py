"""Settings of the readers: limits with safe defaults, and what a user may override."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

from ragscout.model.errors import EvalSetError

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on what an upload may hold. Sizes are bytes; ``ratio`` is unpacked over packed size of an archive."""

    files: int = 20_000
    file_bytes: int = 1280 * MIB
    table_bytes: int = 512 * MIB
    """A table that cannot be read row by row (JSON in one piece, a workbook, UTF-16) takes several times its size."""
    total_bytes: int = 4096 * MIB
    ratio: float = 200.0
    ratio_from: int = 16 * MIB
    """The ratio is only looked at above this unpacked size: tiny files of one letter compress well and do no harm."""
    archive_depth: int = 1
    rows: int = 1_000_000
    cell_characters: int = 8_000_000
    reference_characters: int = 20_000
    """A longer reference is loaded with a warning: it is far too long to score an answer against."""
    question_characters: int = 8_000
    seconds: float = 3600.0


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about the files; everything unsaid is detected and shown.

    ``columns`` maps a role (``question``, ``reference``, ``id``, ``document``, ``quote``, ...) to a column's name;
    ``dialect`` names what a quotation mark means in a delimited table (``plain``, ``spaced``, ``backslash``,
    ``unquoted``); ``skip_bad_rows`` loads the good rows of a file with problems, each bad row listed as a warning.
    """

    format: str = ""
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    encoding: str = ""
    delimiter: str = ""
    dialect: str = ""
    sheet: str = ""
    split: str = ""
    skip_bad_rows: bool = False
    limits: Limits = Limits()


def column_roles(pairs: Sequence[str]) -> dict[str, str]:
    """``role=column`` texts, as the command line takes them, as a mapping.

    Raises:
        EvalSetError: a text without ``=``.
    """
    made = {}
    for pair in pairs:
        role, mark, column = pair.partition("=")
        if not mark or not role.strip() or not column.strip():
            raise EvalSetError(f"--column: not of the form ROLE=NAME; got {pair!r}. Write for example question=Frage.")
        made[role.strip()] = column.strip()
    return made


def limits_of(pairs: Sequence[str]) -> Limits:
    """``name=number`` texts, as the command line takes them, as limits; the others keep their defaults.

    Raises:
        EvalSetError: no such limit, or no number above 0.
    """
    names = {item.name: item.type for item in fields(Limits)}
    made: dict[str, float] = {}
    for pair in pairs:
        name, _, value = (part.strip() for part in pair.partition("="))
        if name not in names:
            raise EvalSetError(f"--limit: there is no such limit; got {pair!r}. Limits: {', '.join(names)}.")
        try:
            number = float(value.replace("_", ""))
        except ValueError:
            number = 0.0
        if not 0 < number < 1e18:
            raise EvalSetError(f"--limit: a number above 0 is needed; got {pair!r}. Write for example rows=2000000.")
        made[name] = number if names[name] == "float" else int(number)
    return replace(Limits(), **made)  # type: ignore[arg-type]


DEFAULT_OPTIONS = ReadOptions()
