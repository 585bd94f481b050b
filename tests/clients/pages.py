"""Holds every configuration that the pages show against the program that reads it: pages.py FLOOPY."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

FLOOPY = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A file of one plane alone that everything in one process has under another name.
ELSEWHERE = re.compile(r"^# \S+\.toml; in floopy\.toml it is (\[[\w.]+\])", re.MULTILINE)
VALUES = {"redis": "redis://h:6379", "postgres": "postgres://h/db", "clickhouse": "http://h:8123/db"}


def as_floopy(text):
    """The block as floopy.toml would have it; nothing where it is for planes apart only."""
    if found := ELSEWHERE.search(text):
        own = found[1]
        return re.sub(r"^\[\w+\]", own, text, count=1, flags=re.MULTILINE)
    if re.match(r"# (dataplane|controlplane|judge)\.toml", text):
        return None
    if "in the tenant's entry" in text:
        return f'[[tenants]]\nid = "acme"\n{text}'
    return text


def refused(text):
    """What the program says against it."""
    variables = dict(os.environ)
    for name in re.findall(r'"env:(\w+)"', text):
        known = (value for part, value in VALUES.items() if part in name.lower())
        variables[name] = next(known, "0123456789abcdef" * 4)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "floopy.toml"
        file.write_text(text)
        command = [FLOOPY, "check", "--config", file]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    return done.stderr + done.stdout if done.returncode else ""


wrong, checked = [], 0
for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
    for block in BLOCK.findall(page.read_text()):
        text = as_floopy(block)
        if text is not None:
            checked += 1
            if said := refused(text):
                wrong.append(f"{page.name}: {said}\n{block}")
assert checked > 20, checked
assert not wrong, "\n".join(wrong)
