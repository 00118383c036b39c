"""Random histories: one memory through edits, changes of the world, forgetting, disturbed and broken-off runs.

After each quiet step the engine that goes by footprints (FOOT), the one that asks call by call (EACH, from a copy of the same memory
and world) and plain evaluation (ALWAYS) must agree on value and world, FOOT must run nothing that EACH does not, and with nothing
changed and nothing refused the root is one look-up.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import attrs
from recall_oracle import REFUSED, Always, EndlessError, Failure, same
from recall_programs import INPUTS, PLACES, Hands, Maker, Spec, install, root
from recall_world import Bench, Done, Probe

CONTEXTS: tuple[dict[str, Any], ...] = ({}, {"a": {"x": 1}, "b": 2}, {"a": {"x": 2}, "b": 2})
STEPS = (
    "edit",
    "edit",
    "small edit",
    "revert",
    "nothing",
    "nothing",
    "forget",
    "input",
    "input",
    "output",
    "context",
    "disturb",
    "stop",
)


class Pool:
    """Runtimes by context and mode, over two stores; opening one for each history would take most of the time."""

    def __init__(self) -> None:
        self.foot_memory, self.each_memory = Probe(), Probe()
        self.foot = [Bench(context=context, probe=self.foot_memory) for context in CONTEXTS]
        self.each = [Bench(context=context, probe=self.each_memory, each=True) for context in CONTEXTS]

    def close(self) -> None:
        for bench in self.foot + self.each:
            bench.fresh()


@attrs.define
class State:
    program: dict[str, Spec]
    context: int
    root: str


class History:
    def __init__(
        self, pool: Pool, seed: int, *, without: frozenset[str] = frozenset(), steps: tuple[str, ...] = STEPS
    ) -> None:
        self.pool = pool
        self.chance = Random(seed)
        self.maker = Maker(self.chance, self.chance.choice([2, 3, 4, 5]), without)
        self.steps = steps
        self.state = State(self.maker.program(), 0, "t0")
        self.past = [dict(self.state.program)]
        self.seen: Counter[str] = Counter()
        self.log: list[str] = []
        pool.foot_memory.clear()
        Hands.entropy, Hands.at_run = 0, None
        PLACES.clear()
        PLACES.update({"in/0": 5, "in/1": 6})

    def play(self, length: int) -> None:
        self.quiet("begin")
        for _ in range(length):
            self.step(self.chance.choice(self.steps))

    # -- steps -----------------------------------------------------------------------------------

    def step(self, what: str) -> None:
        chance, state, before = self.chance, self.state, attrs.evolve(self.state)
        Hands.entropy += 1
        self.seen[what] += 1
        self.log.append(what)
        name = chance.choice(list(state.program))
        spec = state.program[name]
        match what:
            case "edit":
                state.program = {**state.program, name: self.maker.spec(int(name[1:]), spec)}
            case "small edit":
                cache = {"cache": not spec.cache and spec.kind != "chance"}
                change = chance.choice([{"const": spec.const + 1}, {"default": chance.choice([3, 4])}, cache])
                state.program = {**state.program, name: attrs.evolve(spec, **change)}
            case "revert":
                old = chance.choice(self.past)
                state.program = old if chance.random() < 0.5 else {**state.program, name: old[name]}
            case "forget":
                self.forget()
            case "input" | "output":
                self.disturb(what)
            case "context":
                state.context = chance.randrange(len(CONTEXTS))
            case "disturb" | "stop":
                self.unquiet(what)
                return
        state.root = chance.choice(["t0", "t0", "t0", "t1"])
        if self.quiet(what):
            self.past.append(state.program)
        else:
            self.state = before

    def forget(self) -> None:
        for kept in self.pool.foot_memory.memo.values():
            for rows in (kept.reductions, kept.normals):
                for row in [row for row in rows if self.chance.random() < 0.3]:
                    del rows[row]

    def disturb(self, what: str = "input") -> None:
        chance = self.chance
        places = INPUTS[1:] if what == "input" else sorted(place for place in PLACES if place.startswith("out"))
        place = chance.choice(places) if places else "in/0"
        if chance.random() < 0.3:
            PLACES.pop(place, None)
        else:
            PLACES[place] = chance.choice([5, 6, 8, 100, 101])

    def unquiet(self, what: str) -> None:
        """A run in which the world changes, or which is broken off, as some body begins."""
        if self.expected() is None:
            return
        install(self.state.program)
        bench = self.pool.foot[self.state.context]
        when = self.chance.randrange(1, 6)
        Hands.runs = 0

        def at_run(number: int) -> None:
            if number == when and what == "disturb":
                self.disturb(self.chance.choice(["input", "output"]))
            elif number == when:
                bench.runtime.stop() if self.chance.random() < 0.5 else _broken_off()

        Hands.at_run = at_run
        try:
            bench.run(root(self.state.root))
        finally:
            Hands.at_run = None

    # -- a quiet run -------------------------------------------------------------------------------

    def expected(self) -> tuple[Any, Always, dict[str, Any]] | None:
        """What plain evaluation comes to, and the world after it; None: it does not end."""
        before = dict(PLACES)
        always = Always(self.state.program, CONTEXTS[self.state.context])
        try:
            return always.root(self.state.root), always, dict(PLACES)
        except EndlessError:
            return None
        finally:
            PLACES.clear()
            PLACES.update(before)

    def quiet(self, what: str) -> bool:
        expected = self.expected()
        if expected is None:
            return False
        outcome, always, after = expected
        install(self.state.program)
        before = dict(PLACES)
        self.pool.each_memory.take(self.pool.foot_memory)
        each = self.pool.each[self.state.context].run(root(self.state.root))
        self._agrees("EACH", each, outcome, after)
        PLACES.clear()
        PLACES.update(before)
        foot = self.run()
        self._agrees("FOOT", foot, outcome, after)
        self._check(foot.ran <= each.ran, f"FOOT ran {dict(foot.ran)}, EACH {dict(each.ran)}")
        if not isinstance(outcome, Failure) and REFUSED not in always.rests:
            again = self.run()
            self.seen["again"] += 1
            self._check(
                not again.ran and again.keys == 1, f"nothing changed: {again.keys} look-ups, ran {dict(again.ran)}"
            )
        return True

    def run(self) -> Done:
        return self.pool.foot[self.state.context].run(root(self.state.root))

    def _agrees(self, who: str, done: Done, outcome: Any, after: dict[str, Any]) -> None:
        got = same(done.value if done.error is None else Failure(done.error))
        self._check(got == same(outcome), f"{who} {got}, ALWAYS {same(outcome)}")
        self._check(after == PLACES, f"{who} left {PLACES}, ALWAYS {after}")

    def _check(self, holds: bool, text: str) -> None:
        assert holds, (
            f"{text}\nafter {self.log} at root {self.state.root}, context {self.state.context}, of\n{self.state.program}"
        )


def _broken_off() -> None:
    raise KeyboardInterrupt
