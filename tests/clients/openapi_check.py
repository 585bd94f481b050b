"""Checks the API document and the API against each other: openapi_check.py BASE_URL KEY OTHER_KEY HOOK_URL DIRECTORY, or,
for the document of operators, openapi_check.py CONTROL_PLANE_URL OPERATORS_KEY operator - DIRECTORY.

The document is validated as OpenAPI 3.1. Then Schemathesis asks everything that the document describes and compares what
is answered with what is said. It is given the document as it is, but stricter: answers may have no keys that are not
described, a provider's own errors are none of ours, and ids are often those of things that exist.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

BASE, KEY, OTHER_KEY, HOOK, DIRECTORY = sys.argv[1:6]
ONLY = sys.argv[6:]
UNKNOWN = "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f"
NAMED = ("/v1/session/", "/v1/feedback/{")
# Checks that say nothing here: a body that fits its schema may still name a model, a rule or a project that does not
# exist, or be one more than there may be; and there are no links to follow from what was deleted.
SILENT = ["positive_data_acceptance", "use_after_free", "ensure_resource_availability"]
# Bodies that are taken, where values by chance seldom are.
WORD = [{"role": "user", "content": "Good morning"}]
EXAMPLES = {
    "/v1/chat/completions": {"model": "auto", "messages": WORD},
    "/v1/responses": {"model": "auto", "input": "Good morning"},
    "/v1/messages": {"model": "auto", "max_tokens": 9, "messages": WORD},
    "/v1/messages/count_tokens": {"model": "auto", "messages": WORD},
    "/v1/embeddings": {"model": "up/embed", "input": "Good morning"},
    "/v1/routing/explain": {"model": "auto", "messages": WORD},
    "/v1/cache/explain": {"request": {"model": "auto", "messages": WORD}, "headers": {"floopy-cache-enabled": "true"}},
    "/v1/routing/rules": {"name": "example", "strategy": "fallback", "models": ["up/alpha", "up/beta"]},
    "/v1/routing/rules/{id}": {"name": "changed", "strategy": "smart_cost", "floor": 0.9},
    "/v1/prompts/{id}": {"name": "changed", "messages": WORD},
    "/v1/datasets": {"name": "example", "rows": [{"input": "Good evening"}]},
    "/v1/datasets/{id}/rows": [{"input": "Good night", "id": "two"}],
    "/v1/providers/{name}": {"api_key": "sk-another-key"},
    "/v1/mcp/servers": {"id": "example", "url": "https://tools.example/mcp", "enabled": False},
    "/v1/mcp/servers/{id}": {"tools": ["find"], "enabled": False},
    "/v1/constraints": {"max_requests_per_minute": 60, "routing": {"allow_providers": ["up"]}},
}


def call(method, path, body=None, **headers):
    headers = {"Authorization": f"Bearer {KEY}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(BASE + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer), answer.headers


def make(path, body, **headers):
    return call("POST", path, body, **headers)[0]


def rule(name, model):
    return make("/v1/routing/rules", {"name": name, "strategy": "legacy_model", "models": [model]})["id"]


def hello(session):
    body = EXAMPLES["/v1/chat/completions"]
    return call("POST", "/v1/chat/completions", body, floopy_session_id=session)[1]["x-request-id"]


def made_credential(name):
    """Of a provider that is configured, and of one that serves nobody here."""
    call("PUT", f"/v1/providers/{name}", {"api_key": "sk-example-key"})
    return name


def made_tools(name):
    """A server that no call asks."""
    return make("/v1/mcp/servers", {"id": name, "url": "https://tools.example/mcp", "enabled": False})["id"]


def things():
    """Makes one of everything: what is to stay, and what may be deleted."""
    webhooks = [make("/v1/webhooks", {"url": HOOK, "events": ["budget_exceeded"]})["id"] for _ in range(2)]
    rules = [rule("a", "up/alpha"), rule("b", "up/beta"), rule("c", "up/beta"), rule("d", "up/beta")]
    message = [{"role": "user", "content": "Greet {{name}}"}]
    prompts = []
    for name in ("stays", "goes"):
        prompts.append(make("/v1/prompts", {"name": name, "messages": message})["id"])
        for said in ("Hello", "Good evening"):
            make(f"/v1/prompts/{prompts[-1]}/versions", {"messages": [{"role": "user", "content": said}]})
    experiments = []
    for a, b in (rules[:2], rules[2:]):
        body = {"name": "tried", "variant_a_routing_rule_id": a, "variant_b_routing_rule_id": b}
        experiments.append(make("/v1/experiments", body, x_floopy_confirm="experiments")["id"])
    row = {"id": "one", "input": "Good morning", "metadata": {"topic": "greeting"}, "expected": "Hello"}
    datasets = [make("/v1/datasets", {"name": name, "rows": [row]})["id"] for name in ("stays", "goes")]
    delivery = make(f"/v1/webhooks/{webhooks[0]}/test", {})["delivery_id"]
    requests = [hello(session) for session in ("stays", "stays", "goes")]
    make("/v1/feedback", {"score": 9, "useful": True, "session_id": "stays"})
    return {
        "/v1/webhooks/": webhooks,
        "/v1/routing/rules/": [rule("e", "up/beta"), rule("f", "up/beta")],
        "/v1/prompts/": prompts,
        "/v1/experiments/": experiments,
        "/v1/projects/": [make("/v1/projects", {"name": name})["id"] for name in ("stays", "goes")],
        "/v1/keys/": [make("/v1/keys", {"name": name})["id"] for name in ("stays", "goes")],
        "/v1/providers/": [made_credential(name) for name in ("up", "openai")],
        "/v1/mcp/servers/": [made_tools(name) for name in ("stays", "goes")],
        "/v1/session/": ["stays", "goes"],
        "/v1/feedback/": ["stays", requests[0]],
        "/v1/decisions/": requests,
        "delivery": [delivery],
        "replay": requests,
        "route_id": rules,
        "/v1/datasets/": datasets,
        "/v1/evaluations/": [make("/v1/evaluations", {"dataset_id": datasets[0], "model": "up/alpha"})["id"]],
        "untried": [rule("g", "up/alpha"), rule("h", "up/beta")],
    }


def tenants():
    """Makes tenants with keys: what is to stay, and what may be deleted."""
    names = ["stays", "goes"]
    for name in names:
        make("/v1/operator/tenants", {"id": name, "plan": "free"})
    keys = [make("/v1/operator/tenants/stays/keys", {"name": name})["id"] for name in names]
    return {"key": keys, "/v1/operator/tenants/": names}


def known(made, path, parameter):
    """Ids that a parameter may have, if some are known."""
    name = parameter["name"]
    if name in made:
        return made[name]
    if parameter["in"] != "path" or name == "version":
        return []
    return next((ids for prefix, ids in made.items() if path.startswith(prefix)), [])


def parameters(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation["parameters"]:
                if "name" in parameter:
                    yield path, method, parameter


def seed(document, made):
    for path, method, parameter in parameters(document):
        if parameter["name"] == "version":
            parameter["example"] = 1 if method == "delete" else 2
        ids = known(made, path, parameter)
        if ids and "{version}" in path:
            parameter["example"] = ids[0]
            continue
        # What is deleted is not what others are asked about.
        ids = ids[-1:] if method == "delete" else ids[:1]
        if ids and path.startswith(NAMED):
            # Anything can be a name.
            parameter["example"] = ids[0]
        elif ids:
            parameter["schema"] = {"type": "string", "enum": [*ids, UNKNOWN]}


def seed_bodies(document, made):
    for place, values in {
        "ReplayInput.request_id": made["replay"],
        "ExperimentByRules.variant_a_routing_rule_id": made["untried"][:1],
        "ExperimentByRules.variant_b_routing_rule_id": made["untried"][1:],
    }.items():
        name, field = place.split(".")
        document["components"]["schemas"][name]["properties"][field] = {"type": "string", "enum": values}
    for place, values in {
        "RuleInput.models": ["up/alpha", "up/beta"],
        "RoutingConstraintsInput.allow_providers": ["up"],
        "RoutingConstraintsInput.deny_providers": ["nobody"],
        "RoutingConstraintsInput.allow_models": ["up/alpha", "up/beta"],
        "RoutingConstraintsInput.deny_models": ["up/embed"],
    }.items():
        name, field = place.split(".")
        document["components"]["schemas"][name]["properties"][field]["items"] = {"type": "string", "enum": values}
    for path, example in EXAMPLES.items():
        for operation in document["paths"][path].values():
            if "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["example"] = example


def answered(document):
    """Names of the schemas of answers."""
    open_names = [ref(answer) for answer in answers(document)]
    found = set()
    while open_names:
        for name in open_names.pop():
            if name not in found:
                found.add(name)
                open_names.append(ref(document["components"]["schemas"][name]))
    return found


def answers(document):
    for item in document["paths"].values():
        for operation in item.values():
            yield operation["responses"]
    yield document["components"]["responses"]


def ref(node):
    """Names of the schemas that are referred to."""
    if isinstance(node, dict):
        name = node.get("$ref", "")
        here = [name.rsplit("/", 1)[1]] if name.startswith("#/components/schemas/") else []
        return here + [name for value in node.values() for name in ref(value)]
    return [name for value in node for name in ref(value)] if isinstance(node, list) else []


def close(node):
    """Lets objects have no keys but those that are described."""
    if isinstance(node, dict):
        if "properties" in node and node.get("type") == "object":
            node.setdefault("additionalProperties", False)
        for value in node.values():
            close(value)
    elif isinstance(node, list):
        for value in node:
            close(value)


def stricter(document):
    for name in answered(document):
        close(document["components"]["schemas"][name])
    for answer in answers(document):
        answer.pop("default", None)
        close(answer)


def run(document, key, *arguments):
    path = pathlib.Path(DIRECTORY, "openapi.json")
    path.write_text(json.dumps(document))
    # Elsewhere than in the directory of the tests, where nobody's settings are read by chance.
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", BASE]
    command += ["-H", f"Authorization: Bearer {key}", "--no-color", "--suppress-health-check", "all", "--warnings", "off"]
    command += ["--generation-deterministic", "--seed", "1", "--continue-on-failure"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--request-timeout", "20"]
    command += ["--checks", "all", "--exclude-checks", ",".join(SILENT), "--report", "junit,har", *arguments]
    hooks = {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)}
    return subprocess.run(command, cwd=DIRECTORY, env={**os.environ, **hooks}, check=False).returncode


def read(path):
    with urllib.request.urlopen(BASE + path, timeout=20) as answer:
        document = json.load(answer)
    OpenAPIV31SpecValidator(document).validate()
    return document


def operators():
    document = read("/openapi-operator.json")
    seed(document, tenants())
    stricter(document)
    sys.exit(run(document, KEY, *ONLY))


def main():
    if OTHER_KEY == "operator":
        operators()
    document = read("/openapi.json")
    made = things()
    seed(document, made)
    seed_bodies(document, made)
    stricter(document)
    apart = "/v1/constraints"
    failed = run(document, KEY, "--exclude-path", apart, *ONLY)
    # What these set would keep the other calls from being served: they are another organisation's.
    if not ONLY:
        failed |= run(document, OTHER_KEY, "--include-path", apart)
    sys.exit(failed)


if __name__ == "__main__":
    main()
