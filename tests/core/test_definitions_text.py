"""The normal form of texts, and the names found in them."""

import ast

import pytest

from alonzo._definitions_code import code_names, encoded_code, is_same_code
from alonzo._definitions_names import definition_names
from alonzo._normal_ast import normal_form


def function(text):
    return ast.parse(text).body[0]


def names(text):
    return definition_names(function(text), decorators=(), defaults=True, hidden=frozenset())


def code(text):
    namespace = {}
    exec(text, namespace)
    return namespace["f"].__code__


def test_the_normal_form_is_this():
    text = 'def f(a: int, b=1) -> str:\n    "Doc."\n    x: int = a\n    return x + 2.0'

    assert normal_form(function(text)) == (
        "(FunctionDef"
        " args=(arguments args=[(arg arg='a')(arg arg='b')] defaults=[#0x1])"
        " body=[(Assign targets=[(Name id='x')] value=(Name id='a'))"
        "(Return value=(BinOp left=(Name id='x') op=(Add) right=#float:2.0))]"
        " name='f')"
    )


def test_a_sum_of_ten_thousand_terms_has_a_normal_form():
    node = ast.Constant(1)
    for _ in range(10_000):
        node = ast.BinOp(node, ast.Add(), ast.Constant(1))

    assert normal_form(node).count("#0x1") == 10_001


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("def f(a): return a + b", {"b"}),
        ("def f():\n x = 1\n return lambda y: x + y + z.w", {"z.w"}),
        ("def f(): return [x for x in xs if x > y]", {"xs", "y"}),
        ("def f():\n if (n := g()): return n", {"g"}),
        ("def f():\n global n\n n = 1\n return n", {"n"}),
        ("def f():\n try: g()\n except E as e: return e", {"g", "E"}),
        ("def f(v):\n match v:\n  case A(b=c): return c", {"A"}),
        ("def f(a=b, *, c=d): return a.e(c)", {"b", "d"}),
        ("def f(a: T) -> U:\n x: V = 1\n return x", set()),
        ("class f(A, k=b):\n x = c\n y = x\n def m(self): return x", {"A", "b", "c", "x"}),
        ("def f():\n with a.b() as c: return c", {"a.b"}),
        ("def f():\n for x.y in z: del w[0]", {"x", "z", "w"}),
    ],
)
def test_names_follow_the_rules_of_scope(text, reads):
    assert {".".join(chain) for chain in names(text).reads} == reads


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("def f():\n global n\n n += 1", {"n": True}),
        ("def f(): n[0] = 1", {"n": False}),
        ("def f(): n.a[0].b = 1", {"n.a": False}),
        ("def f(): m.n.append(1)", {"m.n": False}),
        ("def f(): next(n)", {"n": False}),
        ("def f():\n n = []\n n.append(1)\n n[0] = 2", {}),
        ("def f(n): n.append(1)", {}),
    ],
)
def test_changes_are_found(text, changes):
    assert {".".join(chain): rebinds for chain, rebinds in names(text).changes.items()} == changes


def test_names_and_changes_are_found_in_code():
    found = code_names(code("def f():\n global n\n n = a.b.c(1)\n x[0] = 1\n return [y() for z in w]"))

    assert {"a.b.c", "x", "y", "w"} <= {".".join(chain) for chain in found.reads}
    assert found.changes == {("n",): True, ("x",): False}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(): return 1", "\n\ndef f(): return 1", True),
        ("def f(): 'a'; return 1", "def f(): 'b'; return 1", True),
        ("def f(x): return x in {1, 'a', 'b'}", "def f(x): return x in {'b', 'a', 1}", True),
        ("def f(): return 1", "def f(): return 1.0", False),
        ("def f(): return 0.0", "def f(): return -0.0", False),
        ("def f(): return lambda: 1", "def f(): return lambda: 2", False),
        ("def f(x): return x.a", "def f(x): return x.b", False),
        ("def f(x, y): return x", "def f(x, *, y): return x", False),
    ],
)
def test_code_is_compared_by_what_it_does(one, other, same):
    assert is_same_code(code(one), code(other)) is same
    assert (encoded_code(code(one)) == encoded_code(code(other))) is same
