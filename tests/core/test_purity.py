"""The kernel computes and nothing else: no audit event, no call of time, random or os, whatever is reduced.

In a process of its own: an audit hook cannot be taken away again. Answers are prepared first, by a machine that is not watched.
"""

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"

PROGRAM = '''
import sys, random
import alonzo._forms as forms
from alonzo import catch, cond, LoopError, task, seq, get_context
from alonzo._effects import Remember
from alonzo._machine import Machine
from machine_driver import Drive, World, Place
from random_programs import CONTEXT, INNER, KINDS, lazy
from form_samples import SAMPLES, root

@task
def looping(x):
    return looping(x)

@task
def placed(p):
    return [Place("b"), p]

def program(kind):
    leaf = ("call", ("arg",))
    more = {"climb": [3], "tree": [4], "context": ["a"], "context path": ["a"]}.get(kind, [])
    return (kind, *[leaf] * INNER.get(kind, 2), *more)

def roots():
    def expressions():
        yield [lazy(program(kind), 1) for kind in KINDS if kind != "fail"]
        yield lazy(program("fail"), 1)
        yield [catch(lazy(program("fail"), n), Exception, n) for n in range(3)]
        yield {name: make() for name, (make, _) in SAMPLES.items()}
        yield [root(name) for name in SAMPLES]
        yield looping(1)
        yield catch(looping(1), LoopError, "loop")
        yield placed(Place("a"))
        yield lazy(("call", ("const", "not a number")), 1)
    return expressions()

class Taped(Drive):
    """Keeps its answers, for another machine that reduces the same program."""
    def _answer(self, ticket, effect):
        answer = super()._answer(ticket, effect)
        TAPE.append(answer)
        return answer

TAPE = []
WATCHED, EVENTS = [False], []

def hook(event, args):
    # These tell of the interpreter's own objects; nothing leaves the process.
    if WATCHED[0] and event not in ("builtins.id", "sys._getframe", "object.__getattr__", "object.__setattr__"):
        EVENTS.append(f"audit {event} {args!r}"[:200])

FORBIDDEN = ("time", "random", "_random", "os", "posix", "nt", "secrets", "threading", "_thread", "io", "_io")

def profile(frame, event, arg):
    if not WATCHED[0]:
        return
    if event == "c_call":
        module = getattr(arg, "__module__", None) or type(getattr(arg, "__self__", None)).__module__
        if module in FORBIDDEN:
            EVENTS.append(f"call {module}.{arg.__name__}")
    elif event == "call" and frame.f_globals.get("__name__") in FORBIDDEN:
        EVENTS.append(f"call {frame.f_globals['__name__']}.{frame.f_code.co_name}")

def replay(machine, rounds):
    """The machine alone, watched, with the answers given in the same order."""
    place = 0
    tickets = []
    while True:
        sys.setprofile(profile)
        WATCHED[0] = True
        try:
            taken = machine.take()
        finally:
            WATCHED[0] = False
            sys.setprofile(None)
        tickets += [ticket for ticket, effect in taken if type(effect) is not Remember]
        if place == len(rounds) and not taken:
            return place
        while tickets:
            ticket, answer = tickets.pop(0), rounds[place]
            place += 1
            sys.setprofile(profile)
            WATCHED[0] = True
            try:
                machine.answer(ticket, answer)
            finally:
                WATCHED[0] = False
                sys.setprofile(None)

PLANT

sys.addaudithook(hook)
world, answered = World(), 0
world.places.update(a=b"1", b=b"2")
for again in (False, True):  # the second time things are recalled
    for one, other in zip(roots(), roots(), strict=True):
        TAPE.clear()
        Taped(one, world, context=CONTEXT, traced=False).reduce()
        answered += replay(Machine(other, world.digester, context=CONTEXT), list(TAPE))
print(answered)
print("\\n".join(sorted(set(EVENTS))))
'''

PLANTED = """
def planted(*operands, honest=forms.FORMS["cond"]):
    import time
    time.time()
    open(__import__("os").devnull).close()
    return (yield from honest.func(*operands))
forms.FORMS = {**forms.FORMS, "cond": forms.SpecialForm(lambda *operands: planted(*operands), "cond", own=True)}
"""


def _watched(plant, tmp_path):
    script = tmp_path / "watched.py"
    script.write_text(PROGRAM.replace("PLANT\n", plant))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path])}
    done = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answered, _, events = done.stdout.partition("\n")
    return int(answered), events.split("\n")[:-1]


def test_reducing_every_form_operator_container_and_failure_touches_nothing(tmp_path):
    answered, events = _watched("", tmp_path)

    assert answered > 100
    assert [event for event in events if event] == []


def test_a_form_that_opens_a_file_or_asks_the_time_is_caught(tmp_path):
    _, events = _watched(PLANTED, tmp_path)

    assert any(event.startswith("audit open") for event in events)
    assert "call time.time" in events
