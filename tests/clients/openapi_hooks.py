"""What Schemathesis is not to ask, for `openapi_check.py`.

An empty value counts as none in a query and in our own headers, and headers that nobody knows are passed over; each is
taken for something that should be refused.
"""

import hashlib
import re

import schemathesis

EMPTY = (None, "", [], {}, [""])
UNKNOWN = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(context, case):
    query = case.query if isinstance(case.query, dict) else {}
    headers = {name.lower(): value for name, value in (case.headers or {}).items()}
    own = [value for name, value in headers.items() if name.startswith("floopy-")]
    return UNKNOWN not in headers and all(value not in EMPTY for value in [*query.values(), *own])


@schemathesis.hook
def map_case(context, case):
    """Gives different questions different names: the first one's answer to all of them would say nothing."""
    headers = case.headers or {}
    name = next((name for name in headers if name.lower() == "idempotency-key"), None)
    if name and isinstance(headers[name], str) and re.fullmatch(r"[!-~]{1,255}", headers[name]):
        asked = (case.method, case.path, case.path_parameters, case.query, sorted(headers.items()), case.body)
        headers[name] = hashlib.sha256(repr(asked).encode(errors="replace")).hexdigest()
    return case
