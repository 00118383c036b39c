"""Say how many tests passed, failed and were skipped in a log of tox: `ci_summary.py LOG`.

Ends with 1 when no test passed at all.
"""

import re
import sys
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SUMMARY = re.compile(r"^=+ (.* in [\d.]+s.*?) =+$", re.MULTILINE)
SKIPPED_ENVIRONMENT = re.compile(r"^  (\S+): SKIP", re.MULTILINE)


def main(log):
    text = COLOUR.sub("", Path(log).read_text(encoding="utf-8", errors="replace"))
    summaries = SUMMARY.findall(text)
    totals = {word: _total(summaries, word) for word in ("passed", "failed", "error", "skipped")}

    for line in summaries:
        print(f"pytest: {line}")
    print("tests:", ", ".join(f"{count} {word}" for word, count in totals.items()))
    for name in SKIPPED_ENVIRONMENT.findall(text):
        print(f"environment skipped, its Python is missing: {name}")
    return 0 if totals["passed"] else 1


def _total(summaries, word):
    return sum(int(n) for line in summaries for n in re.findall(rf"(\d+) {word}", line))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
