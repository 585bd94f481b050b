"""Draws the pictures of docs/learning.md: python docs/book/figures.py. They carry their own light ground, so that they can
be read on a dark page, too. What is a function in the code is computed from the constants that stand there."""

import pathlib
import re
from html import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
INK, MUTED, LINE, GROUND = "#1f2933", "#52606d", "#7b8794", "#f8fafc"
COLOURS = {"benchmark": "#cbd5e1", "auto": "#93c5fd", "manual": "#c4b5fd", "session": "#86efac"}
NAMES = {"benchmark": "benchmarks", "auto": "judge", "manual": "single ratings", "session": "session ratings"}


class Picture:
    def __init__(self, width, height, title):
        self.size, self.title, self.parts = (width, height), title, []

    def add(self, text):
        self.parts.append(text)

    def text(self, at, said, size=13, anchor="middle", colour=INK):
        x, y = at
        lines = said.split("\n")
        for n, line in enumerate(lines):
            here = y + (n - (len(lines) - 1) / 2) * (size + 3) + size * 0.35
            look = f'font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
            self.add(f'<text x="{x:g}" y="{here:g}" {look}>{escape(line)}</text>')

    def box(self, at, size, said, fill="#ffffff", dash=""):
        (x, y), (w, h) = at, size
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.add(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{fill}" stroke="{LINE}"{dashes}/>')
        self.text((x + w / 2, y + h / 2), said)

    def arrow(self, *points, said="", at=None, dash=""):
        path = " ".join(f"{'M' if n == 0 else 'L'}{x:g} {y:g}" for n, (x, y) in enumerate(points))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        look = f'fill="none" stroke="{MUTED}" stroke-width="1.5"'
        self.add(f'<path d="{path}" {look} marker-end="url(#tip)"{dashes}/>')
        if said:
            self.text(at, said, size=12, colour=MUTED)

    def svg(self):
        width, height = self.size
        place = 'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"'
        tip = f'<marker id="tip" {place}><path d="M0 0L10 5L0 10z" fill="{MUTED}"/></marker>'
        look = 'role="img" font-family="system-ui, sans-serif"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {look}>'
        ground = f'<rect width="{width}" height="{height}" rx="12" fill="{GROUND}"/>'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", f"<defs>{tip}</defs>", ground, *self.parts, "</svg>\n"])


def loop():
    p = Picture(760, 330, "A call, its copy in the shadow, the judge and the rating, and the way back to the proxy")
    p.box((20, 60), (120, 60), "application")
    p.box((240, 40), (150, 100), "proxy\nfilters, draws one\nby the session's hash", "#e0f2fe")
    p.box((500, 30), (220, 44), "the model that serves")
    p.box((500, 106), (220, 44), "another one, in the shadow", dash="5 4")
    p.box((500, 226), (220, 60), "judge\nscores both replies", "#ede9fe")
    p.box((240, 216), (150, 84), "control plane\nranks candidates\nfor each task shape", "#dcfce7")
    p.arrow((140, 80), (240, 80), said="call", at=(190, 70))
    p.arrow((240, 104), (140, 104), said="reply", at=(190, 116))
    p.arrow((390, 60), (500, 52), said="served", at=(446, 44))
    p.arrow((390, 116), (500, 128), said="a tenth", at=(444, 136), dash="5 4")
    p.arrow((610, 150), (610, 226), said="replies", at=(640, 190))
    p.arrow((500, 258), (390, 258), said="scores", at=(445, 248))
    p.arrow((290, 140), (290, 216), said="decisions", at=(252, 180))
    p.arrow((350, 216), (350, 140), said="rankings", at=(386, 180))
    p.arrow((80, 120), (80, 258), (240, 258), said="rating of the\nsession, 0 to 10", at=(160, 282))
    p.arrow((720, 52), (742, 52), (742, 256), (720, 256))
    return p


def constants():
    """The published weights, as the code has them."""
    source = (ROOT / "shared/src/domain/weights.rs").read_text()
    tables = {}
    for name, body in re.findall(r"const (DAY0|AUTO|NPS): Weights = Weights \{(.*?)\};", source, re.DOTALL):
        tables[name] = {key: float(value) for key, value in re.findall(r"(\w+): ([\d.]+)", body)}
    anchors = {name: float(value) for name, value in re.findall(r"const (\w+)_ANCHOR: f64 = ([\d.]+);", source)}
    return tables, anchors


def smooth(x):
    x = min(max(x, 0), 1)
    return x * x * (3 - 2 * x)


def mix(a, b, share):
    return {key: (1 - share) * a[key] + share * b[key] for key in COLOURS}


def weights(scored, rated):
    tables, anchors = constants()
    own, nps = smooth(scored / anchors["AUTO"]), smooth(rated / anchors["NPS"])
    return mix(mix(tables["DAY0"], tables["AUTO"], own), tables["NPS"], nps)


def phases():
    p = Picture(760, 300, "Weights of the four sources: first as replies are scored, then as sessions are rated")
    left, top, wide, high = 60, 34, 540, 200
    steps = [(n / 4, 0.0) for n in range(41)] + [(10.0, n / 4) for n in range(1, 41)]

    def place(n, share):
        return left + wide * n / (len(steps) - 1), top + high * (1 - share)

    below = [0.0] * len(steps)
    for source, colour in COLOURS.items():
        above = [base + weights(*step)[source] for base, step in zip(below, steps)]
        edge = [place(n, y) for n, y in enumerate(above)] + [place(n, y) for n, y in reversed(list(enumerate(below)))]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in edge)
        p.add(f'<polygon points="{points}" fill="{colour}" stroke="#ffffff" stroke-width="1"/>')
        if (last := above[-1] - below[-1]) > 0:
            p.text((left + wide + 10, place(0, (above[-1] + below[-1]) / 2)[1]), f"{NAMES[source]} {last:.1f}", 12, "start")
        below = above
    for share in (0, 0.5, 1):
        p.text((left - 8, place(0, share)[1]), f"{share:g}", 12, "end", MUTED)
    for n, said in ((0, "0 scored replies"), (40, "10 scored replies\n0 rated sessions"), (80, "10 rated sessions")):
        p.text((place(n, 0)[0], top + high + 22), said, 12, "middle" if n else "start", MUTED)
    for n, said in ((10, "day 0"), (52, "auto"), (74, "to NPS")):
        p.text((place(n, 0)[0], top - 14), said, 12, "middle", MUTED)
    return p


def shapes():
    p = Picture(760, 250, "The chain of task shapes: all, class, call site")
    p.box((310, 16), (140, 44), "all", "#dcfce7")
    for n, said in enumerate(("class:code", "class:extraction", "class:chat")):
        p.box((70 + 240 * n, 100), (140, 44), said, "#e0f2fe")
        p.arrow((140 + 240 * n, 100), (380, 60))
    review, site = "task:review\n(header floopy-task)", "site:b8b4…\n(system prompt, tools)"
    for n, (said, parent) in enumerate(((review, 0), (site, 0), ("site:07c1…", 1), ("site:99ae…", 2))):
        p.box((10 + 190 * n, 186), (170, 50), said)
        p.arrow((95 + 190 * n, 186), (140 + 240 * parent, 144))
    p.text((474, 38), "each starts from the one above,\nand is ranked on its own once\nthat predicts its replies better", 12, "start", MUTED)
    return p


def ladder():
    p = Picture(760, 220, "The stages of a promotion: shadow, canary, wider canary, live, and rolled back")
    stages = ("shadow\nnobody sees it", "canary\n5 % of sessions", "wide canary\n25 %", "live")
    for n, (said, fill) in enumerate(zip(stages, ("#ffffff", "#e0f2fe", "#bae6fd", "#dcfce7"))):
        p.box((20 + 185 * n, 40), (140, 54), said, fill)
        if n:
            p.arrow((-25 + 185 * n, 67), (20 + 185 * n, 67))
            p.arrow((90 + 185 * n, 94), (90 + 185 * n, 150))
    for n, said in enumerate(("floor kept with\nprobability 0.7", "capital 20", "capital 20")):
        p.text((183 + 185 * n, 22), said, 11, "middle", MUTED)
    p.box((205, 150), (510, 44), "rolled back: a guard's capital reached 1,000 (live: 10,000);\nfor 24 hours in the shadow only", "#fee2e2")
    return p


FIGURES = {"loop": loop, "weights": phases, "shapes": shapes, "promotion": ladder}

if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (PICTURES / f"{name}.svg").write_text(draw().svg())
