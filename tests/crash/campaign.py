"""Kill real runs at random moments, hundreds of times: the long form of test_kill.py.

    python tests/crash/campaign.py --kills 300 [--seed 1] [--executor threads]

It stops at the first broken promise; the same seed draws the same moments, though not the same machine's timing.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from crash_campaign import EXECUTORS, campaign


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--executor", choices=EXECUTORS, action="append")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="alonzo-crash-"))
    print(f"in {directory}, which is kept when a promise is broken", flush=True)
    executors = given.executor or EXECUTORS
    tally = campaign(
        directory, given.kills, seed=given.seed, executors=executors, tell=lambda line: print(line, flush=True)
    )
    shutil.rmtree(directory)
    print(tally)
    assert tally.under_way >= 0.9 * tally.kills


if __name__ == "__main__":
    main()
