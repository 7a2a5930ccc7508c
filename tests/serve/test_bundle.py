from __future__ import annotations

import json
import shutil
import socket
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from measured import ROW, Measured

from ragscout.model.errors import BundleError
from ragscout.model.outcome import Answer
from ragscout.serve import Pipeline, export, load
from ragscout.serve.archive import CHECKSUMS, seal
from ragscout.serve.recorded import Expected
from ragscout.spec import Connection


def names(path: Path) -> set[str]:
    return {item.relative_to(path).as_posix() for item in path.rglob("*") if item.is_file()}


@pytest.fixture
def folder(korean: Measured, tmp_path: Path) -> Path:
    return korean.export(tmp_path / "handbook.bundle")


@pytest.fixture
def archive(korean: Measured, tmp_path: Path) -> Path:
    return korean.export(tmp_path / "handbook.zip")


def test_folder_holds_what_it_says(folder: Path, korean: Measured) -> None:
    assert {"bundle.json", "questions.jsonl", "README.md", CHECKSUMS} <= names(folder)
    made = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    assert made["format"] == 1
    assert made["key"] == korean.configuration.key
    assert made["steps"]["chunk"] == {"name": "characters", "version": 1, "parameters": {"size": 300, "overlap": 30}}
    assert made["nodes"] == {stage: node.key for stage, node in korean.configuration.nodes.items()}
    assert made["eval_set"] == {
        "name": "handbook-ko",
        "version": 1,
        "digest": korean.eval_set.digest,
        "questions": len(korean.eval_set.development),
    }
    assert made["corpus"] == {"digest": korean.configuration.source.key, "files": 8}
    assert made["sweep"] == {"id": "test-0123", "name": "test"}
    assert made["scores"] == ROW
    assert made["values"] == ["chunk", "lexicon"]
    assert made["libraries"].keys() >= {"ragscout", "python", "bm25s", "PyStemmer"}
    assert made["connections"] == made["network"] == made["models"] == []
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "ragscout ask BUNDLE" in readme
    assert "| bleu | 0.250 | 0.100 to 0.400 | 4 of 4 |" in readme


def test_loads_as_the_same_configuration(folder: Path, archive: Path, korean: Measured) -> None:
    for path in (folder, archive):
        bundle = load(path)
        assert bundle.configuration.key == korean.configuration.key
        assert dict(bundle.configuration.steps) == dict(korean.configuration.steps)
        assert [metric.key({}) for metric in bundle.metrics] == [metric.key({}) for metric in korean.metrics]
        assert bundle.differences == ()
    assert load(folder).digest == load(archive).digest


def test_equal_content_gives_equal_archives(korean: Measured, tmp_path: Path) -> None:
    first, second = korean.export(tmp_path / "a.zip"), korean.export(tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_path_of_this_machine_no_pickle(english: Measured, tmp_path: Path) -> None:
    path = english.export(tmp_path / "handbook.bundle")
    for item in path.rglob("*"):
        if item.is_file():
            data = item.read_bytes()
            for place in (str(tmp_path), english.store.location, str(Path.home()) + "/", socket.gethostname()):
                assert place.encode() not in data, f"{item.name} holds {place}"
            assert not data.startswith(b"\x80\x04"), f"{item.name} is a pickle"
    assert not [name for name in names(path) if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_hold_out_questions_are_never_written(korean: Measured, tmp_path: Path) -> None:
    shown = {question.id for question in korean.eval_set.development}
    held = [question for question in korean.eval_set.questions_ if question.id not in shown]
    assert held, "the fixture holds some questions out"
    every = {question.id: Expected(Answer("?")) for question in korean.eval_set.questions_}
    path = korean.export(tmp_path / "handbook.bundle", expected=every)
    text = "".join(item.read_text(encoding="utf-8") for item in path.rglob("*.json*"))
    for question in held:
        assert question.text not in text
    assert korean.questions[0].text in text


def test_without_questions_none_is_written(korean: Measured, tmp_path: Path) -> None:
    path = korean.export(tmp_path / "handbook.bundle", questions=False)
    assert "questions.jsonl" not in names(path)
    with pytest.raises(BundleError, match="holds no questions"):
        load(path).questions()


def test_a_bundle_takes_the_place_of_a_bundle(folder: Path, korean: Measured) -> None:
    before = names(folder)
    (folder / "index" / "chunk" / "left-over").write_text("old")
    assert korean.export(folder) == folder
    assert names(folder) == before
    assert [item.name for item in folder.parent.iterdir()] == ["handbook.bundle"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_else_is_overwritten(korean: Measured, tmp_path: Path, kind: str) -> None:
    target = tmp_path / ("precious" if kind == "folder" else "precious.zip")
    if kind == "folder":
        target.mkdir()
        (target / "thesis.txt").write_text("years of work")
    else:
        target.write_text("years of work")
    with pytest.raises(BundleError, match="something here that is not a bundle"):
        korean.export(target)
    kept = target / "thesis.txt" if kind == "folder" else target
    assert kept.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupted_export_leaves_the_old_bundle(folder: Path, korean: Measured) -> None:
    before = (folder / CHECKSUMS).read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        korean.export(folder, row={"mean": float("nan")})
    assert (folder / CHECKSUMS).read_bytes() == before
    assert [item.name for item in folder.parent.iterdir()] == ["handbook.bundle"]


def test_a_secret_in_a_document_is_noticed(korean: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragscout.serve import manifest

    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "note.md").write_text("the key is s3cr3t-value-0001")
    monkeypatch.setenv("SOME_KEY", "s3cr3t-value-0001")
    with pytest.raises(BundleError, match=r"note\.md would hold a secret") as caught:
        manifest.refuse_secrets(tmp_path / "b", [Connection("gpt", "openai", model="gpt-x", key_env="SOME_KEY")])
    assert "s3cr3t" not in str(caught.value)


def test_a_password_in_an_address_is_refused() -> None:
    from ragscout.serve import manifest

    bad = Connection("gpt", "openai", base_url="https://me:hunter22@example.invalid/v1", model="x")
    with pytest.raises(BundleError, match="holds a name or password") as caught:
        manifest.connections_plain([bad], {})
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("name", ["bundle.json", "index/chunk/value.arrow", "questions.jsonl", "README.md"])
def test_damage_is_named(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).chmod(0o644)
    (folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        load(folder)


def test_missing_added_and_linked_files_are_named(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "questions.jsonl").unlink()
    with pytest.raises(BundleError, match=r"is missing; got questions\.jsonl"):
        load(copy)
    shutil.copyfile(folder / "questions.jsonl", copy / "questions.jsonl")
    load(copy)
    (copy / "index" / "extra.py").write_text("print()")
    with pytest.raises(BundleError, match=r"does not belong to it; got index/extra\.py"):
        load(copy)
    (copy / "index" / "extra.py").unlink()
    (copy / "README.md").unlink()
    (copy / "README.md").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match=r"is a link or a special file; got README\.md"):
        load(copy)


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file or folder"):
        load(tmp_path / "absent")
    with pytest.raises(BundleError, match="not a bundle"):
        load(tmp_path)
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(BundleError, match="archive is damaged"):
        load(tmp_path / "text.zip")


def changed(folder: Path, **values: object) -> Path:
    """The bundle with other values in its manifest, sealed again."""
    made = json.loads((folder / "bundle.json").read_text(encoding="utf-8")) | values
    (folder / "bundle.json").write_text(json.dumps(made), encoding="utf-8")
    (folder / CHECKSUMS).unlink()
    seal(folder)
    return folder


def test_another_format_or_step_version_is_refused(folder: Path) -> None:
    steps = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["steps"]
    with pytest.raises(BundleError, match=r"format 99.*Install the ragscout"):
        load(changed(folder, format=99))
    steps["generate"]["version"] = 7
    with pytest.raises(BundleError, match=r"version 7 of generate\.extractive"):
        load(changed(folder, format=1, steps=steps))
    assert load(folder, strict=False).configuration.steps["generate"].version == 1


def test_other_library_versions_are_said(folder: Path) -> None:
    libraries = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["libraries"]
    bundle = load(changed(folder, libraries=libraries | {"bm25s": "0.0.1"}))
    assert any(note.startswith("bm25s was 0.0.1 when this was measured") for note in bundle.differences)


@pytest.mark.parametrize("values", [{"steps": None}, {"steps": {"chunk": {}}}, {"values": ["../x"]}, {"eval_set": 1}])
def test_a_misshaped_manifest_is_one_clear_error(folder: Path, values: dict[str, object]) -> None:
    if "eval_set" in values:
        load(changed(folder, **values))  # facts for people may be anything
    else:
        with pytest.raises(BundleError):
            load(changed(folder, **values))


def rewritten(archive: Path, target: Path, **extra: bytes) -> Path:
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as sink:
        for info in source.infolist():
            sink.writestr(info.filename, source.read(info))
        for name, data in extra.items():
            sink.writestr(name, data)
    return target


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:evil.txt", "a\\..\\evil.txt", "con./x"]
)
def test_names_that_lead_out_are_refused(archive: Path, tmp_path: Path, name: str) -> None:
    path = rewritten(archive, tmp_path / "evil.zip", **{name: b"x"})
    with pytest.raises(BundleError, match="a name that leads out of it"):
        load(path)
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_links_in_archives_are_refused(archive: Path, tmp_path: Path) -> None:
    path = rewritten(archive, tmp_path / "link.zip")
    with zipfile.ZipFile(path, "a") as sink:
        info = zipfile.ZipInfo("index/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        sink.writestr(info, "/etc/passwd")
    with pytest.raises(BundleError, match="is a link or a special file; got index/link"):
        load(path)


def test_a_file_twice_or_unlisted_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is there twice; got README\.MD"):
        load(rewritten(archive, tmp_path / "twice.zip", **{"README.MD": b"x"}))
    with pytest.raises(BundleError, match=r"does not belong to it; got more\.txt"):
        load(rewritten(archive, tmp_path / "more.zip", **{"more.txt": b"x"}))


def test_a_bomb_is_refused_before_it_is_unpacked(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragscout.serve.archive.FREE_BYTES", 1 << 16)
    bomb = tmp_path / "bomb"
    with zipfile.ZipFile(archive) as source:
        source.extractall(bomb)
    (bomb / "zeros.bin").write_bytes(bytes(64 << 20))
    (bomb / CHECKSUMS).unlink()
    seal(bomb)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as sink:
        for item in sorted(bomb.rglob("*")):
            if item.is_file():
                sink.write(item, item.relative_to(bomb).as_posix())
    with pytest.raises(BundleError, match="unpacks to far more than it should"):
        load(path)


def test_a_file_that_lies_about_its_size_is_refused(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    data = bytearray(archive.read_bytes())
    place = data.index(b"README.md", data.index(b"PK\x01\x02")) - 46
    size = struct.unpack_from("<I", data, place + 24)[0]
    struct.pack_into("<I", data, place + 24, size - 5)
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"README\.md|damaged"):
        load(path)


def test_a_damaged_archive_is_named(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    place = data.index(b"README.md") + 200
    data[place] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(BundleError):
        load(archive)


def test_unpacked_files_go_away(archive: Path) -> None:
    bundle = load(archive)
    folder = bundle.folder
    assert folder.is_dir()
    del bundle
    assert not folder.exists()


def test_a_value_that_is_not_in_the_store(korean: Measured, tmp_path: Path) -> None:
    from measured import configuration, lexical

    other = configuration(korean.eval_set, lexical() | {"chunk": ("characters", {"size": 200})})
    with pytest.raises(BundleError, match="the chunk value of this configuration is not in the store"):
        export(
            other,
            store=korean.store,
            opening=korean.opening,
            eval_set=korean.eval_set,
            row=None,
            path=tmp_path / "x.zip",
        )
    assert not list(tmp_path.iterdir())


def test_prompts_are_files_that_people_read(korean: Measured, tmp_path: Path) -> None:
    from measured import configuration, lexical

    text = "Answer from the passages.\n\n{{ passages }}\n질문: {{ question }}\n"
    other = configuration(korean.eval_set, lexical() | {"prompt": ("template", {"text": text, "passages": 2})})
    options = {"store": korean.store, "opening": korean.opening, "eval_set": korean.eval_set, "row": None}
    path = export(other, path=tmp_path / "own", **options)
    assert (path / "prompts" / "prompt.text.md").read_text(encoding="utf-8") == text
    assert load(path).configuration.key == other.key
    (path / "prompts" / "prompt.text.md").write_text("Obey.\n{{ question }}{{ passages }}")
    with pytest.raises(BundleError, match=r"prompts/prompt\.text\.md"):
        load(path)
    packaged = korean.export(tmp_path / "packaged")
    assert "{{" in (packaged / "prompts" / "packaged.ko.md").read_text(encoding="utf-8")
    (packaged / "prompts" / "packaged.ko.md").write_text("another one")
    (packaged / CHECKSUMS).unlink()
    seal(packaged)
    with pytest.raises(BundleError, match="another packaged prompt"):
        Pipeline.load(packaged)
