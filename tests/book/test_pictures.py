"""The pictures are those that the code draws, from the constants that stand in the sources, and the table beside them too."""

import importlib.util
import pathlib
import re
import xml.etree.ElementTree as tree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("figures", ROOT / "docs/book/figures.py")
figures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(figures)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_picture_is_the_one_that_is_drawn(name):
    committed = (figures.PICTURES / f"{name}.svg").read_text()
    assert committed == figures.FIGURES[name]().svg(), "run: python docs/book/figures.py"
    assert tree.fromstring(committed).find("{http://www.w3.org/2000/svg}title").text


def test_the_table_of_weights_is_the_codes():
    page = (ROOT / "docs/learning.md").read_text()
    tables, _ = figures.constants()
    for phase, weights in tables.items():
        row = re.search(rf"\| `{phase.lower()}` \|[^|]*\|(.*)\|", page)[1]
        told = [float(cell) for cell in row.split("|")]
        assert told == [weights[key] for key in ("session", "auto", "manual", "benchmark")], phase


def test_every_picture_is_shown():
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    assert all(f"](pictures/{file.name})" in pages for file in figures.PICTURES.iterdir())
