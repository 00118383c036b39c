"""Measure Alonzo beside a hand-written floor and, if wanted, redun; print figures, ratios, bars and versions.

    python benchmarks/run.py                    all, medians of 5 interleaved rounds (about 25 minutes)
    python benchmarks/run.py --quick            2,000 calls for 10,000, 3 rounds: a look, not a verdict
    python benchmarks/run.py --only cold --redun

Each measurement is made in a process of its own; start-up is excluded unless said. It needs alonzo[standard] installed, and POSIX.
The exit code is 0 whatever the figures are; with --check it is 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bars import BENCHMARKS, Benchmark, Round, figures_of
from lab import Lab, versions

FULL = (10_000, 5)
QUICK = (2_000, 3)


def main() -> int:
    given = arguments()
    calls, rounds = QUICK if given.quick else FULL
    calls, rounds = given.calls or calls, given.rounds or rounds
    chosen = [benchmark for benchmark in BENCHMARKS if not given.only or benchmark.name in given.only]
    what = versions(redun=given.redun) | {
        "date": time.strftime("%Y-%m-%d"),
        "calls": f"{calls:,}",
        "rounds": str(rounds),
    }
    print(", ".join(f"{name} {text}" for name, text in what.items()), flush=True)

    seen: dict[str, list[Round]] = {benchmark.name: [] for benchmark in chosen}
    lab = Lab(calls, redun=given.redun)
    try:
        for turn in range(rounds):
            for benchmark in chosen:
                print(f"\rround {turn + 1} of {rounds}: {benchmark.name:<12}", end="", file=sys.stderr, flush=True)
                seen[benchmark.name].append(benchmark.measure(lab))
    finally:
        lab.close()
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)

    told = [judged(benchmark, seen[benchmark.name]) for benchmark in chosen]
    for benchmark, lines in zip(chosen, told, strict=True):
        show(benchmark, seen[benchmark.name], lines)
    missed = [line for lines in told for line in lines if line["met"] is False]
    bars = sum(line["met"] is not None for lines in told for line in lines)
    print(
        f"\n{bars - len(missed)} of {bars} bars met"
        + (f"; with {calls:,} calls, not 10,000" if calls != FULL[0] else "")
    )
    if given.json:
        measured = {
            benchmark.name: {"bars": lines, "rounds": seen[benchmark.name]}
            for benchmark, lines in zip(chosen, told, strict=True)
        }
        Path(given.json).write_text(json.dumps({"versions": what, "benchmarks": measured}, indent=1) + "\n")
    return 1 if missed and given.check else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--quick", action="store_true", help="fewer calls and rounds")
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}; may be repeated"
    )
    parser.add_argument(
        "--redun", action="store_true", help="redun too, from the package index, in benchmarks/.redun-venv"
    )
    parser.add_argument("--calls", type=int, metavar="N", help="what stands for 10,000 calls")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    return parser.parse_args()


def judged(benchmark: Benchmark, seen: Sequence[Round]) -> list[dict[str, Any]]:
    """A line for each bar that was measured: the median of its rounds' values; `met` is None where there is no limit."""
    lines = []
    for bar in benchmark.bars:
        values = [value for value in map(bar.value, seen) if value is not None]
        if not values:
            continue
        value = statistics.median(values)
        met = None if bar.limit is None else bar.is_met(value)
        lines.append(
            {
                "work": bar.work,
                "value": value,
                "unit": bar.unit,
                "limit": bar.limit,
                "at_least": bar.at_least,
                "met": met,
            }
        )
    return lines


def show(benchmark: Benchmark, seen: list[Round], lines: list[dict[str, Any]]) -> None:
    print(f"\n{benchmark.name}: {benchmark.title}")
    for name in seen[0]:
        figures = {figure: figures_of(seen, name, figure) for figure in ("calls", "wall", "cpu", "peak", "database")}
        middle = {figure: statistics.median(values) for figure, values in figures.items() if values}
        failed = next(iter(filter(None, figures_of(seen, name, "failed"))), "")
        print("  " + described(name, middle) + (f"   failed: {failed}" if failed else ""))
    for line in lines:
        bar = (
            ""
            if line["limit"] is None
            else f"{'≥' if line['at_least'] else '≤'} {number(line['limit'])} {line['unit']}"
        )
        mark = {True: "met", False: "MISSED", None: ""}[line["met"]]
        print(f"  {mark:<7}{line['work']:<48}{number(line['value']):>10} {line['unit']:<6}{bar}".rstrip())


def described(name: str, middle: dict[str, float]) -> str:
    text = f"{name:<18}"
    if "calls" in middle:
        text += f"{middle['calls']:>9,.0f} calls{middle['wall'] / middle['calls'] * 1e6:>11,.1f} µs a call"
    text += f"   wall {middle['wall']:>8.3f} s   cpu {middle['cpu']:>8.3f} s"
    if "peak" in middle:
        text += f"   peak {middle['peak'] / 1e6:>6.0f} MB"
    if "database" in middle:
        text += f"   database {middle['database'] / 1e6:>7.2f} MB"
    return text


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


if __name__ == "__main__":
    sys.exit(main())
