"""Holds the scripts beside it against the `floopy-sdk` package: each of its methods is called by a script, and so is its
asynchronous twin. In the scripts `c` is a client of that package."""

import ast
import inspect
import pathlib

from floopy import AsyncFloopy, Floopy

SCRIPTS = sorted(pathlib.Path(__file__).parent.glob("*.py"))


def methods(client):
    """Every `resource.method` of the package's own."""
    resources = {name: it for name, it in vars(client).items() if not name.startswith("_")}
    return {
        f"{name}.{method}"
        for name, it in resources.items()
        for method, _ in inspect.getmembers(type(it), inspect.isfunction)
        if not method.startswith("_")
    }


class Calls(ast.NodeVisitor):
    """What is called as `c.resource.method`, within asynchronous functions and elsewhere."""

    def __init__(self):
        self.found = {True: set(), False: set()}
        self.is_async = False

    def visit_AsyncFunctionDef(self, node):
        self.within(node, True)

    def visit_FunctionDef(self, node):
        self.within(node, False)

    def within(self, node, is_async):
        before, self.is_async = self.is_async, is_async
        self.generic_visit(node)
        self.is_async = before

    def visit_Attribute(self, node):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="c"), attr=resource), attr=method):
                self.found[self.is_async].add(f"{resource}.{method}")
        self.generic_visit(node)


calls = Calls()
for script in SCRIPTS:
    calls.visit(ast.parse(script.read_text()))
for kind, is_async in [(Floopy, False), (AsyncFloopy, True)]:
    own = methods(kind(api_key="fl_nobody", base_url="http://127.0.0.1"))
    assert len(own) > 20, own
    missing = sorted(own - calls.found[is_async])
    assert not missing, f"no script calls {missing} of {kind.__name__}"
