"""Sources beside files: an SQL query, an object store or share, a list of web addresses.

Each gives a snapshot: what was read is written into a temporary folder and uploaded from there. Credentials come from
the environment, are never stored and are cut out of every message.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ragscout.data.findings import Finding
from ragscout.data.options import Limits
from ragscout.data.read.archive import safe_path
from ragscout.data.read.list_files import RawFile, collect
from ragscout.data.web import fetch
from ragscout.model.errors import EvalSetError
from ragscout.providers.network import NetworkPolicy

_READS = re.compile(
    r"\s*+(?:(?:--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/)\s*+)*+(?:select|with|values|table)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Remote:
    """What to read beside files. ``sql``: an SQLAlchemy URL without a password, or the environment variable that holds
    one; ``query``: one statement that reads; ``stores``: fsspec URLs; ``addresses``: http(s) addresses."""

    sql: str = ""
    query: str = ""
    stores: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sql or self.query or self.stores or self.addresses)

    @property
    def name(self) -> str:
        """A name for the evaluation set when none is given."""
        if self.stores:
            return self.stores[0].rstrip("/").rpartition("/")[2] or "store"
        return "sql" if self.sql else urlsplit(self.addresses[0]).hostname or "web"


@contextmanager
def snapshot(remote: Remote, policy: NetworkPolicy, limits: Limits) -> Iterator[tuple[list[RawFile], list[Finding]]]:
    """Read the sources; the files live as long as the context.

    Raises:
        EvalSetError: a source cannot be read, or holds more than the limits allow.
        SpecError: the network policy forbids a host.
    """
    with tempfile.TemporaryDirectory(prefix="ragscout-") as folder:
        place, findings = Path(folder), list[Finding]()
        files: list[RawFile] = []
        if remote.sql or remote.query:
            files.append(_sql(remote, place / "sql.jsonl", limits, findings))
        addresses = list(remote.addresses)
        for number, url in enumerate(remote.stores):
            if url.startswith(("http://", "https://")):
                addresses.append(url)
            else:
                files += _store(url, place / f"store{number}", limits, findings)
        if addresses:
            files += fetch(addresses, place / "web", policy, limits, findings)
        yield files, findings


def read_addresses(file: Path) -> tuple[str, ...]:
    """Addresses of a text file, one a line; blank lines and lines that start with ``#`` are skipped.

    Raises:
        EvalSetError: the file cannot be read, or a line is no http(s) address.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvalSetError(f"{file}: the list cannot be read; got {error}. Give a UTF-8 text file.") from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not re.fullmatch(r"https?://[^\s/]+\S*", text):
            raise EvalSetError(f"{file}:{number}: not an http(s) address; got {text[:80]!r}. Write one address a line.")
        if "@" in urlsplit(text).netloc:
            raise EvalSetError(f"{file}:{number}: the address holds a user name or password. Take it out.")
        found.append(text)
    if not found:
        raise EvalSetError(f"{file}: there is no address in it; got {len(lines)} lines. Write one address a line.")
    return tuple(dict.fromkeys(found))


def _sql(remote: Remote, file: Path, limits: Limits, findings: list[Finding]) -> RawFile:
    """Rows of a query as jsonl: columns ``id``, ``title``, ``text``; others become metadata."""
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    url = _url(remote.sql)
    if not _READS.match(remote.query) or ";" in remote.query.strip().rstrip(";"):
        raise EvalSetError(
            f"--query: one statement that reads is needed; got {remote.query.strip()[:80]!r}. Write SELECT id, title, "
            "text FROM ..."
        )
    try:
        engine = sqlalchemy.create_engine(url, hide_parameters=True)
        shown = engine.url.render_as_string(hide_password=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise EvalSetError(
            f"--sql: no database can be opened with it; got {_clean(error, url)}. Write dialect+driver://host/database "
            "and install its driver."
        ) from None
    place = engine.url.database or ""
    if engine.dialect.name == "sqlite" and place not in ("", ":memory:") and not Path(place).is_file():
        engine.dispose()
        raise EvalSetError(f"{shown}: there is no such database file. Check the path; a new one was not made.")
    try:
        with engine.connect() as connection:
            _read_only(connection, engine.dialect.name)
            connection = connection.execution_options(stream_results=True, max_row_buffer=1000)
            result = connection.execute(sqlalchemy.text(remote.query.replace(":", "\\:")))
            count = _write_rows(map(dict, result.mappings()), list(result.keys()), file, limits)
            connection.rollback()
    except SQLAlchemyError as error:
        raise EvalSetError(
            f"{shown}: the query failed; got {_clean(error, url)}. Correct it and run again; nothing was changed there."
        ) from None
    finally:
        engine.dispose()
    findings.append(Finding("snapshot", "info", f"{count:,} rows were read from {shown}", "sql.jsonl"))
    return RawFile("sql.jsonl", file.stat().st_size, file.read_bytes, alone=True)


def _url(said: str) -> str:
    """Return the URL that is written or that the environment variable of this name holds."""
    if "://" in said:
        if urlsplit(said).password:
            raise EvalSetError(
                "--sql: the URL holds a password. Put it into an environment variable and pass that variable's name."
            )
        return said
    url = os.environ.get(said, "") if said else ""
    if "://" not in url:
        raise EvalSetError(
            f"--sql: neither a URL nor an environment variable that holds one; got {said!r}. Set it, for example "
            f"export {said or 'DOCUMENTS_URL'}=postgresql+psycopg://user:password@host/database"
        )
    return url


def _read_only(connection: Any, dialect: str) -> None:
    """Tell the database that this transaction only reads, where it can be told."""
    statements = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET TRANSACTION READ ONLY",
        "mysql": "SET SESSION TRANSACTION READ ONLY",
        "mariadb": "SET SESSION TRANSACTION READ ONLY",
        "oracle": "SET TRANSACTION READ ONLY",
    }
    if dialect in statements:
        connection.exec_driver_sql(statements[dialect])
        if dialect in ("mysql", "mariadb"):
            connection.rollback()


def _write_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], file: Path, limits: Limits) -> int:
    folded = {name.casefold(): name for name in columns}
    missing = [name for name in ("id", "text") if name not in folded]
    if missing:
        raise EvalSetError(
            f"--query: the column {missing[0]!r} is missing; got {', '.join(columns)}. Name the columns, for example "
            "SELECT number AS id, heading AS title, body AS text."
        )
    count = size = 0
    with file.open("w", encoding="utf-8", errors="replace") as out:
        for row in rows:
            line = json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) + "\n"
            count, size = count + 1, size + len(line)
            if count > limits.rows or size > limits.total_bytes:
                raise EvalSetError(
                    f"--query: more than {limits.rows:,} rows or {limits.total_bytes:,} bytes. Add a WHERE or LIMIT, "
                    "or raise the limits 'rows' and 'total_bytes'."
                )
            out.write(line)
    if not count:
        raise EvalSetError("--query: it gives no row; got 0. Check its conditions.")
    return count


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def _clean(error: BaseException, url: str) -> str:
    """Return an error's first line without anything secret of the URL."""
    original = getattr(error, "orig", None) or error
    said = " ".join(str(original).split())[:300]
    for secret in {urlsplit(url).password or "", unquote(urlsplit(url).password or "")} - {""}:
        said = said.replace(secret, "***")
    return re.sub(r"//[^/@\s]*@", "//***@", said) or type(error).__name__


def _store(url: str, place: Path, limits: Limits, findings: list[Finding]) -> list[RawFile]:
    """Files below an fsspec URL, copied. ``file://`` is a local path like any other."""
    shown = re.sub(r"//[^/@\s]*@", "//***@", url)
    if "://" not in url:
        raise EvalSetError(f"--from: not a URL; got {shown!r}. Write for example s3://bucket/folder.")
    parts = urlsplit(url)
    if parts.scheme in ("file", "local"):
        files, found = collect([Path(unquote(parts.path))], limits)
        findings += found
        return files
    if parts.password:
        raise EvalSetError("--from: the URL holds a password. Give credentials in the environment instead.")
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
        listed = sorted((name, int(info.get("size") or 0)) for name, info in system.find(root, detail=True).items())
        if not listed:
            raise EvalSetError(f"{shown}: there is no file below it. Check the address and the credentials.")
        _bounded(shown, listed, limits)
        place.mkdir()
        files = []
        for number, (name, _) in enumerate(listed):
            target = place / str(number)
            system.get_file(name, str(target))
            short = name[len(root) :].strip("/") if name != root else name.rpartition("/")[2]
            path = safe_path(shown, short)
            files.append(RawFile(path, target.stat().st_size, target.read_bytes, name == root, parts.netloc or "store"))
    except (OSError, ValueError, ImportError, RuntimeError, NotImplementedError) as error:
        raise EvalSetError(
            f"{shown}: it cannot be read; got {type(error).__name__}: {_clean(error, url)}. Check the address, the "
            "credentials in the environment, and that the package for this protocol is installed."
        ) from None
    _bounded(shown, [(file.path, file.size) for file in files], limits)
    findings.append(Finding("snapshot", "info", f"{len(files):,} files were copied from {shown}"))
    return files


def _bounded(shown: str, listed: Sequence[tuple[str, int]], limits: Limits) -> None:
    total = sum(size for _, size in listed)
    if len(listed) > limits.files or total > limits.total_bytes:
        raise EvalSetError(
            f"{shown}: too much; got {len(listed):,} files with {total:,} bytes. At most {limits.files:,} files and "
            f"{limits.total_bytes:,} bytes are allowed (settings 'files', 'total_bytes')."
        )
    large = next((name for name, size in listed if size > limits.file_bytes), "")
    if large:
        raise EvalSetError(f"{shown}: the file {large} is larger than {limits.file_bytes:,} bytes ('file_bytes').")
