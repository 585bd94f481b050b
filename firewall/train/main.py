"""Trains the firewall's model: `python main.py --data FOLDER --out FOLDER`. The same seed makes the same model.

Rows whose licence does not allow it, and authors named with --leave-out, are only measured with.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import random
import time

import numpy as np

import evaluate
import export
import network
import rows as read_rows
import spec
import text
from baseline import Baseline
from corpus import Corpus

# Rows of one author and label that are measured with, at most.
MEASURED = 500
MINED = 12000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a .jsonl or .jsonl.gz of text, label, source, kind and license, or a folder of them")
    parser.add_argument("--out", required=True, help="where the model and its figures go")
    parser.add_argument("--leave-out", default="", help="authors that are only measured with, by comma")
    parser.add_argument("--probes", default=str(pathlib.Path(__file__).parent / "probes.txt"), help="more texts that are only measured with")
    parser.add_argument("--scale", type=float, default=0.4, help="how much of what is harmless and of what is made is learned from")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--baseline", action="store_true", help="measure what is easy as well")
    return parser.parse_args()


def log(message):
    print(f"{time.strftime('%H:%M:%S')} {message}", flush=True)


def capped(rows, most, seed):
    rng, groups, out = random.Random(seed), collections.defaultdict(list), []
    for row in rows:
        groups[row["family"], row["label"]].append(row)
    for key in sorted(groups):
        rng.shuffle(groups[key])
        out += groups[key][:most]
    for row in out:
        row["language"] = read_rows.language_of(row["text"])
    return out


def probes(path):
    """`+ kind | text` is an attack, `- kind | text` is harmless."""
    out = []
    if not pathlib.Path(path).exists():
        return out
    for line in pathlib.Path(path).read_text().splitlines():
        if line[:2] in ("+ ", "- "):
            kind, words = line[2:].split(" | ", 1)
            words = words.replace("\\n", "\n")
            out.append({"text": words, "label": int(line[0] == "+"), "source": "probes", "family": "probes", "kind": kind,
                        "license": "Apache-2.0", "language": read_rows.language_of(words)})  # fmt: skip
    return out


def indexed(tokenizer, texts):
    return [tokens if len(tokens) else np.zeros(1, np.int32) for tokens in map(tokenizer.indices, texts)]


def scored(trainer, tokens):
    """Of each text, the highest number of its windows."""
    parts, owner = [], []
    for i, one in enumerate(tokens):
        for start, end in text.windows(len(one), spec.WINDOW, spec.STRIDE):
            parts.append(one[start:end])
            owner.append(i)
    numbers = trainer.logits(parts)
    out = np.full(len(tokens), -np.inf, np.float32)
    np.maximum.at(out, owner, numbers)
    return out


def mined(trainer, tokens, labels):
    """Harmless windows that look most like attacks, to be learned from once more."""
    parts = []
    for one, label in zip(tokens, labels):
        if label == 0:
            parts += [one[a:b] for a, b in text.windows(len(one), spec.WINDOW, spec.STRIDE)]
    numbers = trainer.logits(parts)
    worst = np.argsort(-numbers)[: min(MINED, len(parts) // 12)]
    log(f"mined {len(worst)} of {len(parts)} harmless windows, down to {numbers[worst[-1]]:.2f}")
    return [(parts[i], 0, 1.5) for i in worst if numbers[i] > -4]


def trained(options, samples, tokenizer, tokens):
    trainer = network.Trainer(np.array(tokenizer.features), spec.ROWS, options.seed, options.epochs)
    labels = [s[1] for s in samples]
    base = [(t, s[1], s[2]) for t, s in zip(tokens, samples)]
    extra = []
    for epoch in range(options.epochs):
        log(f"epoch {epoch + 1} of {options.epochs}: {len(base) + len(extra)} texts")
        trainer.epoch(base + extra, options.rate, (epoch / options.epochs, (epoch + 1) / options.epochs))
        if epoch < options.epochs - 1:
            extra = mined(trainer, tokens, labels)
    return trainer


def slope_of(numbers, labels, limit):
    """How steep a probability is, with one half at the limit: least log loss over the measured rows."""
    best = min((np.mean(np.logaddexp(0, -(2 * labels - 1) * a * (numbers - limit))), a) for a in np.arange(0.2, 2.01, 0.05))
    return float(best[1])


def vectors(tokenizer, session, texts):
    out = []
    for one in texts:
        ids = tokenizer.ids(one)
        score = float(session.run(["score"], {"ids": ids[None]})[0][0]) if len(ids) else 0.0
        out.append({"text": one, "ids": [[int(i) for i in row if i] for row in ids], "score": round(score, 5)})
    return out


def written(out, options, trainer, tokenizer, figures, slope):
    import onnxruntime

    limit = figures["ours"]["threshold at 1 %"]
    model = export.build(trainer.p, slope, -slope * limit, tokenizer.spec)
    (out / "model.onnx").write_bytes(model.SerializeToString())
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(out / "model.onnx"), settings)
    probability = lambda x: round(float(1 / (1 + np.exp(-slope * (x - limit)))), 4)
    tables = dict(tokenizer.spec)
    tables["thresholds"] = {"one_percent": 0.5, "two_permille": probability(figures["ours"]["threshold at 0.2 %"])}
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (out / "tokenizer.json").write_text(dump(tables) + "\n")
    texts = (pathlib.Path(__file__).parent / "vectors.txt").read_text().splitlines()
    texts = [json.loads(line) for line in texts if line.startswith('"')]
    lines = ",\n".join(dump(v) for v in vectors(tokenizer, session, texts))
    (out / "vectors.json").write_text(f"[\n{lines}\n]\n")
    figures["learned"]["rate"], figures["learned"]["epochs"], figures["learned"]["seed"] = options.rate, options.epochs, options.seed
    (out / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n")
    names = ["model.onnx", "tokenizer.json", "vectors.json", "metrics.json"]
    sums = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}" for name in names]
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    return session


def main():
    options = arguments()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    log("reading")
    left_out = set(filter(None, options.leave_out.split(",")))
    learned, measured = read_rows.split(read_rows.read(options.data), left_out)
    measured = capped(measured, MEASURED, options.seed) + probes(options.probes)
    corpus = Corpus(learned, options.seed, options.scale)
    samples, learned = corpus.samples(), corpus.rows
    log(f"{len(learned)} rows may be learned from, {len(samples)} samples, {len(measured)} rows are measured with")
    tokenizer = text.Tokenizer(spec.tables())
    tokens = indexed(tokenizer, [s[0] for s in samples])
    measured_tokens = indexed(tokenizer, [r["text"] for r in measured])
    log(f"{sum(map(len, tokens))} tokens, {len(tokenizer.features)} different ones")
    trainer = trained(options, samples, tokenizer, tokens)
    numbers = scored(trainer, measured_tokens)
    figures = {"ours": evaluate.figures(measured, numbers), "learned": learned_of(learned, samples), "left out": sorted(left_out)}
    if options.baseline:
        log("baseline")
        easy = Baseline()
        easy.learn(learned)
        figures["baseline"] = evaluate.figures(measured, easy.scores(measured))
    labels = np.array([r["label"] for r in measured])
    slope = slope_of(numbers, labels, figures["ours"]["threshold at 1 %"])
    written(out, options, trainer, tokenizer, figures, slope)
    (out / "figures.md").write_text(evaluate.table(figures["ours"], figures.get("baseline")) + "\n")
    worst(out, measured, numbers, figures["ours"]["threshold at 1 %"])
    log("done")


def learned_of(learned, samples):
    licences = collections.Counter(f"{r['license']} / {r['label']}" for r in learned)
    authors = collections.Counter(f"{r['family']} / {r['label']}" for r in learned)
    tags = collections.Counter(s[3] for s in samples)
    return {"licences": dict(licences.most_common()), "authors": dict(authors.most_common()), "samples": dict(tags.most_common())}


def worst(out, rows, numbers, limit):
    """Beside the figures, not for the project: what was got wrong."""
    order = np.argsort(-numbers)
    with open(out / "wrong.jsonl", "w") as file:
        for i in order:
            row = rows[i]
            if (numbers[i] >= limit) != bool(row["label"]):
                file.write(json.dumps([round(float(numbers[i] - limit), 2), row["label"], row["family"], row["kind"], row["text"][:300]], ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
