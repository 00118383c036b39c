"""SIGKILL at random moments of real runs, and what must hold after each."""

import collections
import random
import time

import attrs
from crash_project import Project, is_alive, wait_or_end

from alonzo import Runtime

EXECUTORS = ("threads", "processes", "inprocess")
GROUPS, MEMBERS = 12, 12
# group g is the sum of n * n for its twelve n, and of the lengths of what blob returns (which are larger than a row)
EXPECTED = sum(n * n for n in range(GROUPS * MEMBERS)) + GROUPS * 5_000

FLOW = f"""\
import sys, time
from alonzo import run, task
from effects import effect

@task
def work(n):
    effect("begin", f"work({{n}})")
    time.sleep((n * 7 % 13 + 1) / 400)
    effect("end", f"work({{n}})")
    return n * n

@task
def blob(g):
    effect("begin", f"blob({{g}})")
    time.sleep(0.01)
    effect("end", f"blob({{g}})")
    return bytes([g]) * 5_000

@task
def together(parts, data):
    return sum(parts) + len(data)

@task
def group(g):
    return together([work(g * {MEMBERS} + i) for i in range({MEMBERS})], blob(g))

@task
def total(parts):
    return sum(parts)

@task
def main():
    return total([group(g) for g in range({GROUPS})])

if __name__ == "__main__":
    print(run(main(), store="sqlite:runs.db", executor=sys.argv[1], workers=2))
"""


def pause(n):
    """How long `work(n)` sleeps, in seconds."""
    return (n * 7 % 13 + 1) / 400


@attrs.define
class Tally:
    """What a campaign did. `under_way`: kills at which a job had begun and not ended."""

    kills: int = 0
    under_way: int = 0
    complete: int = 0
    kept: int = 0
    executors: collections.Counter = attrs.field(factory=collections.Counter)


def campaign(directory, kills, *, seed=1, chain=4, executors=EXECUTORS, tell=lambda line: None):
    """Kill so many runs, up to `chain` of them on one store before one may end; raises AssertionError where a promise is broken."""
    chance = random.Random(seed)
    tally = Tally()
    number = 0
    while tally.kills < kills:
        executor = executors[number % len(executors)]
        with Project(directory / f"{number}", FLOW) as project:
            here = Story(project, executor, chance, tally)
            for _ in range(min(chance.randint(1, 2 * chain - 1), kills - tally.kills)):
                if here.is_nearly_done() or not here.killed_run():
                    break
            here.complete_run()
        number += 1
        tell(f"{executor}: {tally.kills} kills, {tally.under_way} with a job under way, {tally.kept} results kept")
    return tally


class Story:
    """The runs on one store, one after another."""

    def __init__(self, project, executor, chance, tally):
        self._project = project
        self._executor = executor
        self._chance = chance
        self._tally = tally
        self._turn = 0
        self._last_run = 0  # that had begun at the last kill
        self._recorded = set()  # keys found after any kill
        self._names = set()  # and the jobs that they are of, where a job's row says so

    def is_nearly_done(self):
        return self._seconds_left() < 0.2

    def killed_run(self):
        """Start a run and kill it at a random moment. False: it ended before."""
        project, chance, tally = self._project, self._chance, self._tally
        process = self._start()
        if tally.kills % 18 == 11:  # at times so early that nothing has begun
            living = wait_or_end(process, chance.uniform(0.05, 0.4))
        else:
            living = project.wait_for_effect(process, turn=self._turn) and wait_or_end(
                process, chance.uniform(0, 0.8 * self._seconds_left())
            )
        if not living:
            process.communicate()
            assert process.returncode == 0
            return False
        at = time.time()
        process.kill()
        process.communicate()
        tally.kills += 1
        tally.executors[self._executor] += 1
        # A worker process may end its job after the kill.
        begun = {effect.name for effect in project.effects(self._turn) if effect.what == "begin"}
        ended = {effect.name for effect in project.effects(self._turn) if effect.what == "end" and effect.at < at}
        tally.under_way += bool(begun - ended)
        self._look_after_kill(at, under_way=bool(begun - ended))
        return True

    def _seconds_left(self):
        """What the jobs that are not recorded yet sleep, by the executor's width."""
        left = {f"work({n})": pause(n) for n in range(GROUPS * MEMBERS)}
        seconds = sum(left[name] for name in left.keys() - self._names)
        return seconds if self._executor == "inprocess" else seconds / 2

    def complete_run(self):
        out, err = self._start().communicate(timeout=60)
        assert out.split() == [str(EXPECTED)], err
        self._check_nothing_ran_again()
        with Runtime(store=self._project.url) as runtime:
            newest, *others = runtime.store.runs(100)
            assert newest.status == "done"
            assert {row.status for row in others} <= {"lost", "done"}
        assert self._project.integrity() == "ok"
        self._tally.complete += 1

    def _start(self):
        self._turn += 1
        if self._chance.random() < 0.5:
            return self._project.start("flow.py", self._executor, turn=self._turn)
        words = ["run", "flow.py", "main", "--executor", self._executor, "--workers", 2, "--store", self._project.url]
        return self._project.start("-m", "alonzo_cli", *words, "--quiet", turn=self._turn)

    def _look_after_kill(self, at, *, under_way):
        project = self._project
        if not project.database.exists():  # killed before it was made
            return
        assert project.integrity() == "ok"
        if not project.rows("SELECT 1 FROM sqlite_master WHERE name = 'jobs'"):  # before the tables were made
            return
        self._check_nothing_ran_again()
        self._last_run = project.rows("SELECT coalesce(max(id), 0) FROM run")[0][0]
        self._recorded |= {key for (key,) in project.rows("SELECT lower(hex(key)) FROM memo")}
        self._names |= {
            f"{task.removeprefix('flow.')}({arguments})"
            for task, arguments, key in project.rows("SELECT task, arguments, key FROM jobs")
            if key in self._recorded
        }
        self._tally.kept = self._tally.kept + len(self._recorded)
        old = {effect.name for effect in project.effects(self._turn) if effect.what == "end" and effect.at < at - 1}
        assert old <= self._names, f"ended more than 1 s before the kill and not recorded: {old - self._names}"
        with Runtime(store=project.url) as runtime:
            rows = runtime.store.runs(100)
            # Killed between its end and its process's end, a run is done.
            assert all(row.status == "lost" or (row.status == "done" and not under_way) for row in rows), rows
        workers = {effect.process for effect in project.effects(self._turn)}
        deadline = time.monotonic() + 10
        while any(map(is_alive, workers)):
            assert time.monotonic() < deadline, f"workers outlive their killed coordinator: {workers}"
            time.sleep(0.01)

    def _check_nothing_ran_again(self):
        """Of what was recorded at an earlier kill; asked of the effects of this turn, and of the record."""
        project = self._project
        again = set(project.names("begin", self._turn)) & self._names
        assert not again, f"recorded before the kill, and ran again: {again}"
        ran = project.rows("SELECT key FROM jobs WHERE run > ? AND status = 'ran'", self._last_run)
        assert not {key for (key,) in ran} & self._recorded
