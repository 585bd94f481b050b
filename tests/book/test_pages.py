"""The book: it builds without a warning, so that no link leads nowhere, and its pieces of code are what they say they are."""

import ast
import json
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
SITE = ROOT / ".local/book"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(language):
    """Every block of this language: where it is, and its text without the indentation of a list around it."""
    for page in PAGES:
        text = page.read_text()
        for block in BLOCK.finditer(text):
            indent, found, body = block.groups()
            if found == language:
                line = text.count("\n", 0, block.start()) + 1
                yield f"{page.relative_to(ROOT)}:{line}", re.sub(f"(?m)^{indent}", "", body)


def all_pass(language, check):
    wrong, count = [], 0
    for place, body in blocks(language):
        count += 1
        try:
            check(body)
        except (SyntaxError, ValueError, subprocess.CalledProcessError) as error:
            wrong.append(f"{place}: {error}")
    assert count > 3, f"only {count} blocks of {language} were found"
    assert not wrong, "\n".join(wrong)


def test_the_book_builds_without_a_warning():
    # All pages are read anew: one that did not change may link to a heading that is gone.
    command = [sys.executable, "-m", "sphinx", "-q", "-a", "-E", "-W", "--keep-going", "-c", "docs/book", ".", str(SITE)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert (SITE / "docs/index.html").is_file()


def test_a_link_to_a_heading_that_is_not_there_ends_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# One\n\n[gone](#not-there) [gone](two.md)\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", ROOT / "docs/book", tmp_path, tmp_path / "site"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode != 0
    assert "not-there" in built.stderr and "two.md" in built.stderr, built.stderr


def test_json_parses():
    def check(body):
        # One document, one on each line, or keys of one.
        for text in ([body], body.splitlines(), [f"{{{body}}}"]):
            try:
                return [json.loads(part) for part in text]
            except ValueError as error:
                wrong = error
        raise wrong

    all_pass("json", check)


def test_toml_parses():
    # What the programs say to it, tests/clients/pages.py asks them.
    all_pass("toml", tomllib.loads)


def test_python_parses():
    all_pass("python", ast.parse)


def test_shell_parses():
    def check(body):
        subprocess.run(["bash", "-n"], input=body, text=True, check=True, capture_output=True)

    all_pass("sh", check)


def test_the_table_of_contents_lists_what_the_book_has():
    page = (ROOT / "docs/index.md").read_text()
    groups = re.findall(r":caption: (.*?)\n:hidden:\n(.*?)```", page, re.DOTALL)
    for caption, entries in groups:
        listed = re.search(rf"^## {caption}\n\n(.*?)\n\n", page, re.DOTALL | re.MULTILINE)[1]
        assert re.findall(r"^\* \[[^]]+\]\(([^)]+)\.md\)", listed, re.MULTILINE) == entries.split(), caption
    assert len(groups) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_says_what_it_is_about(page):
    lines = page.read_text().splitlines()
    assert re.match(r"# \S", lines[0]) and lines[1] == "", lines[:2]


def test_the_tests_that_the_threats_name_are_there():
    page = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`", page)
    files = [file for plane in ("tests", "dataplane", "controlplane") for file in (ROOT / plane).rglob("*.rs")]
    sources = "".join(file.read_text() for file in files)
    missing = [name for name in named if not re.search(rf"\b{name}\b", sources)]
    assert len(named) > 4 and not missing, missing
