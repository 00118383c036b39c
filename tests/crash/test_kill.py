"""SIGKILL at random moments; `python tests/crash/campaign.py --kills 300` does so hundreds of times."""

import signal

import pytest
from crash_campaign import campaign

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]


def test_a_killed_run_leaves_a_whole_store_and_what_it_recorded_never_runs_again(tmp_path):
    tally = campaign(tmp_path, kills=16, seed=2)

    assert tally.kills == 16
    assert len(tally.executors) == 3
    # Of hundreds of kills it is at least 90 % (campaign.py); sixteen say less about it.
    assert tally.under_way >= 0.6 * tally.kills
    assert tally.kept > 16
