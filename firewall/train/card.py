"""Writes the model's card: what is known of it from metrics.json, around what only people can say (card.md)."""

import json
import pathlib

import evaluate
import grammar

HERE = pathlib.Path(__file__).parent


def listed(counts):
    """Names with how many harmless texts and attacks they gave, the largest first."""
    pairs = {}
    for name, count in counts.items():
        key, label = name.rsplit(" / ", 1)
        pairs.setdefault(key, [0, 0])[int(label)] += count
    ordered = sorted(pairs.items(), key=lambda one: -sum(one[1]))
    return "\n".join(f"| {name} | {harmless:,} | {attacks:,} |" for name, (harmless, attacks) in ordered)


def left_out(folder):
    """What a run says that was made in the same way without some authors, if there is one: metrics-left-out.json."""
    file = folder / "metrics-left-out.json"
    if not file.exists():
        return ""
    figures = json.loads(file.read_text())
    learned = figures["learned"]
    names = ", ".join(figures["left out"])
    one = lambda part: {name: value for name, value in part.items() if name.removeprefix("source ") in figures["left out"] or name == "all"}
    shown = {"attack": one(figures["ours"]["attack"]), "benign": one(figures["ours"]["benign"])}
    return (
        f"**Authors left out.** The same once more without {names} ({learned['epochs']} epochs over "
        f"{sum(learned['samples'].values()):,} samples): how it does on authors it knows nothing of.\n\n{evaluate.table(shown, figures.get('baseline'))}"
    )


def write(folder):
    folder = pathlib.Path(folder)
    figures = json.loads((folder / "metrics.json").read_text())
    size = (folder / "model.onnx").stat().st_size / 2**20
    spec = json.loads((folder / "tokenizer.json").read_text())
    made = "\n".join(f"| {name} | {count:,} |" for name, count in figures["learned"]["samples"].items())
    values = {
        "size": f"{size:.1f}",
        "authors": listed(figures["learned"]["authors"]),
        "licences": listed(figures["learned"]["licences"]),
        "samples": made,
        "figures": evaluate.table(figures["ours"], figures.get("baseline")),
        "seed": str(figures["learned"]["seed"]),
        "epochs": str(figures["learned"]["epochs"]),
        "languages": str(len(grammar.read("attack_world.txt")) - 1),
        "left_out": left_out(folder),
        "two_permille": f"{spec['thresholds']['two_permille']:.2f}",
    }
    text = (HERE / "card.md").read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    (folder / "CARD.md").write_text(text)


if __name__ == "__main__":
    write(HERE.parent / "model")
