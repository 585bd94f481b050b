"""What is shipped for Prometheus and Grafana: that it is well-formed, asks for metrics that the sources have, and that every
alert fires where it should and nowhere else."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
spec = importlib.util.spec_from_file_location("monitoring", ROOT / "tests/clients/monitoring.py")
monitoring = importlib.util.module_from_spec(spec)
spec.loader.exec_module(monitoring)


def promtool(*arguments, folder=PROMETHEUS):
    program = shutil.which("promtool", path=f"{ROOT / '.local/bin'}{os.pathsep}{os.environ['PATH']}")
    assert program, "promtool is missing: run deploy/setup/setup.sh test"
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def sources():
    """Every source that registers a metric or names a label."""
    texts = []
    for plane in ("dataplane", "controlplane", "judge-worker"):
        for file in (ROOT / plane / "src").rglob("*.rs"):
            text = file.read_text()
            if "prometheus_client" in text:
                texts.append(text)
    assert len(texts) > 10
    return texts


def registered():
    """What is registered, without the endings that its kind and unit give it."""
    found = set()
    for text in sources():
        prefixes = re.findall(r'sub_registry_with_prefix\("(\w+)"\)', text)
        for name in re.findall(r'"([a-z][a-z0-9_]+)"', text):
            found |= {name} if name.startswith("floopy_") else {f"{prefix}_{name}" for prefix in prefixes}
    return found


def test_every_metric_that_is_asked_for_is_registered():
    known = registered()
    wrong = []
    for place, query in monitoring.queries():
        asked = monitoring.names(query)
        assert asked or query.startswith("up"), query
        for name in asked:
            bare = re.sub(r"_(total|bucket|sum|count)$", "", name)
            if not {name, bare, bare.removesuffix("_seconds")} & known:
                wrong.append(f"{place}: {name}")
    assert not wrong, wrong


def test_every_label_and_value_that_is_asked_for_is_there():
    text = "\n".join(sources())
    wrong = []
    for place, query in monitoring.queries():
        for label, values in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', query):
            if label in ("instance", "job"):
                continue
            if not re.search(rf"\b{label}: \w+", text):
                wrong.append(f"{place}: no label {label}")
            wrong += [f"{place}: {value}" for value in values.split("|") if not re.search(rf'"{value}"|\b{value},', text)]
    assert not wrong, wrong


def test_the_alerts_are_rules_and_pass_their_tests():
    promtool("check", "rules", "rules.yaml")
    promtool("check", "config", "prometheus.yaml")
    promtool("test", "rules", "rules_test.yaml")


def test_every_alert_is_tested_both_ways_and_explained():
    tested = {}
    for test in yaml.safe_load((PROMETHEUS / "rules_test.yaml").read_text())["tests"]:
        for case in test["alert_rule_test"]:
            tested.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    page = (ROOT / "docs/monitoring.md").read_text()
    for alert in monitoring.alerts():
        assert tested.get(alert["alert"]) == {True, False}, alert["alert"]
        assert f"`{alert['alert']}`" in page, f"docs/monitoring.md does not say what to do about {alert['alert']}"


def test_the_queries_of_the_dashboard_are_promql(tmp_path):
    rules = [
        {"record": f"panel:{n}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for n, (_, query) in enumerate(monitoring.queries())
    ]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", "panels.yaml", folder=tmp_path)


def test_the_dashboard_has_what_grafana_asks_for():
    dashboard = monitoring.dashboard()
    for key in ("uid", "title", "schemaVersion", "time", "templating", "panels"):
        assert dashboard[key], key
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "instance"}
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("timeseries", "stat") and panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert "$instance" in target["expr"] and target["legendFormat"], target


@pytest.mark.parametrize("file", sorted((ROOT / "deploy/grafana/provisioning").rglob("*.yaml")), ids=lambda file: file.name)
def test_what_grafana_is_provisioned_with_is_of_its_first_version(file):
    assert yaml.safe_load(file.read_text())["apiVersion"] == 1


def test_the_composition_brings_what_is_shipped():
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    mounts = [volume.split(":") for name in ("prometheus", "grafana") for volume in compose["services"][name]["volumes"]]
    shipped = [source for source, *_ in mounts if source.startswith("../")]
    assert shipped and all((ROOT / "deploy/compose" / source).exists() for source in shipped), shipped
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text())["scrape_configs"]
    for job in scraped:
        host, port = job["static_configs"][0]["targets"][0].split(":")
        configured = (ROOT / f"deploy/compose/{host}.toml").read_text()
        assert host in compose["services"] and f'_listen = "0.0.0.0:{port}"' in configured, job
