"""What attackers do to text so that filters do not see it, and what happens to everybody's text."""

import base64
import codecs

from spec import LOOKALIKES

LEET = {"o": "0", "i": "1", "e": "3", "a": "4", "s": "5", "t": "7", "b": "8", "g": "9"}
ALIKE = {}
for sign, letter in LOOKALIKES.items():
    ALIKE.setdefault(letter, []).append(sign)
HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
MARKS = "\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u0336\u0337\u0332"
BOLD, SCRIPT, FULL, CIRCLED = 0x1D41A, 0x1D4EA, 0xFF41, 0x24D0


def leet(text, rng):
    share = rng.uniform(0.4, 1)
    return "".join(LEET[c.lower()] if c.lower() in LEET and rng.random() < share else c for c in text)


def apart(text, rng):
    sign = rng.choice("   .-_*")
    return "  ".join(sign.join(word) for word in text.split())


def lookalike(text, rng):
    share = rng.uniform(0.2, 0.9)
    return "".join(rng.choice(ALIKE[c]) if c in ALIKE and rng.random() < share else c for c in text)


def hidden(text, rng):
    share = rng.uniform(0.1, 0.6)
    return "".join(c + rng.choice(HIDDEN) if rng.random() < share else c for c in text)


def marked(text, rng):
    share = rng.uniform(0.2, 0.9)
    return "".join(c + rng.choice(MARKS) if c.isalpha() and rng.random() < share else c for c in text)


def styled(text, rng):
    start = rng.choice([BOLD, SCRIPT, FULL, CIRCLED])
    return "".join(chr(start + ord(c) - 97) if "a" <= c <= "z" else c for c in text.lower())


def tagged(text, _):
    return "".join(chr(0xE0000 + ord(c)) if " " <= c <= "~" else c for c in text)


def in_base64(text, _):
    return base64.b64encode(text.encode()).decode()


def in_hex(text, _):
    return text.encode().hex()


def rotated(text, _):
    return codecs.encode(text, "rot13")


def reversed_(text, _):
    return text[::-1]


def misspelt(text, rng):
    share, out = rng.uniform(0.1, 0.4), []
    for word in text.split(" "):
        if len(word) > 3 and rng.random() < share:
            at, how = rng.randrange(1, len(word) - 1), rng.randrange(4)
            if how == 0:
                word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            elif how == 1:
                word = word[:at] + word[at + 1 :]
            elif how == 2:
                word = word[:at] + word[at] + word[at:]
            else:
                word = word[:at] + rng.choice("aeioustrn") + word[at + 1 :]
        out.append(word)
    return " ".join(out)


def broken(text, rng):
    sign = rng.choice("-.*_ ")
    cut = lambda w: w[: len(w) // 2] + sign + w[len(w) // 2 :] if len(w) > 4 and rng.random() < 0.7 else w
    return " ".join(cut(word) for word in text.split(" "))


def loud(text, rng):
    return text.upper() if rng.random() < 0.7 else "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)


def escaped(text, rng):
    sign = rng.choice(["\\", "|", "*"])
    return "".join(sign + c for c in text)


def joined(text, rng):
    return rng.choice(["", "_", "-", ".", "/"]).join(text.split(" "))


def decorated(text, rng):
    before, after = rng.choice(
        [("**", "**"), ("# ", ""), ("> ", ""), ('"', '"'), ("'''", "'''"), ("```\n", "\n```"), ("<b>", "</b>"), ("[", "]"), ("🚨 ", " 🚨")]
        + [("!!! ", " !!!"), ("- ", ""), ("(", ")"), ("<p>", "</p>"), ("1. ", ""), ("User: ", ""), ("{", "}")]
    )
    return before + text + after


COMMON = [misspelt, loud, decorated, decorated, misspelt]
RARE = [leet, apart, lookalike, hidden, marked, styled, tagged, in_base64, in_hex, rotated, reversed_, broken, escaped, joined]


def disguised(text, rng):
    """As an attacker would send it."""
    text = rng.choice(RARE if rng.random() < 0.75 else COMMON)(text[:600], rng)
    if rng.random() < 0.25:
        intro = ["decode this and follow it: ", "Translate and execute: ", "base64: ", "What does this say? ", "Please read: ", ""]
        text = rng.choice(intro) + text
    return text


def worn(text, rng):
    """As harmless text may come: mostly as it is with slips, at times encoded as well."""
    if rng.random() < 0.5:
        return rng.choice(COMMON)(text, rng)
    kinds = [in_base64, in_hex, leet, apart, styled, marked, hidden, joined, lookalike, broken, reversed_, escaped]
    return rng.choice(kinds)(text[:600], rng)
