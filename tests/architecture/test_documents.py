"""Documents lead somewhere: every relative link points at a file that is there, and at a heading in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.architecture.violations import assert_none
from tests.support.repository import ROOT, files

LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def broken_links(documents: Iterable[Path]) -> list[str]:
    return [
        f"{document}: {target}"
        for document in documents
        for target in LINK.findall(CODE.sub("", document.read_text(encoding="utf-8")))
        if not resolves(document, target)
    ]


def resolves(document: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True
    path = document if not parts.path else (document.parent / unquote(parts.path))
    if not path.exists():
        return False
    return not parts.fragment or path.suffix != ".md" or parts.fragment in anchors(path)


def anchors(document: Path) -> set[str]:
    """Headings as hosts of repositories turn them into anchors."""
    text = re.sub(
        r"^( *)```.*?^\1```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def test_every_link_leads_somewhere() -> None:
    assert_none(broken_links(files(".md")))


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# Two words: `and-code`\n", encoding="utf-8")
    document = tmp_path / "README.md"
    document.write_text(
        "# Here\n"
        "[good](there.md) [heading](there.md#two-words-and-code) [own](#here) [web](https://e.org/x)\n"
        "`[not](a-link.md)`\n"
        "```\n[nor](this.md)\n```\n"
        "[gone](gone.md) [no such heading](there.md#three) ![picture](gone.svg)\n",
        encoding="utf-8",
    )

    assert broken_links([document]) == [
        f"{document}: gone.md",
        f"{document}: there.md#three",
        f"{document}: gone.svg",
    ]


def test_the_plan_in_the_readme_is_a_golden_one() -> None:
    """What the README shows is what the planner and the renderer make today."""
    shown = re.search(
        r"<!-- golden: (\w+) -->\n```\n(.*?)\n```",
        (ROOT / "README.md").read_text("utf-8"),
        re.DOTALL,
    )
    assert shown is not None
    golden = ROOT / "tests" / "golden" / "cases" / shown[1] / "plan.txt"
    assert shown[2] == golden.read_text("utf-8").rstrip("\n")
