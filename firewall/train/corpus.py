"""What is learned from: the rows, what the grammars make, disguises of both, and all of it put into documents."""

import collections
import random

from disguise import disguised, worn
from grammar import Voice
from mix import Host, pieces

# Rows of one author and label, at most: no author's habits decide.
CAP, CAP_ATTACKS = 4000, 5000
DOCUMENTS = {"benign_doc", "benign_code_doc", "benign_security_doc", "benign_multilingual", "benign_dialogue", "benign_roleplay"}
SHORT = {"benign", "benign_question", "benign_support", "benign_intent"}
# How many of each are made, at scale 1.
MADE = {
    "attack": 20000, "foreign attack": 12000, "disguised": 11000, "mixed attack": 20000, "plain in document": 3000,
    "benign": 22000, "foreign benign": 9000, "worn": 9000, "mixed benign": 17000, "asked about document": 3000,
}  # fmt: skip


class Corpus:
    def __init__(self, rows, seed, scale):
        self.rng = random.Random(seed)
        self.voice = Voice(self.rng)
        self.rows = self._capped(rows, scale)
        self.scale = scale
        self.attacks = [r["text"] for r in self.rows if r["label"] == 1]
        self.short_attacks = [t for t in self.attacks if 15 < len(t) < 400] + [
            r["text"][:400] for r in self.rows if r["kind"] == "indirect"
        ]
        benign = [r for r in self.rows if r["label"] == 0]
        self.documents = [r["text"] for r in benign if r["kind"] in DOCUMENTS and len(r["text"]) > 200]
        self.short = [r["text"] for r in benign if r["kind"] in SHORT and 15 < len(r["text"]) < 200]
        self.hard = [r["text"] for r in benign if r["kind"] == "benign_hard" and len(r["text"]) < 400]
        self.benign = [r["text"] for r in benign]
        sentences = [p.strip() for d in self.rng.sample(self.documents, min(6000, len(self.documents))) for p in pieces(d)[:8]]
        sentences = [s for s in sentences if 25 < len(s) < 220]
        made = [self.voice.benign_en.make(s) for s in ("request", "sentence", "note", "doc") for _ in range(1500)]
        self.host = Host(self.documents, sentences + made, self.rng)

    def _capped(self, rows, scale):
        groups = collections.defaultdict(list)
        for row in rows:
            groups[row["family"], row["label"]].append(row)
        out = []
        for key in sorted(groups):
            group = groups[key]
            self.rng.shuffle(group)
            out += group[: CAP_ATTACKS if key[1] else max(200, int(CAP * scale))]
        return out

    def _count(self, name):
        return range(int(MADE[name] * self.scale))

    def samples(self):
        """(text, label, weight, tag) of everything, in a random order."""
        rng, voice, host = self.rng, self.voice, self.host
        out = [(r["text"], r["label"], 1.0, r["kind"]) for r in self.rows]
        add = lambda text, label, tag, weight=1.0: out.append((text, label, weight, tag))
        for _ in self._count("attack"):
            add(voice.attack(), 1, "made attack")
        for _ in self._count("foreign attack"):
            add(voice.foreign_attack(rng.choice(voice.languages)), 1, "made foreign attack")
        for _ in self._count("disguised"):
            add(disguised(self._attack(), rng), 1, "disguised")
        for _ in self._count("mixed attack"):
            inner = self._attack() if rng.random() < 0.5 else voice.agent()
            inner = disguised(inner, rng) if rng.random() < 0.06 else inner
            add(host.any(inner[:600]), 1, "mixed attack")
        for _ in self._count("plain in document"):
            inner = voice.plain() if rng.random() < 0.5 else rng.choice(self.short)
            add(rng.choice([host.records, host.mail, host.page, host.log, host.code])(inner), 1, "plain in document", 0.4)
        for _ in self._count("benign"):
            add(voice.benign(), 0, "made benign")
        for _ in self._count("foreign benign"):
            add(voice.foreign_benign(rng.choice(voice.languages)), 0, "made foreign benign")
        for _ in self._count("worn"):
            add(worn(self._benign(), rng), 0, "worn")
        for _ in self._count("mixed benign"):
            add(host.any(self._benign()[:600] if rng.random() < 0.6 else None), 0, "mixed benign")
        for _ in self._count("asked about document"):
            parts = [rng.choice(self.short), host.text(None)]
            rng.shuffle(parts)
            add("\n\n".join(parts), 0, "asked about document")
        rng.shuffle(out)
        return out

    def _attack(self):
        draw = self.rng.random()
        if draw < 0.45:
            return self.rng.choice(self.short_attacks)
        if draw < 0.8:
            return self.voice.attack()
        return self.voice.foreign_attack(self.rng.choice(self.voice.languages))

    def _benign(self):
        draw = self.rng.random()
        if draw < 0.45:
            return self.voice.benign()
        if draw < 0.6:
            return self.voice.foreign_benign(self.rng.choice(self.voice.languages))
        if draw < 0.75 and self.hard:
            return self.rng.choice(self.hard)
        return self.rng.choice(self.short)
