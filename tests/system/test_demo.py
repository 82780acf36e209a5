"""The demo is told once at a time, and leaves nothing behind however it ends."""
import glob
import os
import shutil
import signal
import subprocess
import time

import pytest
from conftest import ROOT, free_port

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("bird", "nginx", "unbound", "ip"))),
    reason="the lab needs root and its programs")


class Demo:
    """tests/lab/demo under a name of its own; `told` is what it has printed."""

    def __init__(self):
        self.name = f"nct{os.getpid()}"
        self.env = {**os.environ, "DEMO_NAME": self.name, "DEMO_PORT": str(free_port())}
        self.told = ""

    def run(self, *argv):
        return subprocess.run([f"{ROOT}/tests/lab/demo", *argv], env=self.env, text=True,
                              capture_output=True, timeout=60)

    def begin(self):
        """Runs until the lab is being built."""
        self.process = subprocess.Popen(
            [f"{ROOT}/tests/lab/demo"], env=self.env, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        for line in self.process.stdout:
            self.told += line
            if line.startswith("== Three sites"):
                break
        deadline = time.monotonic() + 20
        while len(self.namespaces()) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.namespaces()) >= 4, self.told

    def end(self):
        self.told += self.process.communicate(timeout=60)[0]
        return self.process.returncode

    def namespaces(self):
        return glob.glob(f"/run/netns/{self.name}-*")

    def processes(self):
        """Whatever has been started with our name in its environment, and still runs."""
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            pid = int(path.split("/")[2])
            try:
                with open(path, "rb") as f:
                    if pid != os.getpid() and f"DEMO_NAME={self.name}".encode() in f.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def is_gone(self):
        deadline = time.monotonic() + 20
        while (self.processes() or self.namespaces()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.processes() == [] and self.namespaces() == [], self.told


@pytest.fixture
def demo():
    d = Demo()
    yield d
    assert d.run("stop").returncode == 0
    d.is_gone()
    os.unlink(f"/run/{d.name}.lock")


def test_second_is_refused_and_ctrl_c_is_quiet(demo):
    demo.begin()
    second = demo.run()
    assert (second.returncode, second.stdout) == (75, "")
    assert f"process {demo.process.pid}" in second.stderr
    assert demo.process.poll() is None and demo.namespaces()
    os.killpg(demo.process.pid, signal.SIGINT)      # as the terminal does: to all of them, twice
    time.sleep(0.3)
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.end() == 130
    assert "Traceback" not in demo.told
    demo.is_gone()


def test_stop_ends_the_one_that_is_being_told(demo):
    demo.begin()
    assert demo.run("stop").returncode == 0
    assert demo.process.poll() is not None or demo.end() == 130
    demo.is_gone()


def test_killed_without_a_word(demo):
    demo.begin()
    demo.process.kill()
    demo.is_gone()
