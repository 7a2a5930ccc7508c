"""A PostgreSQL server for the tests, where its programs are installed: own folder, loopback, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian puts them, the newest first."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return debian[-1].parent if debian else None


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database on a free loopback port.

    PostgreSQL refuses to run as root: root runs it as the user ``postgres`` that its package makes.
    """
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="ragscout-postgres-") as folder:
        if prefix:
            shutil.chown(folder, "postgres", "postgres")
        data, port = f"{folder}/data", _free_port()
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        control = [*prefix, str(binaries / "pg_ctl"), "-D", data, "-w", "-s"]
        subprocess.run(
            [*prefix, str(binaries / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        subprocess.run([*control, "-l", f"{folder}/log", "-o", options, "start"], check=True, cwd="/")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
