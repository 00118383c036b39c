"""What is measured, and the bars. A benchmark makes one round of measurements; a bar is a figure of a round, of which the median counts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lab import Figures, Lab

Round = Mapping[str, Figures]
MS = 1e3
US = 1e6


@dataclass(frozen=True)
class Bar:
    """`value` of a round (None: not measured) must be at most `limit`, or at least; without a limit it is only shown."""

    work: str
    unit: str
    value: Callable[[Round], float | None]
    limit: float | None = None
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        return self.limit is None or (value >= self.limit if self.at_least else value <= self.limit)


@dataclass(frozen=True)
class Benchmark:
    """`measure` makes one round: figures by the name of what was measured."""

    name: str
    title: str
    measure: Callable[[Lab], Round]
    bars: tuple[Bar, ...]


def rate(name: str) -> Callable[[Round], float]:
    """Calls a second."""
    return lambda seen: seen[name]["calls"] / seen[name]["wall"]


def ratio(above: str, below: str, figure: str = "wall") -> Callable[[Round], float | None]:
    """Of a figure per call; None where one of the two was not measured."""

    def value(seen: Round) -> float | None:
        if above not in seen or below not in seen:
            return None
        return (seen[above][figure] / seen[above]["calls"]) / (seen[below][figure] / seen[below]["calls"])

    return value


def more(above: str, below: str, figure: str, scale: float) -> Callable[[Round], float]:
    return lambda seen: (seen[above][figure] - seen[below][figure]) * scale


def only(name: str, figure: str, scale: float = 1.0) -> Callable[[Round], float | None]:
    return lambda seen: seen[name][figure] * scale if name in seen else None


# -- one round of each ---------------------------------------------------------------------------------------------------


def cold(lab: Lab) -> Round:
    n, place, program = lab.calls, lab.place(), lab.program()
    seen = {
        "alonzo": lab.alonzo(program, "fan_out", n, store=place) | {"calls": n},
        "floor": lab.floor("cold", n, place) | {"calls": n},
    }
    if lab.redun:
        fewer = max(n // 10, 1)
        seen["redun"] = lab.on_redun("fan_out", fewer, store=place) | {"calls": fewer}
    lab.leave(place)
    return seen


def again(lab: Lab) -> Round:
    n, few, program = lab.calls, max(lab.calls // 100, 1), lab.program()
    seen: dict[str, Figures] = {}
    for name, calls in (("few", few), ("many", n)):
        place = lab.place()
        lab.alonzo(program, "fan_out", calls, store=place)
        seen[name] = lab.alonzo(program, "fan_out", calls, store=place) | {"calls": calls}
        assert seen[name]["recalled"] == {"flow.fan_out": 1}, seen[name]
        assert not seen[name]["ran"], seen[name]
        lab.leave(place)
    if lab.redun:
        for name, root in (("redun", "fan_out"), ("redun, shallow", "fan_out_shallow")):
            place, calls = lab.place(), max(n // 10, 1)
            lab.on_redun(root, calls, store=place)
            seen[name] = lab.on_redun(root, calls, store=place) | {"calls": calls}
            lab.leave(place)
    return seen


def each(lab: Lab) -> Round:
    n, place, program = lab.calls, lab.place(), lab.program()
    lab.alonzo(program, "fan_out", n, store=place)
    lab.floor("cold", n, place)
    seen = {
        "alonzo": lab.alonzo(program, "fan_out", n, store=place, force=["flow.fan_out"]) | {"calls": n},
        "floor": lab.floor("look_ups", n, place) | {"calls": n},
    }
    assert seen["alonzo"]["ran"] == {"flow.fan_out": 1}, seen["alonzo"]
    assert seen["alonzo"]["recalled"] == {"flow.inc": n, "flow.total": 1}, seen["alonzo"]
    lab.leave(place)
    return seen


def changed(lab: Lab) -> Round:
    n, place, program = lab.calls, lab.place(), lab.program()
    edited = lab.program(("return sum(xs)", "return sum(xs) + 1"))
    lab.alonzo(program, "fan_out", n, store=place)
    seen = {
        "code": lab.alonzo(edited, "fan_out", n, store=place) | {"calls": n},
        "input": lab.alonzo(edited, "fan_out", n, 0, n // 2, store=place) | {"calls": n},
    }
    assert seen["code"]["ran"] == {"flow.total": 1}, seen["code"]
    assert seen["input"]["ran"] == {"flow.fan_out": 1, "flow.inc": 1, "flow.total": 1}, seen["input"]
    lab.leave(place)
    return seen


def growth(lab: Lab) -> Round:
    seen: dict[str, Figures] = {}
    program = lab.program()
    for shape in ("fan_out", "chain", "recursion"):
        for name, calls, repeat in (("few", max(lab.calls // 10, 2), 5), ("many", lab.calls * 10, 1)):
            place = lab.place()
            found = lab.alonzo(program, shape, calls, store=place, repeat=repeat)
            seen[f"{shape}, {name}"] = found | {"calls": calls}
            lab.leave(place)
    return seen


def chains(lab: Lab) -> Round:
    n, program = lab.calls, lab.program()
    seen: dict[str, Figures] = {}
    for executor in ("threads", "inprocess"):
        place = lab.place()
        seen[executor] = lab.alonzo(program, "chain", n, store=place, executor=executor) | {"calls": n}
        lab.leave(place)
    if lab.redun:
        place = lab.place()
        seen["redun, 200"] = lab.on_redun("chain", 200, store=place) | {"calls": 200}
        lab.leave(place)
    return seen


def fib(lab: Lab) -> Round:
    place = lab.place()
    seen = {"alonzo": lab.alonzo(lab.program(), "fib", 20, store=place, warm="root") | {"calls": 21}}
    lab.leave(place)
    return seen


def processes(lab: Lab) -> Round:
    n, program = max(lab.calls // 5, 1), lab.program()
    seen: dict[str, Figures] = {}
    for executor in ("threads", "processes"):
        place = lab.place()
        found = lab.alonzo(program, "fan_out", n, store=place, executor=executor, workers=2, warm="workers")
        seen[executor] = found | {"calls": n}
        lab.leave(place)
    place = lab.place()
    mixed = lab.alonzo(program, "naps", 63, 0.02, 1.0, store=place, executor="processes", workers=2, warm="workers")
    seen["1 s + 63 × 20 ms"] = mixed | {"calls": 64}
    lab.leave(place)
    return seen


IDEAL_MIX = (1 + 63 * 0.02) / 2


def sleeps(lab: Lab) -> Round:
    place, program = lab.place(), lab.program()
    seen = {"alonzo": lab.alonzo(program, "naps", 200, 0.05, store=place, workers=20) | {"calls": 200}}
    if lab.redun:
        seen["redun"] = lab.on_redun("naps", 200, 0.05, store=place) | {"calls": 200}
    lab.leave(place)
    return seen


def memory(lab: Lab) -> Round:
    program = lab.program()
    seen: dict[str, Figures] = {}
    for name, root, calls in (
        ("few", "fan_out", lab.calls),
        ("many", "fan_out", lab.calls * 10),
        ("10 KB results", "blobs", lab.calls * 10),
    ):
        place = lab.place()
        seen[name] = lab.alonzo(program, root, calls, store=place) | {"calls": calls}
        lab.leave(place)
    return seen


def files(lab: Lab) -> Round:
    n, place, seen = lab.calls, lab.place(), {}
    lab.files("make", place, n, size=200)
    for case in ("first", "again"):
        seen.update({f"{case}: {name}": found for name, found in lab.files(case, place, n).items()})
    lab.leave(place)
    for size in (1, 16):
        for hasher in ("content", "blake3") if find_spec("blake3") else ("content",):
            place, count = lab.place(), 128 // size
            lab.files("make", place, count, size=size << 20)
            found = lab.files("large", place, count, hasher=hasher)
            seen.update({f"{size} MiB, {hasher}: {name}": figures for name, figures in found.items()})
            lab.leave(place)
    return seen


def values(lab: Lab) -> Round:
    """By worker processes: the peak is the coordinator's."""
    program, two = lab.program(), {"executor": "processes", "workers": 2, "warm": "workers"}
    megabytes = lab.calls // 10
    place, seen = lab.place(), {}
    seen["1 GB"] = lab.alonzo(program, "hand_over", megabytes, store=place, **two)
    lab.leave(place)
    place = lab.place()
    lab.alonzo(program, "turned_array", megabytes, store=place, **two)
    seen["1 GB, recalled"] = lab.alonzo(program, "hand_over", megabytes, store=place, **two)
    assert "flow.turned" not in seen["1 GB, recalled"]["ran"]
    lab.leave(place)
    for name, n in (("1,000 × 1 MB", lab.calls // 10), ("200 × 1 MB", lab.calls // 50)):
        place = lab.place()
        seen[name] = lab.alonzo(program, "packets", n, 1 << 20, store=place, **two) | {"calls": n}
        lab.leave(place)
    place, n = lab.place(), lab.calls // 50
    seen["floor, 200 × 1 MB"] = lab.floor("packets", n, place, size=1 << 20) | {"calls": n}
    lab.leave(place)
    if lab.redun:
        place = lab.place()
        seen["redun, 200 × 1 MB"] = lab.on_redun("packets", n, 1 << 20, store=place, workers=2) | {"calls": n}
        lab.leave(place)
    return seen


def slope(seen: Round) -> float:
    """Bytes of peak memory per further call."""
    few, many = seen["few"], seen["many"]
    return (many["peak"] - few["peak"]) / (many["calls"] - few["calls"])


def start_up(lab: Lab) -> Round:
    place = lab.place()
    program = lab.program()
    cli = (sys.executable, "-m", "alonzo_cli")
    first = lab.place()
    lab.command(*cli, "run", f"{program}/flow.py", "one", cwd=first)  # compiles what was not compiled
    seen = {
        "python": lab.command(sys.executable, "-c", "pass", cwd=place),
        "import alonzo": lab.command(sys.executable, "-c", "import alonzo", cwd=place),
        "alonzo --help": lab.command(*cli, "--help", cwd=place),
        "a one-task run": lab.command(*cli, "run", f"{program}/flow.py", "one", cwd=place),
    }
    lab.leave(place, first)
    return seen


# -- the bars ------------------------------------------------------------------------------------------------------------

BENCHMARKS = (
    Benchmark(
        "cold",
        "fan-out, nothing recorded before; SQLite, threads, everything recorded",
        cold,
        (
            Bar("time, of the floor's", "×", ratio("alonzo", "floor"), 3),
            Bar("the same, CPU", "×", ratio("alonzo", "floor", "cpu")),
            Bar("calls a second", "/s", rate("alonzo"), 10_000, at_least=True),
            Bar("redun's time per call, of Alonzo's", "×", ratio("redun", "alonzo"), 100, at_least=True),
            Bar(
                "database per call, after a checkpoint",
                "bytes",
                lambda seen: seen["alonzo"]["database"] / seen["alonzo"]["calls"],
                450,
            ),
        ),
    ),
    Benchmark(
        "again",
        "the same in a new process, nothing changed (few: a hundredth of the calls)",
        again,
        (
            Bar("wall, more than with few", "ms", more("many", "few", "wall", MS), 10),
            Bar("statements, more than with few", "", more("many", "few", "statements", 1), 0),
            Bar("redun's time per call, of Alonzo's", "×", ratio("redun", "many"), 1_000, at_least=True),
            Bar("the same, redun shallow", "×", ratio("redun, shallow", "many")),
        ),
    ),
    Benchmark(
        "each",
        "every call looked up one by one (the root is forced)",
        each,
        (
            Bar("time, of the floor's look-ups", "×", ratio("alonzo", "floor"), 3),
            Bar("the same, CPU", "×", ratio("alonzo", "floor", "cpu")),
            Bar("calls a second", "/s", rate("alonzo"), 20_000, at_least=True),
        ),
    ),
    Benchmark(
        "changed",
        "the final task's code changed; one input changed (that exactly these ran is asserted)",
        changed,
        (
            Bar("code: calls a second", "/s", rate("code"), 20_000, at_least=True),
            Bar("input: calls a second", "/s", rate("input"), 20_000, at_least=True),
        ),
    ),
    Benchmark(
        "growth",
        "time per call with a hundred times the calls; SQLite, threads",
        growth,
        tuple(
            bar
            for shape in ("fan_out", "chain", "recursion")
            for bar in (
                Bar(shape, "×", ratio(f"{shape}, many", f"{shape}, few"), 1.25),
                Bar(f"{shape}, CPU", "×", ratio(f"{shape}, many", f"{shape}, few", "cpu")),
            )
        ),
    ),
    Benchmark(
        "chain",
        "each call on the result of the one before it; SQLite",
        chains,
        (
            Bar("threads: calls a second", "/s", rate("threads"), 5_000, at_least=True),
            Bar("in-process: calls a second", "/s", rate("inprocess"), 12_000, at_least=True),
        ),
    ),
    Benchmark(
        "fib",
        "recursive fib(20), warm: the same has run before in the process, on another store",
        fib,
        (Bar("wall", "ms", only("alonzo", "wall", MS), 20),),
    ),
    Benchmark(
        "processes",
        "two started worker processes",
        processes,
        (
            Bar("trivial tasks: calls a second, of threads'", "×", ratio("threads", "processes"), 0.8, at_least=True),
            Bar(
                "1 s first, then 63 × 20 ms: wall, of the ideal",
                "×",
                lambda seen: seen["1 s + 63 × 20 ms"]["wall"] / IDEAL_MIX,
                1.15,
            ),
        ),
    ),
    Benchmark(
        "sleeps",
        "200 sleeps of 50 ms on 20 threads",
        sleeps,
        (Bar("wall (ideal 0.5)", "s", only("alonzo", "wall"), 0.6), Bar("redun's wall", "s", only("redun", "wall"))),
    ),
    Benchmark(
        "memory",
        "peak of the process; SQLite, threads",
        memory,
        (
            Bar("per further call of a fan-out", "bytes", slope, 1_536),
            Bar("peak with results of 10 KB", "MB", only("10 KB results", "peak", 1e-6), 300),
        ),
    ),
    Benchmark(
        "values",
        "large values between two worker processes; peak of the coordinator",
        values,
        (
            Bar("1 GB through three tasks: peak", "MB", only("1 GB", "peak", 1e-6), 200),
            Bar("1 GB recalled for one task: read back", "bytes", only("1 GB, recalled", "read_back"), 0),
            Bar("1,000 values of 1 MB: peak", "MB", only("1,000 × 1 MB", "peak", 1e-6), 200),
            Bar("redun's time, of Alonzo's", "×", ratio("redun, 200 × 1 MB", "200 × 1 MB"), 50, at_least=True),
            Bar("Alonzo's time, of digesting and writing alone", "×", ratio("200 × 1 MB", "floor, 200 × 1 MB")),
        ),
    ),
    Benchmark(
        "files",
        "inspecting files that the operating system has in memory; small: 200 bytes",
        files,
        (
            Bar("unchanged, in a new process: of os.stat", "×", ratio("again: in a new process", "again: os.stat"), 5),
            Bar("the same, CPU", "×", ratio("again: in a new process", "again: os.stat", "cpu")),
            Bar("unchanged, once more: of os.stat", "×", ratio("again: once more", "again: os.stat"), 5),
            Bar("small, first: of open, read, hash", "×", ratio("first: inspect", "first: open, read, hash"), 2),
            Bar("the same, CPU", "×", ratio("first: inspect", "first: open, read, hash", "cpu")),
            *(
                Bar(
                    f"{size} MiB, {hasher}: rate, of the algorithm's",
                    "×",
                    ratio(f"{size} MiB, {hasher}: the algorithm", f"{size} MiB, {hasher}: inspect"),
                    0.8,
                    at_least=True,
                )
                for size in (1, 16)
                for hasher in ("content", "blake3")
            ),
        ),
    ),
    Benchmark(
        "start-up",
        "CPU of a whole process, above a bare interpreter's",
        start_up,
        tuple(
            Bar(what, "ms", more(what, "python", "cpu", MS), limit)
            for what, limit in (("import alonzo", 50), ("alonzo --help", 110), ("a one-task run", 250))
        ),
    ),
)


def figures_of(seen: list[Round], name: str, figure: str) -> list[Any]:
    """One figure in all rounds that have it."""
    return [turn[name][figure] for turn in seen if figure in turn.get(name, {})]
