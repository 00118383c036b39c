"""Edits of what no function's compiled code shows: defaults, bodies of classes, statements and data that bind names."""

import importlib
import sys

import pytest

from alonzo import Runtime
from alonzo._definitions import Definitions

FLOW = "from alonzo import task\n{}\n@task\ndef main(): return {}\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module and, unless told not to, imports it anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written = set()

    def write(text, name="flow_beside", *, load=True):
        (tmp_path / f"{name}.py").write_text(text)
        written.add(name)
        if not load:
            return None
        for each in written:
            sys.modules.pop(each, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    write.folder = tmp_path
    yield write
    for each in written:
        sys.modules.pop(each, None)


@pytest.fixture
def runtime():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def run(runtime, flow):
    """The value, and what ran for it."""
    value = runtime.run(flow.main())
    return value, {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


EDITS = {
    "a helper's default": ("def f(x=1): return x", "def f(x=2): return x", "f()"),
    "a helper's default that is a list": ("def f(x=[1]): return x[0]", "def f(x=[2]): return x[0]", "f()"),
    "a class's attribute": ("class C:\n  x = [1]", "class C:\n  x = [2]", "C.x[0]"),
    "a statement": (
        "class V:\n  def __init__(self, x): self.x = x\nv = V(1)",
        "class V:\n  def __init__(self, x): self.x = x\nv = V(2)",
        "v.x",
    ),
    "a member of an enum": (
        "import enum\nclass E(enum.Enum):\n  A = 1",
        "import enum\nclass E(enum.Enum):\n  A = 2",
        "E.A.value",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_module_edited_before_its_first_run_counts_as_it_was_loaded(module, runtime, edit):
    before, after, body = EDITS[edit]
    flow = module(FLOW.format(before, body))
    module(FLOW.format(after, body), load=False)

    assert run(runtime, flow) == (1, {"main": 1})
    assert run(runtime, module(FLOW.format(after, body))) == (2, {"main": 1})
    assert run(runtime, module(FLOW.format(before, body))) == (1, {})


def test_a_helper_s_module_edited_before_the_first_run_counts_as_it_was_loaded(module, runtime):
    flow = FLOW.format("import helper_beside", "helper_beside.K.x[0]")
    module("class K:\n  x = [1]", "helper_beside", load=False)
    loaded = module(flow)
    module("class K:\n  x = [2]", "helper_beside", load=False)

    assert run(runtime, loaded) == (1, {"main": 1})
    assert run(runtime, module(flow)) == (2, {"main": 1})


def test_a_module_reloaded_after_an_edit_counts_as_it_was_reloaded(module, runtime):
    flow = module(FLOW.format("class K:\n  x = [1]", "K.x[0]"))
    module(FLOW.format("class K:\n  x = [20]", "K.x[0]"), load=False)
    importlib.reload(flow)
    module(FLOW.format("class K:\n  x = [300]", "K.x[0]"), load=False)

    assert run(runtime, flow) == (20, {"main": 1})
    assert run(runtime, module(FLOW.format("class K:\n  x = [20]", "K.x[0]"))) == (20, {})
    assert run(runtime, module(FLOW.format("class K:\n  x = [300]", "K.x[0]"))) == (300, {"main": 1})


COMPUTED = {
    "a helper's default": ("def f(x=[data()]): return x[0]", "f()"),
    "a helper's default by keyword": ("def f(*, x={'a': data()}): return x['a']", "f()"),
    "a method's default": ("class C:\n  def f(self, x=[data()]): return x[0]", "C().f()"),
    "a class's attribute": ("class C:\n  x = (data(),)", "C.x[0]"),
    "one that is a list": ("class C:\n  x = [data()]", "C.x[0]"),
    "one whose name instances of another class have too": (
        "class C:\n  x = data()\nclass D:\n  def __init__(self): self.x = 3",
        "C.x",
    ),
    "one that instances assign under another name": (
        "class C:\n  x = data()\n  def __init__(this): this.y = this.x = this.x",
        "C.x",
    ),
    "a private one": ("class C:\n  __x = [data()]\n  def get(self): return self.__x[0]", "C().get()"),
    "a branch of the body": ("class C:\n  if data() == 1: x = 1\n  else: x = 2", "C.x"),
    "a method of a branch": (
        "class C:\n  if data() == 1:\n    def x(self): return 1\n  else:\n    def x(self): return 2",
        "C().x()",
    ),
    "a member of an enum": ("import enum\nclass E(enum.Enum):\n  A = (data(),)", "E.A.value[0]"),
    "a dataclass's default": (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n  x: tuple = (data(),)",
        "C().x[0]",
    ),
    "a dataclass's field": (
        "import dataclasses\n@dataclasses.dataclass(slots=True)\nclass C:\n  x: tuple = dataclasses.field(default=(data(),))",
        "C().x[0]",
    ),
    "an attrs class's default": ("import attrs\n@attrs.define\nclass C:\n  x: tuple = (data(),)", "C().x[0]"),
    "a named tuple's default": (
        "import typing\nclass C(typing.NamedTuple):\n  x: tuple = (data(),)",
        "C().x[0]",
    ),
}


@pytest.mark.parametrize("case", COMPUTED)
def test_what_is_computed_from_data_counts_by_its_value(module, runtime, case):
    binding, body = COMPUTED[case]
    data = module.folder / "data"
    text = FLOW.format(
        f"import pathlib\ndef data(): return int(pathlib.Path({str(data)!r}).read_text())\n{binding}", body
    )
    data.write_text("1")
    first = run(runtime, module(text))
    data.write_text("2")
    second = run(runtime, module(text))
    data.write_text("1")

    assert (first, second) == ((1, {"main": 1}), (2, {"main": 1}))
    assert run(runtime, module(text)) == (1, {})


CHANGED = {
    "an item": "C.x['k'] = C.x['k'] + 1",
    "an item of an item": "C.x['k', 'l'] = 0; C.x['m'] = {}; C.x['m']['n'] = 1",
    "in place": "C.x.update(n=1)",
    "anew": "C.x = dict(C.x, n=1)",
    "by a class method": "C.count()",
}


@pytest.mark.parametrize("change", CHANGED)
def test_an_attribute_that_a_task_changes_is_state_and_runs_nothing(module, runtime, change):
    flow = module(
        "from alonzo import task\nimport collections\nclass C:\n  x = collections.defaultdict(int)\n"
        "  @classmethod\n  def count(this): this.x = {'n': 1}\n"
        f"@task\ndef main():\n  {CHANGED[change]}\n  return 1\n"
    )

    assert run(runtime, flow) == (1, {"main": 1})
    assert dict(flow.C.x) != {}
    assert run(runtime, flow) == (1, {})


MEMOS = {
    "an item": "def f(n, memo=dict()):\n  memo[n] = 1\n  return memo[n]",
    "in place": "def f(n, memo=dict()):\n  memo.setdefault(n, []).append(1)\n  return 1",
    "as a sum": "def f(n, memo=list()):\n  memo += [n]\n  return 1",
    "of a method": "class C:\n  def f(self, n, memo=dict()):\n    memo[n] = 1\n    return 1\nf = C().f",
}


@pytest.mark.parametrize("memo", MEMOS)
def test_a_default_that_its_function_changes_is_state_and_runs_nothing(module, runtime, memo):
    flow = module(FLOW.format(MEMOS[memo], "f(3)"))

    assert run(runtime, flow) == (1, {"main": 1})
    assert run(runtime, flow) == (1, {})


WRAPPER = "class memo:\n  def __init__(self, f): self.f = f\n  def __call__(self, *args): return self.f(*args)\n"
WRAPPED = {
    "a function": "@memo\ndef f(): return {}",
    "a function that calls another": "def g(): return {}\n@memo\ndef f(): return g()",
    "a function that is decorated twice": "@memo\n@memo\ndef f(): return {}",
    "one of two functions": "if len('a') == 1:\n  @memo\n  def f(): return {}\nelse:\n  @memo\n  def f(): return 3",
    "a class": "@memo\nclass f:\n  x = {}\n  def __new__(cls): return cls.x",
}


@pytest.mark.parametrize("case", WRAPPED)
def test_what_an_instance_wraps_as_a_decorator_counts(module, runtime, case):
    one, two = (FLOW.format(WRAPPER + WRAPPED[case].format(number), "f()") for number in (1, 2))

    assert run(runtime, module(one)) == (1, {"main": 1})
    assert run(runtime, module(two)) == (2, {"main": 1})
    assert run(runtime, module("# moved\n" + one)) == (1, {})


HOLDER = """class R:
  kinds = {}
  def __init__(self): self.d = {}
  def set(self, k, v): self.d[k] = v
  def get(self, k): return self.d[k]
  def reg(self, f):
    self.d[f.__name__] = f
    return f
  @classmethod
  def kind(cls, f):
    cls.kinds[f.__name__] = f
    return f
r = R()
"""
CONFIGURED = {
    "by a method": ("r.set('a', {})", "r.get('a')"),
    "in a loop": ("for k in 'ab': r.set(k, {})", "r.get('a')"),
    "by setattr": ("setattr(r, 'n', {})", "r.n"),
    "by setattr in a loop": ("for k in 'ab':\n  setattr(r, k, {})", "r.a"),
    "in a branch": ("if len('a') == 1:\n  r.set('a', {})", "r.get('a')"),
    "by a function of the module": ("def one(): return {}\nr.set('a', one())", "r.get('a')"),
    "by a decorator": ("@r.reg\ndef f(): return {}", "r.get('f')()"),
    "by a decorator, with a class": ("@r.reg\nclass F:\n  def get(self): return {}", "r.get('F')().get()"),
    "by a class's decorator": ("@R.kind\ndef f(): return {}", "R.kinds['f']()"),
    "by a class's method": ("R.kind(lambda: {})", "R.kinds['<lambda>']()"),
    "by a virtual base": (
        "import abc\nclass A(abc.ABC): pass\nclass B: pass\nclass C: pass\nA.register([B, C][{} - 1])",
        "1 if isinstance(B(), A) else 2",
    ),
}


@pytest.mark.parametrize("case", CONFIGURED)
def test_what_an_object_of_the_module_was_given_after_it_was_made_counts(module, runtime, case):
    binding, body = CONFIGURED[case]
    one, two = (FLOW.format(HOLDER + binding.format(number), body) for number in (1, 2))

    assert run(runtime, module(one)) == (1, {"main": 1})
    assert run(runtime, module(two)) == (2, {"main": 1})
    assert run(runtime, module("# moved\n" + one)) == (1, {})


def test_what_a_program_s_start_and_another_object_are_given_does_not_count(module, runtime):
    binding = "other = R()\nr.set('a', 1)\nother.set('a', {0})\nif __name__ == '__main__':\n  r.set('a', {0})"
    one, two = (FLOW.format(HOLDER + binding.format(number), "r.get('a')") for number in (1, 2))

    assert run(runtime, module(one)) == (1, {"main": 1})
    assert run(runtime, module(two)) == (1, {})


def test_an_object_that_counts_its_calls_runs_nothing(module, runtime):
    add = "def add(self): self.n += 1; self.seen.append(1); return 1"
    counter = f"class K:\n  seen = []\n  def __init__(self): self.n = 0\n  {add}\nk = K()"
    flow = module(FLOW.format(counter, "k.add()"))

    assert run(runtime, flow) == (1, {"main": 1})
    assert flow.k.n == 1
    assert run(runtime, flow) == (1, {})


AS_VALUES = {
    "in a list": ("L = [helper_beside]", "L[0].f()"),
    "in a dict": ("D = {'m': helper_beside}", "D['m'].f()"),
    "in a list of an attribute": ("class C:\n  x = [helper_beside]", "C.x[0].f()"),
    "as a default": ("def g(m=helper_beside): return m.f()", "g()"),
    "given to a function": ("def g(m): return m.f()", "g(helper_beside)"),
}


@pytest.mark.parametrize("case", AS_VALUES)
def test_a_module_that_is_a_value_counts_with_what_it_reaches(module, runtime, case):
    binding, body = AS_VALUES[case]
    flow = FLOW.format(f"import helper_beside\n{binding}", body)
    helper = "import deeper_beside\ndef f(): return deeper_beside.g() {}"

    def edit(more, deep):
        module(f"def g(): return {deep}", "deeper_beside", load=False)
        module(helper.format(more), "helper_beside", load=False)
        return run(runtime, module(flow))

    assert edit("", 1) == (1, {"main": 1})
    assert edit("+ 1", 1) == (2, {"main": 1})
    assert edit("", 3) == (3, {"main": 1})
    assert edit("  # as at first", 1) == (1, {})


def test_a_default_that_was_set_from_outside_counts(module, runtime):
    two, three = (FLOW.format(f"def f(x=1): return x\nf.__defaults__ = ({number},)", "f()") for number in (2, 3))

    assert run(runtime, module(two)) == (2, {"main": 1})
    assert run(runtime, module(three)) == (3, {"main": 1})
    assert run(runtime, module(two)) == (2, {})


LISTED = {
    "an attribute without a digest": (
        "import re\nclass C:\n  x = re.compile('a')",
        "C",
        {"flow_beside.C: attribute x is a value without a digest"},
    ),
    "an attribute that a method changes": (
        "class C:\n  x = dict()\n  def f(self): self.x['a'] = 1",
        "C",
        {"flow_beside.C: attribute x is changed by code of its module"},
    ),
    "a container that a class method changes": (
        "class C:\n  x = {}\n  @classmethod\n  def f(cls): cls.x['a'] = 1",
        "C",
        {"flow_beside.C: attribute x is changed by code of its module"},
    ),
    "attributes that their text or their value tells": (
        "import threading\nclass C:\n  x = [1, {'a': -1}]\n  y = [len('a')]\n  z = threading.Lock()\n  def f(self): self.y = 3",
        "C",
        set(),
    ),
    "a default that its function changes": (
        "def f(n, memo=dict()):\n  memo[n] = n",
        "f(1)",
        {"flow_beside.f: default memo of f is changed by it"},
    ),
    "a module in a list": (
        "import helper_beside, json\nL = [helper_beside, json]",
        "L",
        {"flow_beside.L: uses the module helper_beside as a value"},
    ),
}


@pytest.mark.parametrize("case", LISTED)
def test_what_does_not_count_by_its_value_is_listed(module, case):
    binding, body, listed = LISTED[case]
    module("", "helper_beside", load=False)
    function = module(FLOW.format(binding, body)).main.func
    definitions = Definitions(
        digest_value=lambda value: repr(value).encode() if type(value) in (list, dict) else None,
        task_name=lambda value: None,
    )

    assert set(definitions.fingerprint(function, "flow_beside.main").untracked) == listed


EXECUTED = {
    "a method": ("class C:\n  def m(self): return {}", "C().m()"),
    "an attribute": ("class C:\n  x = {}", "C.x"),
    "a member of an enum": ("import enum\nclass E(enum.Enum):\n  A = {}", "E.A.value"),
    "a method of an instance": ("class C:\n  def m(self): return {}\nc = C()", "c.m()"),
}


@pytest.mark.filterwarnings("ignore:the text of:alonzo.AlonzoWarning")
@pytest.mark.parametrize("case", EXECUTED)
def test_a_class_in_text_that_is_executed_under_no_module_s_name_counts(runtime, case):
    binding, body = EXECUTED[case]

    def executed(number):
        namespace = {"__name__": "made_beside"}
        exec(FLOW.format(binding.format(number), body), namespace)
        value = runtime.run(namespace["main"]())
        return value, dict(runtime.last.ran)

    assert executed(1) == (1, {"made_beside.main": 1})
    assert executed(2) == (2, {"made_beside.main": 1})
    assert executed(1) == (1, {})


def test_what_only_says_that_it_is_a_module_is_passed_over(module, runtime, monkeypatch):
    """As cffi's libraries do in `sys.modules`."""

    class Lib:
        __slots__ = ()
        __class__ = property(lambda _: type(sys))

    monkeypatch.setitem(sys.modules, "flow_lib", Lib())

    assert runtime.run(module(FLOW.format("", "1")).main()) == 1
