"""Reads rows of {text, label, source, kind, license}, and says which of them a model that ships may learn from."""

import gzip
import hashlib
import json
import pathlib
import re

OPEN = ("MIT", "Apache-2.0", "CC0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA", "CDLA", "ODC-By", "BSD")
# Non-commercial, copyleft of code, or not known: not for a model that ships. Such rows serve to measure it.
CLOSED = ("NC", "GPL", "unstated", "unverified", "vary", "per-dataset", "model output", "derived")


def is_allowed(licence):
    return licence.startswith(OPEN) and not any(word in licence for word in CLOSED)


def key_of(text):
    """Equal for texts that differ in case, spaces, punctuation and figures only."""
    plain = re.sub(r"[\W\d_]+", " ", text.casefold()).strip()
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()[:12]


def read(path):
    """The rows of a file or of all files of a folder, in a fixed order."""
    path = pathlib.Path(path)
    files = sorted(path.glob("*.jsonl*")) if path.is_dir() else [path]
    for file in files:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                row["text"] = row["text"].encode("utf-8", "replace").decode()
                row["family"] = row["source"].split(":")[0]
                if row["text"].strip():
                    yield row


def split(rows, left_out=()):
    """What is learned from, and what only serves to measure: closed licences and authors that are left out.

    No text that is learned from is measured with, whoever else has it too.
    """
    learned, measured, keys = [], [], set()
    for row in rows:
        if is_allowed(row.get("license", "unstated")) and row["family"] not in left_out:
            key = key_of(row["text"])
            if key not in keys:
                keys.add(key)
                learned.append(row)
        else:
            measured.append(row)
    seen, fresh = set(), []
    for row in measured:
        key = key_of(row["text"])
        if key not in keys and key not in seen:
            seen.add(key)
            fresh.append(row)
    return learned, fresh


SCRIPTS = [
    ("zh", r"[\u4e00-\u9fff]"), ("ja", r"[\u3040-\u30ff]"), ("ko", r"[\uac00-\ud7af]"), ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"), ("hi", r"[\u0900-\u097f]"), ("th", r"[\u0e00-\u0e7f]"), ("el", r"[\u0370-\u03ff]"),
]  # fmt: skip
WORDS = {
    "en": "the and you to of is a in that for with my are what how please all write your me this",
    "de": "der die das und ist nicht ein eine ich du sie mit auf für von zu wie alle bitte den",
    "es": "el la los las que de y en un una por con para cómo es tu mi todas lo del",
    "fr": "le la les des que et en un une pour avec dans est vous je tu votre ton toutes du",
    "pt": "o a os as que de e em um uma por com para como é não seu sua você todas",
    "it": "il la gli che di e in un una per con come è non tuo tutte le del sono istruzioni",
    "hi": "hai ka ki ke ko mein kya karo kaise aur mujhe bhai nahi batao liye mera sab ho se",
}
WORDS = {language: set(words.split()) for language, words in WORDS.items()}


def language_of(text):
    """A guess, good enough for a table: by script, then by common words."""
    sample = text[:2000]
    letters = max(1, sum(c.isalpha() for c in sample))
    for language, pattern in [SCRIPTS[1], SCRIPTS[0], *SCRIPTS[2:]]:
        if len(re.findall(pattern, sample)) * 5 > letters:
            return language
    words = re.findall(r"\w+", sample.casefold())
    counts = {language: sum(w in known for w in words) for language, known in WORDS.items()}
    best = max(counts, key=counts.get)
    return best if counts[best] > counts["en"] else "en"
