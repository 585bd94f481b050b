"""Text to ids, exactly as firewall/src does it: unwrap what is encoded, fold, cut into tokens, hash.

The order of the steps and every bound here is part of the model's contract; model/vectors.json holds examples.
"""

import base64
import binascii
import re

import numpy as np

RUN = re.compile(r"[A-Za-z0-9+/_\-]{16,}")
HEX = re.compile(r"[0-9A-Fa-f]+\Z")
MAX_RUN = 65536


def readable(data):
    """The text in these bytes, if it is one: mostly letters and spaces."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    good = sum(c == " " or "a" <= c <= "z" or "A" <= c <= "Z" or c >= "\xa0" for c in text)
    return text if len(text) >= 8 and good * 5 >= len(text) * 4 else None


def decoded(run):
    if len(run) > MAX_RUN:
        return None
    if len(run) % 2 == 0 and HEX.match(run):
        text = readable(bytes.fromhex(run))
        if text is not None:
            return text
    if len(run) % 4 == 1:
        return None
    plain = run.replace("-", "+").replace("_", "/") + "=" * (-len(run) % 4)
    try:
        return readable(base64.b64decode(plain))
    except binascii.Error:
        return None


def unwrap(text):
    """The text with base64 and hex that hides text replaced by what it hides."""

    def replaced(match):
        out = decoded(match.group())
        return match.group() if out is None else f" {out} "

    return RUN.sub(replaced, text)


def hashed(kind, text, rows):
    """FNV-1a of 64 bits, folded onto the rows; row 0 is kept for what is not there."""
    value = 0xCBF29CE484222325
    for byte in kind + text.encode("utf-8", "replace"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return 1 + (value ^ (value >> 32)) % (rows - 1)


def ranged(ranges):
    return "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in ranges)


def complement(ranges):
    """What of the characters beyond ASCII is in none of these."""
    out, at = [], 0x80
    for a, b in sorted(ranges):
        if a > at:
            out.append((at, a - 1))
        at = max(at, b + 1)
    if at <= 0x10FFFF:
        out.append((at, 0x10FFFF))
    return out


class Tokenizer:
    def __init__(self, spec):
        self.spec = spec
        self.fold = {int(k, 16): v for k, v in spec["fold"].items()}
        letters = "a-zA-Z0-9" + ranged(complement(spec["symbols"] + spec["solo"]))
        solo = ranged(spec["solo"])
        apart = re.escape(spec["apart"])
        self.solo = re.compile(f"[{solo}]")
        self.pattern = re.compile(
            rf"(?P<apart>[a-z](?:[{apart}][a-z](?![{letters}])){{3,}})"
            rf"|(?P<word>[{letters}]+(?:['@$€][{letters}]+)*)"
            r"|(?P<line>\n[\n ]*)"
            rf"|(?P<solo>[{solo}])"
            rf"|(?P<sign>(?P<one>[^{letters}{solo}\n ])(?P=one)*)"
        )
        self.leet = str.maketrans(spec["leet"])
        self.known = {}
        self.features = [np.zeros(spec["slots"], np.int32)]

    def words(self, text):
        """(kind, text) of every token, in order; of a solo one also its neighbours."""
        text = unwrap(text).translate(self.fold)
        out = []
        for match in self.pattern.finditer(text):
            kind, token = match.lastgroup if match.lastgroup != "one" else "sign", match.group()
            if kind == "apart":
                out.append(("w", re.sub("[^a-z]", "", token)))
            elif kind == "word":
                out.append(("w", token))
            elif kind == "line":
                out.append(("s", "\n\n" if token.count("\n") > 1 else "\n"))
            elif kind == "solo":
                at = match.start()
                near = text[at - 1 : at] if at else ""
                after = text[at + 1 : at + 2]
                near = near if near and self.solo.match(near) else ""
                after = after if after and self.solo.match(after) else ""
                out.append(("o", (near, token, after)))
            else:
                out.append(("s", token[:3]))
        return out

    def rows_of(self, kind, token):
        rows = self.spec["rows"]
        if kind == "s":
            return [hashed(b"w", token, rows)]
        if kind == "o":
            near, one, after = token
            out = [hashed(b"w", one, rows)]
            out += [hashed(b"c", near + one, rows)] if near else []
            return out + ([hashed(b"c", one + after, rows)] if after else [])
        if all("0" <= c <= "9" for c in token):
            return [hashed(b"w", "0" * min(len(token), 5), rows)]
        token = token.translate(self.leet)[: self.spec["max_word"]]
        out = [hashed(b"w", token, rows)]
        if len(token) >= 2:
            size, marked = self.spec["part"], f"<{token}>"
            parts = [marked[i : i + size] for i in range(len(marked) - size + 1)]
            out += [hashed(b"c", part, rows) for part in parts[: self.spec["slots"] - 1]]
        return out

    def indices(self, text):
        """Of every token, where its ids stand among `features`."""
        out = []
        for key in self.words(text):
            index = self.known.get(key)
            if index is None:
                index = self.known[key] = len(self.features)
                row = np.zeros(self.spec["slots"], np.int32)
                found = self.rows_of(*key)
                row[: len(found)] = found
                self.features.append(row)
            out.append(index)
        return np.array(out, np.int32)

    def ids(self, text):
        return np.array([self.features[i] for i in self.indices(text)], np.int32).reshape(-1, self.spec["slots"])


def windows(count, size, stride):
    """Where windows over so many tokens begin and end; together they cover all of them."""
    out, start = [], 0
    while True:
        end = min(start + size, count)
        out.append((start, end))
        if end == count:
            return out
        start += stride
