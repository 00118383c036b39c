"""The work on Alonzo."""

import importlib
import sys

from meter import Meter, database_size, serve

from alonzo import Runtime
from alonzo._value_directory import ValueDirectory


def run(program, root, args, *, store=None, executor="threads", workers=None, force=(), warm="inc", repeat=1):
    """Run `root(*args)` of the module `flow` in the directory `program`, in a runtime that is open and has run something.

    store   path of the database; None: memory
    warm    what has run before: "inc", one call; "root", the same work in another runtime; "workers", enough to start them all
    repeat  runs, each of other inputs (a further argument, the first input); the figures are those of one
    """
    sys.path.insert(0, program)
    read_back = counting_values()
    flow = importlib.import_module("flow")
    call = getattr(flow, root)
    if warm == "root":
        with Runtime(store="memory:", executor=executor, workers=workers) as other:
            other.run(call(*args))
    with Runtime(store=f"sqlite:{store}" if store else "memory:", executor=executor, workers=workers) as runtime:
        if warm == "workers":
            runtime.run(flow.naps(8, 0.1))
        runtime.run(flow.inc(-10))
        before = getattr(runtime.store, "statements", 0)
        with Meter() as meter:
            for turn in range(repeat):
                more = (turn * args[0],) if repeat > 1 else ()
                runtime.run(call(*args, *more), force=force)
        statements = getattr(runtime.store, "statements", 0) - before
        ran, recalled = dict(runtime.last.ran), dict(runtime.last.recalled)
    read = meter.read(statements=statements, ran=ran, recalled=recalled, read_back=sum(read_back))
    read["wall"] /= repeat
    read["cpu"] /= repeat
    if store:
        read["database"] = database_size(store)
    return read


def counting_values():
    """The bytes of each value that this process, not a worker, reads from the value store."""
    sizes, get = [], ValueDirectory.get

    def counted(self, content):
        data = get(self, content)
        sizes.append(len(data))
        return data

    ValueDirectory.get = counted
    return sizes


if __name__ == "__main__":
    serve({"run": run})
