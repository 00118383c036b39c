"""What the bare machine costs: no store, no executor, no driver, only `take` and `answer` with answers known beforehand.

    python benchmarks/profile_machine.py                        fan-out, chain, recursion of 100,000 calls
    python benchmarks/profile_machine.py --only chain --calls 10000 --profile

A first machine is driven by a small world that notes its answers; a second one, which is timed, is given the same answers in the
same order (that they fit is the machine's first law). Each figure comes from a process of its own. Times and bytes are per call:
`expression` is what the program itself takes, `machine` what reducing it adds at its peak, values included.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alonzo import task
from alonzo._apply import LocalApplier
from alonzo._beginning import _GC_THRESHOLD
from alonzo._codec import Codec
from alonzo._digests import Digester
from alonzo._effects import ABSENT, Apply, Inspect, Recall, Remember
from alonzo._machine import Machine
from alonzo._rebuild import Definition
from alonzo._scalars import blake

BUDGET_MICROSECONDS = 15
BUDGET_BYTES = 1536


@task
def inc(x):
    return x + 1


@task
def total(xs):
    return sum(xs)


@task
def down(n):
    return down(n - 1) if n else 0


def fan_out(calls: int) -> Any:
    return total([inc(i) for i in range(calls)])


def chain(calls: int) -> Any:
    value: Any = 0
    for _ in range(calls):
        value = inc(value)
    return value


def recursion(calls: int) -> Any:
    return down(calls)


SHAPES: dict[str, Callable[[int], Any]] = {"fan-out": fan_out, "chain": chain, "recursion": recursion}
REPLAYS = 3  # the fastest counts: what others do on the machine only adds
CHILDREN = ("gc", "no-gc", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(SHAPES), help="one shape")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes (cProfile; slower)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()

    if given.child is not None:
        if given.child == "memory":
            print(json.dumps(weighed(given.only, given.calls)))
        else:
            print(json.dumps(timed(given.only, given.calls, collect=given.child == "gc")))
        return
    print(f"{'shape':<12}{'calls':>9}{'µs':>9}{'µs, no gc':>11}{'bytes, machine':>16}{'bytes, expression':>19}")
    for shape in [given.only] if given.only else SHAPES:
        with_gc, without, (expression, machine) = [in_a_process(shape, given.calls, child) for child in CHILDREN]
        print(f"{shape:<12}{given.calls:>9,}{with_gc:>9.1f}{without:>11.1f}{machine:>16,.0f}{expression:>19,.0f}")
        if given.profile:
            profiled(shape, given.calls)
    print(f"budget: {BUDGET_MICROSECONDS} µs and {BUDGET_BYTES:,} bytes a call")


def in_a_process(shape: str, calls: int, child: str) -> Any:
    command = [sys.executable, str(Path(__file__).resolve()), "--only", shape, "--calls", str(calls), "--child", child]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(shape: str, calls: int, *, collect: bool) -> float:
    """µs a call."""
    digester = Digester()
    answers_to(SHAPES[shape](10), digester, [])  # everything has run once
    expression = SHAPES[shape](calls)
    answers: list[Any] = []
    answers_to(expression, digester, answers)
    if collect:
        gc.set_threshold(*_GC_THRESHOLD)  # as in a run
    else:
        gc.disable()
    return min(replay_seconds(expression, digester, answers) for _ in range(REPLAYS)) / calls * 1e6


def weighed(shape: str, calls: int) -> tuple[float, float]:
    """Bytes a call: of the expression, and what a machine adds to it at its peak."""
    digester = Digester()
    answers_to(SHAPES[shape](10), digester, [])
    before = resident()
    expression = SHAPES[shape](calls)
    built = resident()
    answers_to(expression, digester, None)
    return (built - before) / calls, (resident_peak() - built) / calls


def profiled(shape: str, calls: int) -> None:
    digester = Digester()
    expression = SHAPES[shape](calls)
    answers: list[Any] = []
    answers_to(expression, digester, answers)
    profile = cProfile.Profile()
    profile.runcall(replay, expression, digester, answers)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def replay_seconds(expression: Any, digester: Digester, answers: list[Any]) -> float:
    gc.collect()
    begun = time.process_time()
    replay(expression, digester, answers)
    return time.process_time() - begun


def replay(expression: Any, digester: Digester, answers: list[Any]) -> Machine:
    """Drive a machine with these answers."""
    machine = Machine(expression, digester)
    coming = iter(answers)
    while machine.outcome is None:
        for ticket, effect in machine.take():
            if type(effect) is not Remember:
                machine.answer(ticket, next(coming))
    return machine


def answers_to(expression: Any, digester: Digester, noted: list[Any] | None) -> None:
    """Drive a machine in a world in which nothing is recorded; the answers are noted in the order in which they were asked for."""
    applier = LocalApplier(digester, Codec(), {})
    machine = Machine(expression, digester)
    while machine.outcome is None:
        for ticket, effect in machine.take():
            if type(effect) is Remember:
                continue
            answer = answer_to(effect, applier)
            if noted is not None:
                noted.append(answer)
            machine.answer(ticket, answer)


def answer_to(effect: Any, applier: LocalApplier) -> Any:
    if type(effect) is Recall:
        return ABSENT
    if type(effect) is Inspect:
        return {target: defined(target[1]) for target in effect.targets}
    assert type(effect) is Apply
    return applier.operate(effect) if effect.operation else applier.apply(effect)[0]


def defined(met: Any) -> Definition:
    return Definition(met, blake(met.full_name.encode()), blake(b"policy"), 0, met.declared)


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def resident_peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
