"""What the dashboard and the alerts ask of Prometheus; as a program, whether a running system has it:
monitoring.py BASE_URL KEY names."""

import json
import pathlib
import re
import sys
import time
import urllib.request

import yaml

# What the control plane counts of a call is there a moment after it.
PATIENCE, PAUSE = 15, 0.05
ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy/grafana/floopy.json"
RULES = ROOT / "deploy/prometheus/rules.yaml"
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
# Families that begin with their first count, or where what they are about is configured.
LATER = {
    "floopy_cache_lookups_total",
    "floopy_cache_semantic_compared_total",
    "floopy_control_drift_alarms_total",
    "floopy_control_leads",
    "floopy_control_table_rejections_total",
    "floopy_firewall_scans_total",
    "floopy_firewall_skipped_total",
    "floopy_redis_operations_total",
    "floopy_spool_dropped_events_total",
}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries():
    """Every query with where it stands."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield f"the panel {panel['title']!r}", target["expr"]
    for rule in alerts():
        yield f"the alert {rule['alert']}", rule["expr"]


def names(query):
    return set(re.findall(r"\bfloopy_\w+", re.sub(r'"[^"]*"', "", query)))


def served(base):
    """The names of all series that there can be, of the families that are there."""
    with urllib.request.urlopen(f"{base}/metrics", timeout=20) as answer:
        kinds = re.findall(r"^# TYPE (\w+) (\w+)$", answer.read().decode(), re.MULTILINE)
    return {family + suffix for family, kind in kinds for suffix in SUFFIXES[kind]}


def missing(base):
    """Who asks for what is not there."""
    found = served(base) | LATER
    return [f"{place} asks for {name}" for place, query in queries() for name in names(query) - found]


if __name__ == "__main__":
    address, until = sys.argv[1].removesuffix("/v1"), time.monotonic() + PATIENCE
    while wrong := missing(address):
        assert time.monotonic() < until, "\n".join(wrong)
        time.sleep(PAUSE)
