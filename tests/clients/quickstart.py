"""Runs the programs that the quickstart shows, as it shows them: quickstart.py BASE_URL KEY curl|python|typescript|rust."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

BASE_URL, KEY, CHECK = sys.argv[1:4]
ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "tests/clients/typescript/node_modules"
RUST = ROOT / ".local/bin/floopy-rust-quickstart"
# A decision is recorded a moment after its reply.
PATIENCE, PAUSE = 15, 0.05
COMPILE = "--strict --target es2022 --module nodenext --types node --outDir .".split()


def programs():
    """What the page shows, by the name that stands before it."""
    page = (ROOT / "docs/quickstart.md").read_text()
    return dict(re.findall(r"`(\w+\.(?:sh|py|ts|rs))`[^\n]*:\n\n```\w+\n(.*?)```", page, re.DOTALL))


def run(command, folder):
    variables = {**os.environ, "FLOOPY_URL": BASE_URL.removesuffix("/v1"), "FLOOPY_API_KEY": KEY}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def passes(command, folder):
    code, said, wrong = run(command, folder)
    assert code == 0, (command, code, said, wrong)
    return said


def eventually(command, folder):
    until = time.monotonic() + PATIENCE
    while True:
        code, said, wrong = run(command, folder)
        if code == 0 and said.strip():
            return said
        assert time.monotonic() < until, (command, code, said, wrong)
        time.sleep(PAUSE)


def curl(folder):
    asked = passes(["bash", "-eu", "ask.sh"], folder)
    assert '"choices"' in asked and '"duplicate"' in asked, asked
    return eventually(["bash", "-eu", "why.sh"], folder)


def python(folder):
    request_id = passes([sys.executable, "ask.py"], folder).split()[-1]
    return eventually([sys.executable, "why.py", request_id], folder)


def typescript(folder):
    (folder / "node_modules").symlink_to(PACKAGES)
    (folder / "package.json").write_text('{"type": "module"}')
    passes([PACKAGES / ".bin/tsc", *COMPILE, "ask.ts", "why.ts"], folder)
    request_id = passes(["node", "ask.js"], folder).split()[-1]
    return eventually(["node", "why.js", request_id], folder)


def rust(folder):
    built = (ROOT / "tests/clients/rust/src/bin/floopy-rust-quickstart.rs").read_text()
    assert (folder / "main.rs").read_text() == built, "the page shows another program than the one that was built"
    assert "Some" in passes([RUST], folder)
    return eventually([RUST, "why"], folder)


with tempfile.TemporaryDirectory() as name:
    at = pathlib.Path(name)
    for file, text in programs().items():
        (at / file).write_text(text)
    explained = {"curl": curl, "python": python, "typescript": typescript, "rust": rust}[CHECK](at)
    assert re.search(r"\bsim[/-]", explained), explained
