"""Figures: AUC, recall where 1 % of harmless texts are flagged, and what share of harmless texts passes."""

import numpy as np
from sklearn.metrics import roc_auc_score

OVER_DEFENCE = "benign_hard"
LONG = 3000


def threshold_at(scores, share):
    """The least threshold that at most this share of harmless texts reaches."""
    ordered = np.sort(scores)[::-1]
    return float(np.nextafter(ordered[int(share * len(ordered))], np.inf)) if len(ordered) else 0.5


def half_of(rows):
    """One half sets thresholds, the other is measured."""
    return np.array([sum(r["text"].encode("utf-8", "replace")[:64]) % 2 == 0 for r in rows])


def groups_of(rows):
    """Names of the groups that each row is counted in."""
    out = []
    for row in rows:
        names = ["all", f"source {row['family']}", f"kind {row['kind']}", f"language {row['language']}"]
        if row["label"] == 0 and (row["kind"] == OVER_DEFENCE or row.get("trigger")):
            names.append("trigger words")
        if row["label"] == 0 and len(row["text"]) > LONG:
            names.append("long")
        out.append(names)
    return out


def figures(rows, scores):
    """Of each group: AUC and recall against all harmless texts, or the share of harmless texts that passes."""
    labels = np.array([r["label"] for r in rows])
    tune = half_of(rows)
    limit = threshold_at(scores[tune & (labels == 0)], 0.01)
    low = threshold_at(scores[tune & (labels == 0)], 0.002)
    kept = ~tune
    benign = scores[kept & (labels == 0)]
    members = {}
    for i, names in enumerate(groups_of(rows)):
        if kept[i]:
            for name in names:
                members.setdefault((int(labels[i]), name), []).append(i)
    out = {"threshold at 1 %": limit, "threshold at 0.2 %": low, "attack": {}, "benign": {}}
    for (label, name), at in sorted(members.items()):
        found = scores[at]
        if label == 1:
            both = np.concatenate([found, benign])
            truth = np.concatenate([np.ones(len(found)), np.zeros(len(benign))])
            out["attack"][name] = {
                "rows": len(at), "auc": round(float(roc_auc_score(truth, both)), 4),
                "recall": round(float(np.mean(found >= limit)), 4), "recall at 0.2 %": round(float(np.mean(found >= low)), 4),
            }  # fmt: skip
        else:
            out["benign"][name] = {"rows": len(at), "passes": round(float(np.mean(found < limit)), 4)}
    return out


def table(ours, baseline=None):
    """As Markdown."""
    other = baseline or {"attack": {}, "benign": {}}
    lines = ["| attacks | rows | AUC | recall at 1 % | at 0.2 % | baseline: AUC | recall at 1 % |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, one in ours["attack"].items():
        if one["rows"] >= 10:
            b = other["attack"].get(name, {"auc": "", "recall": ""})
            lines.append(f"| {name} | {one['rows']} | {one['auc']:.3f} | {one['recall']:.1%} | {one['recall at 0.2 %']:.1%} | {b['auc']} | {b['recall']} |")
    lines += ["", "| harmless | rows | passes | baseline |", "|---|---:|---:|---:|"]
    for name, one in ours["benign"].items():
        if one["rows"] >= 10:
            b = other["benign"].get(name, {"passes": ""})
            lines.append(f"| {name} | {one['rows']} | {one['passes']:.1%} | {b['passes']} |")
    return "\n".join(lines)
