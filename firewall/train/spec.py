"""The tokenizer's tables: what each character becomes, and which characters are what. Written as tokenizer.json.

Made once from Python's Unicode tables and committed, so that no reader depends on the version of its own tables.
"""

import unicodedata

ROWS = 1 << 17
SLOTS = 10
WINDOW = 256
STRIDE = 192
PART = 4
MAX_WORD = 24

# Characters that look like a Latin letter.
LOOKALIKES = dict(
    zip(
        "аеорсухіјѕԁһӏԛԝкмтнвɡɑɩʟɪʀᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍɴᴏᴘꜱᴛᴜᴠᴡʏᴢαονρτυικεηβχγωøđłħðɐǝɔɹʇʌʍʎɥɯʞıƒℓ№",
        "aeopcyxijsdhlqwkmthbgailirabcdefghjkmnopstuvwyzaovptuikenbxywodlhdaecrtvwyhmkifln",
        strict=True,
    )
)
LETTERS = {"æ": "ae", "œ": "oe", "þ": "th", "ß": "ss", "ς": "σ"}
SIGNS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "ʼ": "'", "＇": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "「": '"', "」": '"', "『": '"', "』": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "﹣": "-",
    "、": ",", "。": ".", "،": ",", "؛": ";", "؟": "?", "۔": ".", "।": ".", "·": ".", "•": "*", "‧": ".",
    "【": "[", "】": "]", "〔": "[", "〕": "]", "〈": "<", "〉": ">", "《": "<", "》": ">", "⟨": "<", "⟩": ">",
    "‹": "<", "›": ">", "⁄": "/", "∕": "/", "∶": ":", "¿": "?", "¡": "!",
}  # fmt: skip
# Marks that are written over or under letters of any script.
MARKS = [(0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F)]
SPACES = [0x9, 0xB, 0xC, 0xD, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x2800, 0x3164]
# Neither letters nor digits, beyond ASCII.
SYMBOLS = [
    (0x80, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2B0, 0x2FF), (0x589, 0x58A), (0x5BE, 0x5BE), (0x600, 0x61F),
    (0x66A, 0x66D), (0x964, 0x965), (0x2000, 0x2BFF), (0x2E00, 0x2FFF), (0x3000, 0x303F), (0x30FB, 0x30FB),
    (0xD800, 0xF8FF), (0xFE10, 0xFE6F), (0xFF00, 0xFFEF), (0xFFF0, 0xFFFF), (0x1F000, 0x1FAFF), (0xE0000, 0x10FFFF),
]  # fmt: skip
# Scripts without spaces between words: each character is a token.
SOLO = [
    (0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FA), (0x30FC, 0x30FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
]  # fmt: skip
LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "€": "e"}
# Between single letters that are written apart.
APART = " .-_*|/+,\\~"


def inside(code, ranges):
    return any(a <= code <= b for a, b in ranges)


def folded(char):
    """What stands for a character: nothing, itself, or some others."""
    code = ord(char)
    if code in SPACES:
        return " "
    if code in (0x85, 0x2028, 0x2029):
        return "\n"
    if char == "\n":
        return char
    if 0xE0020 <= code <= 0xE007E:  # invisible tags that spell ASCII
        return folded(chr(code - 0xE0000))
    if 0x1F1E6 <= code <= 0x1F1FF:
        return chr(code - 0x1F1E6 + 97)
    if 0x1F150 <= code <= 0x1F169:
        return chr(code - 0x1F150 + 97)
    if 0x1F170 <= code <= 0x1F189:
        return chr(code - 0x1F170 + 97)
    if unicodedata.category(char) in ("Cc", "Cf") or inside(code, MARKS) or 0xE0100 <= code <= 0xE01EF:
        return ""
    if char in SIGNS:
        return SIGNS[char]
    if 0xAC00 <= code <= 0xD7A3:
        return char
    form = "NFKC" if 0x3040 <= code <= 0x30FF or 0xFF66 <= code <= 0xFF9F else "NFKD"
    text = unicodedata.normalize(form, unicodedata.normalize(form, char).casefold())
    out = []
    for c in text:
        if inside(ord(c), MARKS) or unicodedata.category(c) in ("Cc", "Cf"):
            continue
        c = SIGNS.get(c, LETTERS.get(c, LOOKALIKES.get(c, c)))
        out.append(" " if len(c) == 1 and ord(c) in SPACES else c)
    return "".join(out)


def codes():
    yield from range(0x0, 0xAC00)
    yield from range(0xF900, 0x10000)
    yield from range(0x1D400, 0x1D800)
    yield from range(0x1F100, 0x1F200)
    yield from range(0x2F800, 0x2FA20)
    yield from range(0xE0000, 0xE01F0)


def tables():
    """Everything a reader needs to make ids of text; the numbers first."""
    fold = {}
    for code in codes():
        if 0xD800 <= code <= 0xDFFF:
            continue
        out = folded(chr(code))
        if out != chr(code):
            fold[f"{code:x}"] = out
    return {
        "format": 1,
        "rows": ROWS,
        "slots": SLOTS,
        "window": WINDOW,
        "stride": STRIDE,
        "part": PART,
        "max_word": MAX_WORD,
        "apart": APART,
        "leet": LEET,
        "symbols": SYMBOLS,
        "solo": SOLO,
        "fold": fold,
    }
