"""What is shown of a run: counts, estimate, lines, a table."""

import io
import threading

import pytest

from alonzo.plugin import Moment
from alonzo_cli._display import LiveTable, PlainLog, make_display
from alonzo_cli._stdout import Router
from alonzo_cli._tally import Tally, duration


def moment(what, task="", job=0, at=0.0, **details):
    return Moment(what, 7, at, task, job, details)


def test_each_job_is_counted_where_it_stands():
    tally = Tally()
    for event in [
        moment("run_started", at=100.0),
        moment("queued", "f", 1),
        moment("queued", "f", 2),
        moment("queued", "f", 3),
        moment("started", "f", 1, at=101.0),
        moment("started", "f", 2, at=101.0),
        moment("finished", "f", 1, started=101.0, finished=103.0),
        moment("recalled", "g", 4),
        moment("shared", "g", 5),
        moment("failed", "g", 6),
    ]:
        tally.count(event)

    f, g = tally.tasks["f"], tally.tasks["g"]
    assert (f.ran, f.running, f.waiting, f.failed) == (1, 1, 1, 0)
    assert (g.recalled, g.shared, g.failed, g.running) == (1, 1, 1, 0)
    assert (tally.run, tally.began) == (7, 100.0)
    assert f.elapsed(105.0) == 4.0


def test_the_estimate_is_what_is_left_at_the_pace_so_far():
    tally = Tally()
    for job in (1, 2, 3, 4, 5):
        tally.count(moment("queued", "f", job))
    for job in (1, 2):
        tally.count(moment("started", "f", job, at=10.0))
    tally.count(moment("finished", "f", 1, started=10.0, finished=14.0))

    # Three wait and one is half done, 4 s each, on two workers.
    assert tally.left("f") == 7.0


def test_without_a_job_that_has_ended_there_is_no_estimate():
    tally = Tally()
    tally.count(moment("started", "f", 1))

    assert tally.left("f") is None


@pytest.mark.parametrize(
    "seconds, text",
    [(None, ""), (0.004, "0.00 s"), (9.87, "9.87 s"), (12.34, "12.3 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


def test_the_log_tells_the_first_job_of_a_task_the_progress_and_the_sum():
    clock, out = iter([0.0, 1.0, 2.0, 3.0, 99.0, 99.0]).__next__, io.StringIO()
    with PlainLog(quiet=False, stream=out, clock=clock) as display:
        display.observe(moment("run_started", at=10.0))
        display.observe(moment("started", "f", 1, at=10.0))
        display.observe(moment("started", "f", 2, at=10.0))
        display.observe(moment("finished", "f", 1, at=12.0, started=10.0, finished=12.0))
        display._clock = lambda: 100.0
        display.observe(moment("failed", "f", 2, at=13.0))
        display.observe(moment("run_finished", at=13.0))

    assert out.getvalue().splitlines() == [
        "alonzo: f started",
        "alonzo: so far 1 ran, 1 running",
        "  f  1 ran, 1 failed  3.00 s",
        "alonzo: run 7: 1 ran, 1 failed in 3.00 s",
    ]


def test_quiet_keeps_warnings_and_what_tasks_print():
    out, printed = io.StringIO(), []
    with PlainLog(quiet=True, stream=out) as display:
        display.printed = lambda task, text: printed.append((task, text))
        display.observe(moment("started", "f", 1))
        display.observe(moment("warned", text="odd"))
        display.observe(moment("printed", "f", 1, text="hello\n"))

    assert out.getvalue() == "alonzo: warning: odd\n"
    assert printed == [("f", "hello\n")]
    assert display.warned == {"odd"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_live_table_has_a_row_for_each_task(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    out = Terminal()
    display = LiveTable(quiet=False, stream=out)
    for job in range(1, 1001):
        display.observe(moment("recalled", "flow.cached", job))
    display.observe(moment("started", "flow.busy", 1001, at=10.0))
    display.note("stopping")
    display._console.print(display._drawn())

    lines = [line.split() for line in out.getvalue().splitlines()]
    assert any("flow.cached" in line and "\x1b[36m" in line and "1,000" in line for line in out.getvalue().splitlines())
    assert any("flow.busy" in line for line in out.getvalue().splitlines())
    assert any("stopping" in line for words in lines for line in words)


def test_the_live_table_is_gone_when_it_ends_and_the_sum_stays(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    with LiveTable(quiet=False, stream=out) as display:
        display.observe(moment("recalled", "f", 1))
        display.line("between [bold] brackets")

    text = out.getvalue()
    assert "between [bold] brackets" in text
    assert text.splitlines()[-1].startswith("alonzo: run 0: 1 recalled")
    assert "\x1b[36m" not in text
    assert text.count("\x1b[?25h") == 1


def test_a_table_longer_than_the_terminal_shows_those_at_work(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    display = LiveTable(quiet=False, stream=out)
    for number in range(30):
        display.observe(moment("recalled", f"flow.t{number}", number + 1))
    display.observe(moment("started", "flow.busy", 99))
    display._console.print(display._drawn())

    assert "flow.busy" in out.getvalue()
    assert "… and 25 more tasks" in out.getvalue()


def test_a_file_gets_the_log_and_not_the_table(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())

    assert isinstance(make_display(quiet=False), PlainLog)


class Capture:
    def __init__(self, task):
        self.task = task
        self.parts = []


@pytest.fixture
def routed():
    current, lines, plain = [None], [], io.StringIO()
    return Router(lambda: current[0], lines.append, lambda: plain), current, lines, plain


def test_a_jobs_output_is_kept_and_shown_by_line_with_its_task(routed):
    router, current, lines, plain = routed
    one, two = Capture("f"), Capture("g")
    print("outside", file=router)
    current[0] = one
    print("half", end="", file=router)
    current[0] = two
    print("whole", file=router)
    current[0] = one
    print(" line\nrest", end="", file=router)

    assert plain.getvalue() == "outside\n"
    assert lines == ["g | whole", "f | half line"]
    assert ("".join(one.parts), "".join(two.parts)) == ("half line\nrest", "whole\n")
    router.close()
    assert lines[2:] == ["f | rest"]


def test_what_was_shown_already_is_not_shown_again_when_the_job_ends(routed):
    router, current, lines, _ = routed
    current[0] = Capture("f")
    router.write("one\ntwo")

    router.printed("f", "one\ntwo")
    router.printed("f", "from a worker\nprocess\n")

    assert lines == ["f | one", "f | two", "f | from a worker", "f | process"]


def test_a_job_that_prints_to_both_streams_has_what_it_printed_in_turn_and_the_lines_of_each_whole(routed):
    router, current, lines, plain = routed
    errors = Router(router._capture, lines.append, lambda: plain, beside=router)
    current[0] = capture = Capture("f")
    router.write("one")
    errors.write("two\nthree")
    router.write(" more\nfour")
    text = "".join(capture.parts)
    router.printed("f", text)

    assert text == "onetwo\nthree more\nfour"
    assert lines == ["f | two", "f | one more", "f | four", "f | three"]


def test_bytes_written_below_are_routed_too(routed):
    router, current, lines, _ = routed
    current[0] = Capture("f")
    router.buffer.write("é\n".encode())

    assert lines == ["f | é"]


def test_lines_of_many_threads_stay_whole(routed):
    router, _, lines, _ = routed
    local = threading.local()
    router._capture = lambda: local.capture

    def work(number):
        local.capture = Capture(f"t{number}")
        for _ in range(50):
            router.write("ab")
            router.write("cd\n")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(lines) == sorted(f"t{number} | abcd" for number in range(4) for _ in range(50))
