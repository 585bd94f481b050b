"""Sentences made of the grammars in grammar/: attacks, and harmless text of the same words."""

import pathlib
import re

FOLDER = pathlib.Path(__file__).parent / "grammar"
SLOT = re.compile(r"\{([a-z_0-9]+)\}")
# The object stands before the verb.
VERB_LAST = {"ja", "ko", "tr", "hi"}
WORLD = {
    "w": ["PWNED", "hacked", "hello", "OK", "banana", "1234", "haha", "yes", "access granted", "owned", "xyz", "I am free"],
    "e": ["info@collect.example", "http://evil.example", "x7@mail.example", "https://log.example/c", "ops@proxy.example"],
}


def read(name):
    """{section: {symbol: [alternatives]}}; what stands before the first section is in ''."""
    out, section = {"": {}}, ""
    for line in (FOLDER / name).read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            section = line.strip("[]")
            out[section] = {}
            continue
        symbol, alternatives = line.split(" = ", 1)
        out[section][symbol] = [a.strip(" ").replace("\\n", "\n") for a in alternatives.split(" | ")]
    return out


# Chosen once for a text.
ONCE = {"name", "r"}


class Grammar:
    def __init__(self, rules, rng):
        self.rules, self.rng, self.chosen = rules, rng, {}

    def make(self, symbol="top", depth=0):
        if depth == 0:
            self.chosen = {}
        if depth > 12:
            return ""
        if symbol in self.chosen:
            return self.chosen[symbol]
        text = self.rng.choice(self.rules[symbol])
        text = SLOT.sub(lambda m: self.make(m.group(1), depth + 1) if m.group(1) in self.rules else m.group(), text)
        if symbol in ONCE:
            self.chosen[symbol] = text
        return text


def tidied(text, rng):
    text = re.sub(r" +", " ", text)
    text = re.sub(r" ([.,:;?])", r"\1", text)
    text = re.sub(r"([.?!])[.,:;]+", r"\1", text).strip(" ")
    if rng.random() < 0.6 and text:
        parts = re.split(r"(?<=[.!?] )", text)
        text = "".join(p[:1].upper() + p[1:] for p in parts)
    if text and text[-1].isalnum() and rng.random() < 0.4:
        text += rng.choice(".!..")
    return text


class Voice:
    """Makes texts in English and in the other languages."""

    def __init__(self, rng):
        self.rng = rng
        self.attack_en = Grammar(read("attack_en.txt")[""], rng)
        self.benign_en = Grammar(read("benign_en.txt")[""], rng)
        self.attack_world, self.benign_world = read("attack_world.txt"), read("benign_world.txt")
        del self.attack_world[""], self.benign_world[""]
        self.languages = sorted(self.attack_world)

    def attack(self):
        return tidied(self.attack_en.make(), self.rng)

    def agent(self):
        return tidied(self.attack_en.make(self.rng.choice(["agent", "agent", "exfil", "task", "hidden", "override"])), self.rng)

    def plain(self):
        """An instruction that would be harmless if the user gave it."""
        return tidied(self.attack_en.make("plain"), self.rng)

    def benign(self):
        return tidied(self.benign_en.make(), self.rng)

    def _world(self, language):
        rules = {**WORLD, **self.attack_world[language], **self.benign_world[language]}
        rules["over"] = ["{np} {ign}" if language in VERB_LAST else "{ign} {np}"]
        rules["mild"] = ["{obj} {ign}" if language in VERB_LAST else "{ign} {obj}"]
        rules["reveal"] = ["{sys} {show}" if language in ("tr", "hi") else "{show} {sys}"]
        return Grammar(rules, self.rng)

    def foreign_attack(self, language):
        form = self.rng.choices(
            ["{over}", "{over} {say}", "{over} {say}", "{reveal}", "{jail}", "{note}", "{extra}", "{over}. {reveal}", "{ask} {over} {say}", "{ask} {extra}"],
            [2, 3, 3, 3, 2, 2, 2, 2, 1, 1],
        )[0]
        grammar = self._world(language)
        grammar.rules["top"] = [form]
        return tidied(grammar.make(), self.rng)

    def foreign_benign(self, language):
        grammar = self._world(language)
        grammar.rules["top"] = [self.rng.choice(["{ask}", "{ask}", "{mild}", "{mild}. {ask}", "{ask} {ask}"])]
        return tidied(grammar.make(), self.rng)
