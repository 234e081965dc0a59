"""YAML that surprises is refused, and what looks odd stays what was written."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from desired_state.reading.parse import NESTING_LIMIT, Parsed, parse
from desired_state.reading.source import Source
from desired_state.reading.tree import YamlValue, place_of_key, place_of_value


def parsed(text: str) -> Parsed:
    return parse(Source(file="f.yaml", text=text))


def value_of(plain: str) -> YamlValue:
    """What a plain scalar becomes as a value in a block mapping."""
    result = parsed(f"key: {plain}\n")
    assert result.diagnostics == ()
    return result.documents[0]["key"]


def refusal(text: str) -> str:
    return "\n\n".join(found.render() for found in parsed(text).diagnostics)


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("123456789012", 123456789012),
        ("1.5", 1.5),
        ("-0.25", -0.25),
    ],
)
def test_only_these_plain_scalars_are_more_than_text(plain: str, value: YamlValue) -> None:
    assert value_of(plain) == value
    assert type(value_of(plain)) is type(value)


@pytest.mark.parametrize(
    "plain",
    [
        "no", "No", "yes", "on", "off", "y", "True", "FALSE", "Null", "NULL",
        "012", "0x1F", "0o17", "0b1", "+5", "1_000", "12:30:00", "1e5", "1.", ".5", ".inf", ".nan",
        "2026-04-21", "1,000", "9" * 19, "--1", "=", "10m", "12345678901234567890.5",
    ],
)  # fmt: skip
def test_everything_else_that_is_plain_stays_text(plain: str) -> None:
    assert value_of(plain) == plain


@pytest.mark.parametrize("quoted", ['"true"', "'1'", '"~"', "''", '"1.5"'])
def test_what_is_quoted_is_text(quoted: str) -> None:
    assert value_of(quoted) == quoted[1:-1]


def test_each_key_value_and_item_knows_its_place() -> None:
    (document,) = parsed("a:\n  b: [x, {c: 1}]\n  é: |\n    text\nd:\n").documents
    assert place_of_key(document, ["a"]) == (1, 1)
    assert place_of_value(document, ["a"]) == (2, 3)
    assert place_of_value(document, ["a", "b", 0]) == (2, 7)
    assert place_of_key(document, ["a", "b", 1, "c"]) == (2, 11)
    assert place_of_value(document, ["a", "b", 1, "c"]) == (2, 14)
    assert place_of_value(document, ["a", "é"]) == (3, 6)
    assert place_of_value(document, ["d"]) == (5, 1), "a key without a value is where the key is"


def test_a_duplicate_key_is_refused_with_its_position() -> None:
    assert refusal("a: 1\nb:\n  count: 3\n  count: 300\n") == dedent("""\
        f.yaml:4:3: error: duplicate key 'count', first on line 3
              count: 300
              ^
            remove one""")


def test_a_key_is_a_duplicate_however_it_is_quoted() -> None:
    assert "duplicate key 'a'" in refusal('a: 1\n"a": 2\n')
    assert "duplicate key 'a'" in refusal("{a: 1, 'a': 2}")


def test_anchors_and_aliases_are_refused_each_at_its_place() -> None:
    assert refusal("a: &here {b: 1}\nc: *here\n") == dedent("""\
        f.yaml:1:4: error: the anchor `&here` is not allowed
            a: &here {b: 1}
               ^
            write the value out where it is used

        f.yaml:2:4: error: the alias `*here` is not allowed
            c: *here
               ^
            write the value out where it is used""")


def test_an_alias_is_refused_wherever_it_stands() -> None:
    assert "alias `*a`" in refusal("*a : 1\n")
    assert "alias `*a`" in refusal("- *a\n")
    assert "anchor `&a`" in refusal("&a key: 1\n")
    assert "anchor `&a`" in refusal("k: &a text\n")


def test_a_bomb_of_aliases_costs_nothing() -> None:
    lines = ["a0: &a0 [x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
    ]
    assert "the anchor `&a0` is not allowed" in refusal("\n".join(lines))


def test_a_merge_key_is_refused() -> None:
    assert refusal("<<: {a: 1}\n") == dedent("""\
        f.yaml:1:1: error: the merge key `<<` is not allowed
            <<: {a: 1}
            ^
            write the value out where it is used""")


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert parsed('"<<": 1\n').documents[0] == {"<<": 1}


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!str", "!!int", "!Ref", "!"])
def test_a_tag_is_refused(tag: str) -> None:
    assert refusal(f"a: {tag} x\n").startswith(f"f.yaml:1:4: error: the tag '{tag}' is not allowed")


@pytest.mark.parametrize("key", ["1", "true", "null", "~", "1.5"])
def test_a_key_that_is_not_text_is_refused(key: str) -> None:
    assert refusal(f"a: 1\n{key}: 2\n") == dedent(f"""\
        f.yaml:2:1: error: a key must be a string, not '{key}'
            {key}: 2
            ^
            put it in quotes: "{key}\"""")


def test_a_list_as_a_key_is_refused() -> None:
    assert "f.yaml:1:3: error: a key must be a string, not a list or a mapping" in refusal(
        "? [a, b]\n: 1\n"
    )


def nested(depth: int) -> str:
    return "a: " + "[" * (depth - 1) + "]" * (depth - 1)


def test_nesting_is_limited() -> None:
    assert parsed(nested(NESTING_LIMIT)).diagnostics == ()
    message = f"nested more than {NESTING_LIMIT} levels deep"
    assert message in refusal(nested(NESTING_LIMIT + 1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "? " * 5000,
        "\n".join(" " * level + "a:" for level in range(5000)),
    ],
    ids=["lists", "mappings", "dashes", "questions", "indentation"],
)
def test_5000_levels_get_one_clear_error(text: str) -> None:
    (diagnostic,) = parsed(text).diagnostics
    assert diagnostic.message == f"nested more than {NESTING_LIMIT} levels deep"


@pytest.mark.parametrize("text", ["[a, b]", "just text", "42", "null", "- a\n- b"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert refusal(text).startswith(
        "f.yaml:1:1: error: a document must be a mapping that begins with `apiVersion` and `kind`"
    )


def test_nothing_between_separators_is_no_document() -> None:
    result = parsed("---\n# nothing here\n---\na: 1\n---\n")
    assert result.diagnostics == ()
    assert result.documents == ({"a": 1},)


def test_control_characters_cannot_be_smuggled_in_by_escapes() -> None:
    assert refusal('a: "x\\0y"\n') == dedent("""\
        f.yaml:1:4: error: the text holds a control character
            a: "x\\0y"
               ^
            remove the escape""")


def test_a_file_of_one_error_repeated_is_not_read_to_its_end() -> None:
    diagnostics = parsed("a: 1\n" * 100_000).diagnostics
    assert len(diagnostics) == 101
    assert diagnostics[-1].message == "too many errors: the rest of the file is not read"


def test_a_file_of_endless_documents_is_not_read_to_its_end() -> None:
    (diagnostic,) = parsed("---\n{}\n" * 2000).diagnostics
    assert diagnostic.message == "more than 1000 documents: the rest of the file is not read"


SYNTAX_ERRORS = {
    "a: b: c": """\
f.yaml:1:5: error: a `: ` cannot stand here
    a: b: c
        ^
    check the indentation of this line and the one above, or put the text in quotes""",
    "a:\n\tb: 1": """\
f.yaml:2:1: error: a tab cannot indent
     b: 1
    ^
    use spaces""",
    "a: [1, 2\nb: 3": """\
f.yaml:2:2: error: the list that begins on line 1 needs a `,` or a `]` here
    b: 3
     ^""",
    "a: {b: 1\nc: 2": """\
f.yaml:2:2: error: the mapping that begins on line 1 needs a `,` or a `}` here
    c: 2
     ^""",
    "a: 'x\nb: 1": """\
f.yaml:1:4: error: the quoted text that begins here does not end
    a: 'x
       ^
    close it, or double a quote that is part of it""",
    "a: @x": """\
f.yaml:1:4: error: '@' cannot begin a value
    a: @x
       ^
    put the value in quotes""",
    "a: *": """\
f.yaml:1:4: error: `*` and `&` cannot begin a value
    a: *
       ^
    put the value in quotes""",
    "a: ]": """\
f.yaml:1:4: error: a value cannot begin so
    a: ]
       ^
    put the value in quotes""",
    "a: [1,\n\n": """\
f.yaml:3:1: error: the file ends in the middle of a list or a mapping""",
    "a: 1\nkey\nb: 2": """\
f.yaml:3:1: error: a key without `:`
    b: 2
    ^
    write `key: value`, with a space after the colon""",
    "a:\n  b: 1\n c: 2": """\
f.yaml:3:2: error: this does not fit the mapping that begins on line 1
     c: 2
     ^
    check the indentation and the quotes""",
    "- a\nb: 1": """\
f.yaml:2:1: error: this does not fit the list that begins on line 1
    b: 1
    ^
    check the indentation and the quotes""",
}


@pytest.mark.parametrize("text", SYNTAX_ERRORS)
def test_a_syntax_error_says_what_to_do(text: str) -> None:
    assert refusal(text) == SYNTAX_ERRORS[text]


def test_without_libyaml_the_pure_python_parser_gives_the_same() -> None:
    program = dedent("""\
        import sys
        sys.modules["yaml._yaml"] = None  # What Python finds where PyYAML was built without libyaml.
        from desired_state.reading.parse import parse
        from desired_state.reading.source import Source
        import yaml
        assert not yaml.__with_libyaml__
        result = parse(Source(file="f.yaml", text=sys.stdin.read()))
        print([dict(document) for document in result.documents])
        print("\\n\\n".join(found.render() for found in result.diagnostics))
        """)
    text = "a: [1, no, 012]\nb: &x {c: true}\nb: 2\n"
    completed = subprocess.run(
        [sys.executable, "-c", program], input=text, capture_output=True, text=True, check=True
    )
    documents = [dict(document) for document in parsed(text).documents]
    assert completed.stdout == f"{documents}\n{refusal(text)}\n"
