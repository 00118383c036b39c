"""What reducing a call costs, beside an earlier commit of this repository.

    python benchmarks/overhead.py --against COMMIT [--rounds 20] [--calls 10000]

One process for each tree, both alive all the time; they replay the same answers to a bare machine (see profile_machine) in turn. The
minimum of the rounds counts, as what others do on the machine only adds. The bar of each step is 1.15 of the step before.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHAPES = ("fan-out", "chain", "recursion")
BAR = 1.15

SERVER = """
import sys
tree, calls = sys.argv[1], int(sys.argv[2])
sys.path[:0] = [f"{tree}/core", f"{tree}/benchmarks"]
import gc
import profile_machine as bench
gc.set_threshold(50_000, 20, 100)  # as in a run
ready = {}
for shape in sys.argv[3:]:
    digester = bench.Digester()
    expression, answers = bench.SHAPES[shape](calls), []
    bench.answers_to(expression, digester, answers)
    ready[shape] = (expression, digester, answers)
for line in sys.stdin:
    print(bench.replay_seconds(*ready[line.strip()]) / calls * 1e6, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", required=True, help="a commit")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as before:
        archive = subprocess.run(["git", "archive", given.against], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(before, filter="data")
        servers = [served(before, given.calls), served(str(ROOT), given.calls)]
        print(f"µs a call, minimum of {given.rounds} rounds in turn; {given.calls:,} calls; before: {given.against}")
        for shape in SHAPES:
            figures: tuple[list[float], list[float]] = ([], [])
            for _ in range(given.rounds):
                for server, told in zip(servers, figures, strict=True):
                    told.append(asked(server, shape))
            old, new = min(figures[0]), min(figures[1])
            verdict = "met" if new / old <= BAR else "MISSED"
            print(f"  {verdict:<7}{shape:<12} before {old:6.2f}   now {new:6.2f}   ratio {new / old:.3f}   ≤ {BAR}")
        for server in servers:
            server.communicate()


def served(tree: str, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVER, tree, str(calls), *SHAPES]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def asked(server: subprocess.Popen[str], shape: str) -> float:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{shape}\n")
    server.stdin.flush()
    return float(server.stdout.readline())


if __name__ == "__main__":
    main()
