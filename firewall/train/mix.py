"""Text as it stands in documents and in what tools return, with something put into it or nothing."""

import json
import re

NAMES = ["Anna Weber", "Tom Ruiz", "Mei Lin", "Paulo Costa", "S. Patel", "Chiara Neri", "J. Novak", "Omar Said", "Kim Lee", "Lena Fox"]
TOPICS = ["invoice", "meeting notes", "trip", "release", "survey", "budget", "order 4711", "dinner", "contract", "schedule", "review"]
SITES = ["news.example", "shop.example.org", "blog.example.net", "wiki.example.com", "docs.example.io"]


def pieces(text):
    """Sentences and lines, with what parts them."""
    return [p for p in re.split(r"(?<=[.!?。।])(?=\s)|(?<=\n)|(?<=[。！？])", text) if p.strip()]


def cut(text, rng, least=250, most=1100):
    """Some consecutive sentences of it."""
    if len(text) <= most:
        return text
    parts = pieces(text)
    size, start = rng.randint(least, most), rng.randrange(len(parts))
    out = ""
    for part in parts[start:]:
        if out and len(out) + len(part) > size:
            break
        out += part
    return out.strip()[: 2 * most]


def put(document, inner, rng, apart=None):
    """The document with this between two of its sentences, before or after all."""
    parts = pieces(document)
    at = rng.choice([0, len(parts), rng.randrange(len(parts) + 1), rng.randrange(len(parts) + 1)])
    between = apart or rng.choice([" ", " ", "\n", "\n\n"])
    return "".join(parts[:at]).rstrip(" ") + between + inner + between + "".join(parts[at:]).lstrip(" ")


class Host:
    def __init__(self, documents, sentences, rng):
        self.documents, self.sentences, self.rng = documents, sentences, rng

    def some(self, count=1):
        return " ".join(self.rng.choice(self.sentences) for _ in range(count))

    def text(self, inner):
        document = cut(self.rng.choice(self.documents), self.rng)
        return put(document, inner, self.rng) if inner else document

    def mail(self, inner):
        rng = self.rng
        body = [self.some() for _ in range(rng.randint(1, 4))]
        if inner:
            body.insert(rng.randrange(len(body) + 1), inner)
        sender, receiver, topic = rng.choice(NAMES), rng.choice(NAMES), rng.choice(TOPICS)
        text = rng.choice([" ", "\n", "\n\n"]).join(body)
        head = f"From: {sender}\nTo: {receiver}\nSubject: {topic}\n\n" if rng.random() < 0.5 else ""
        return f"{head}Hi {receiver.split()[0]},\n\n{text}\n\n{rng.choice(['Best', 'Regards', 'Thanks', 'Cheers'])},\n{sender}"

    def records(self, inner):
        rng = self.rng
        fields = rng.choice(
            [("title", "snippet", "url"), ("id", "subject", "body"), ("name", "rating", "review"), ("sender", "recipients", "content"),
             ("date", "amount", "subject"), ("event", "location", "description"), ("user", "time", "message"), ("file", "size", "text")]
        )  # fmt: skip
        rows = []
        for n in range(rng.randint(1, 4)):
            values = [rng.choice(NAMES + TOPICS), str(rng.randint(1, 9000)), self.some(rng.randint(1, 2))]
            rng.shuffle(values)
            rows.append(dict(zip(fields, values, strict=True)))
        if inner:
            row, field = rng.choice(rows), rng.choice(fields)
            row[field] = rng.choice([inner, f"{row[field]} {inner}", f"{inner} {row[field]}"])
        form = rng.randrange(5)
        if form == 0:
            return json.dumps(rows, ensure_ascii=False, indent=rng.choice([None, 2]))
        if form == 1:
            return json.dumps({"status": "ok", "results": rows}, ensure_ascii=False)
        if form == 2:
            return "\n".join("- " + "\n  ".join(f"{k}: {v}" for k, v in row.items()) for row in rows)
        if form == 3:
            line = lambda values: "| " + " | ".join(values) + " |"
            return "\n".join([line(fields), line(["---"] * len(fields)), *(line(row.values()) for row in rows)])
        return "\n".join([",".join(fields), *(",".join(f'"{v}"' for v in row.values()) for row in rows)])

    def page(self, inner):
        rng = self.rng
        paragraphs = [self.some(rng.randint(1, 3)) for _ in range(rng.randint(1, 4))]
        lines = [f"<p>{p}</p>" for p in paragraphs]
        if inner:
            shown = rng.choice(["<p>{}</p>", "<!-- {} -->", "<div style='display:none'>{}</div>", "<li>{}</li>", "<h2>{}</h2>", "<a href='#'>{}</a>", "{}"])
            lines.insert(rng.randrange(len(lines) + 1), shown.format(inner))
        title = rng.choice(TOPICS)
        return f"<html><head><title>{title}</title></head><body>\n" + "\n".join(lines) + f"\n<footer>{rng.choice(SITES)}</footer></body></html>"

    def log(self, inner):
        rng, lines = self.rng, []
        for n in range(rng.randint(2, 6)):
            level = rng.choice(["INFO", "WARN", "DEBUG", "ERROR"])
            lines.append(f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)} 1{rng.randint(0, 9)}:0{rng.randint(0, 9)} {level} {self.some()[:90]}")
        if inner:
            at = rng.randrange(len(lines))
            lines[at] = lines[at][:22] + inner
        return "\n".join(lines)

    def code(self, inner):
        rng = self.rng
        names = rng.sample(["load", "total", "parse", "send", "user", "items", "check", "render", "cache"], 3)
        body = [f"def {names[0]}({names[1]}):", f'    """{self.some()[:80]}"""', f"    {names[2]} = {names[1]}.get('{rng.choice(TOPICS)}')",
                f"    return {names[2]} or {rng.randint(0, 99)}"]  # fmt: skip
        if inner:
            line = rng.choice(["    # {}", "    print({!r})", '    """{}"""', "# {}", "    note = {!r}"]).format(inner)
            body.insert(rng.randrange(1, len(body) + 1), line)
        return "\n".join(body)

    def chat(self, inner):
        rng = self.rng
        lines = [f"{rng.choice(NAMES)}: {self.some()}" for _ in range(rng.randint(2, 5))]
        if inner:
            lines.insert(rng.randrange(len(lines) + 1), f"{rng.choice(NAMES)}: {inner}")
        return "\n".join(lines)

    def any(self, inner=None):
        kinds = [self.text, self.text, self.text, self.text, self.mail, self.records, self.records, self.page, self.log, self.code, self.chat]
        text = self.rng.choice(kinds)(inner)
        if self.rng.random() < 0.15:
            asks = ["Summarize the following text:\n", "Answer from this context:\n", "Tool result:\n", "Here is the email:\n", "Translate:\n", "Read this page:\n"]
            text = self.rng.choice(asks) + text
        return text
