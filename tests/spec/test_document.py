import json

import pytest

from ragscout.model.errors import SpecError
from ragscout.spec.document import read


def test_yaml_1_2_and_not_1_1() -> None:
    text = "a: no\nb: 012\nc: 1e-3\nd: 0o14\ne: yes\nf: 1:30\ng: 2020-01-01\n"
    text += "h: 10%\ni: true\nj: ~\nk: '5'\nl: 0x1F\nm: on\n"
    assert read(text, "f").data == {
        "a": "no",
        "b": 12,
        "c": 0.001,
        "d": 12,
        "e": "yes",
        "f": "1:30",
        "g": "2020-01-01",
        "h": "10%",
        "i": True,
        "j": None,
        "k": "5",
        "l": 31,
        "m": "on",
    }


def test_places_and_raw_numbers() -> None:
    document = read("a:\n  - b: 1.10\n  - {c: 연차}\n", "f.yaml")
    assert document.data == {"a": [{"b": 1.1}, {"c": "연차"}]}
    assert document.at("a[0].b") == "f.yaml:2:5: a[0].b"
    assert document.at("a[1].c") == "f.yaml:3:6: a[1].c"
    assert document.at("a[1].absent.deep") == "f.yaml:3:5: a[1].absent.deep"
    assert document.text(document.data["a"][0]["b"], "a[0].b") == "1.10"


def test_anchors_are_plain_values() -> None:
    assert read("a: &x [1, 2]\nb: *x\n", "f").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "f:1:4: a bracket is not closed; got"),
        ("a: b: c", "f:1:5: this is not YAML; got 'mapping values are not allowed here'"),
        ("\ta: 1", "f:1:1: a tab in the indentation; got"),
        ("a: 'x", "f:1:4: a quote is not closed; got"),
        ("a: *x", "f:1:4: this is not YAML; got"),
        ("a: 1\n---\nb: 2", "f:2:1: this is not YAML; got"),
        ("a: 1\nb: 2\na: 3", "f:3:1: the key stands here twice; got 'a'. Remove one of the two."),
        ("a: {b: 1, b: 2}", "f:1:11: the key stands here twice; got 'b'."),
        ("%YAML 1.1\n---\na: no", "f:1:1: a YAML directive; got '%'."),
        ("a: !!python/object/apply:os.system ['echo']", "f:1:4: a tag; got"),
        ("a: !secret x", "f:1:4: a tag; got"),
        ("a: {<<: {b: 1}}", "f:1:5: a key must be a plain name; got '<<'."),
        ("? [a, b]\n: c", "f:1:3: a key must be a plain name; got"),
        ("a: .nan", "f:1:4: not a finite number; got '.nan'."),
        ("a: -.inf", "f:1:4: not a finite number; got '-.inf'."),
        ("&a [*a]", "the file is too large or too deep; got"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text, "f")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_growing_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(SpecError, match="the file is too large or too deep"):
        read("\n".join(lines), "f")


def test_a_character_beyond_the_basic_plane_may_be_escaped_as_json_does() -> None:
    assert read(json.dumps({"sweep": "\U0001f600", "\U00010328": 1}), "f.yaml").data == {
        "sweep": "\U0001f600",
        "\U00010328": 1,
    }


@pytest.mark.parametrize("text", ['sweep: "\\ud800"', '{"\\udc00": 1}'])
def test_half_a_character_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(SpecError, match=r"f\.yaml:1:\d+: half of a character"):
        read(text, "f.yaml")


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(SpecError, match=r"f\.yaml:1:4: a number of too many digits; got 6000 digits"):
        read(f"n: {'9' * 6000}", "f.yaml")
