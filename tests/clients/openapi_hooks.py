"""What Schemathesis is not to ask, for `openapi_check.py`: in a query an empty value counts as none."""

import schemathesis

EMPTY = (None, "", [], {}, [""])


@schemathesis.hook
def filter_case(context, case):
    query = case.query
    return not isinstance(query, dict) or all(value not in EMPTY for value in query.values())
