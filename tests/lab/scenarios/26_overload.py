import os
import signal
import threading
import time

from lab import HERE
from inet import ANYCAST4
from routes import Routes

TITLE = "three times as many questions as dnsd can answer, for six seconds"

RUNS, SHARE = 0.001, 30                 # seconds at a time, of how many times as much


class Slow:
    """dnsd gets a fraction of a core: it runs one millisecond of every thirty."""

    def __init__(self, lab, site):
        self.pid, self.stop = lab.net.processes[site, "dnsd"].pid, threading.Event()
        self.last = signal.SIGCONT
        self.thread = threading.Thread(target=self.work)

    def work(self):
        ran = RUNS
        while not self.stop.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(min(0.08, ran * SHARE))
            begin = time.monotonic()
            os.kill(self.pid, signal.SIGCONT)
            time.sleep(RUNS)
            ran = time.monotonic() - begin      # on a busy machine it may have been longer
        os.kill(self.pid, self.last)

    def end(self, last):
        self.last = last
        self.stop.set()
        self.thread.join()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end(self.last)


def answered(lab):
    return lab.counter("fra", "udp_answers")


def flood(lab, rate, seconds):
    return lab.net.popen("eu", "/usr/bin/python3", f"{HERE}/flood.py", "--target", ANYCAST4,
                         "--sources", "10.1.0.0/16", "--rate", str(rate), "--seconds",
                         str(seconds), "download.example.org", "A")


def overloaded(lab):
    with Routes(lab) as routes:
        with Slow(lab, "fra"):
            before = answered(lab)
            sent = int(flood(lab, 36000, 6).communicate(timeout=30)[0])
            said = lab.alarms("fra")
            got = answered(lab) - before
        time.sleep(1)
        assert lab.servers("eu"), "no answer after the flood"
    assert got * 2 < sent, f"no overload: {got} of {sent} answered"
    assert got > 100, f"no overload but a dead dnsd: {got} of {sent} answered"
    assert not routes.changed(), routes.changed()
    assert "overload" in said, said
    return f"{got} of {sent} questions answered, held"


def hung_meanwhile(lab):
    """What really hangs goes, also in a flood."""
    with Slow(lab, "fra") as slow:
        flooding = flood(lab, 36000, 3)
        time.sleep(2)
        slow.end(signal.SIGSTOP)
        gone = lab.time_until(lambda: not lab.announced("fra"), 5)
        flooding.communicate(timeout=30)
    assert gone < 2500, f"hung in the flood, and gone only after {gone:.0f} ms"
    return f"hung in another flood: gone after {gone:.0f} ms"


def run(lab):
    return f"{overloaded(lab)}; {hung_meanwhile(lab)}"
