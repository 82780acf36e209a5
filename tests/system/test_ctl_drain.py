"""nearctl drain: --wait means drained, or says what happened; --at, --reason, --for and --all."""
import glob
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import BUILD
from probe_world import Http

HTTP = 'kind = "http"  url = "http://www.example.org/"  interval = "200ms"  timeout = "100ms"'
TTL = 'ttl-min = "1s"\nttl-max = "2s"'


@pytest.fixture
def three(world):
    """Two servers here and two elsewhere; a drain takes six seconds."""
    servers = {n: ("fra" if n[0] == "f" else "nyc", Http().where) for n in ("f1", "f2", "n1", "n2")}
    w = world(servers, check=HTTP, conf=TTL)
    w.wait("f1", "up")
    return w


class Waiting:
    """nearctl drain ... --wait, running."""

    def __init__(self, w, *words):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "nearctl"), "-c", w.conf_path, "drain", *words, "--wait"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        w.until(lambda: '"drain"' in str(w.status()).replace("'", '"'), "the drain")

    def end(self):
        out, err = self.process.communicate(timeout=40)
        return self.process.returncode, out, err


def test_drained(three):
    status, out, err = Waiting(three, "fra").end()
    assert (status, out) == (0, "drain fra: 0 servers, 1 site\nfra is drained\n"), err
    assert three.status()["verdict"] == "drained"


@pytest.mark.parametrize("words, what", [
    (["undrain", "fra"], r"fra: undrained by \S+"),
    (["clear", "site:*"], r"fra: the drain was cleared by \S+"),
    (["force-up", "fra"], r"fra: force-up by \S+ took the place of the drain"),
    (["force-down", "fra"], r"fra: force-down by \S+ took the place of the drain"),
    (["drain", "fra"], r"fra: another drain by \S+ took the place of the drain"),
    (["force-up", "f2"], r"fra: its server f2 is forced up by \S+"),
])
def test_not_drained(three, words, what):
    waiting = Waiting(three, "fra")
    three.ctl(*words)
    status, out, err = waiting.end()
    assert status == 1 and "is drained" not in out
    assert re.search(rf"^nearctl: fra is not drained: {what}$", err, re.M), err


def test_its_time_ran_out_while_healthd_was_away(three):
    """`--for` ends between two questions; what a restarted healthd finds in its file is over."""
    waiting = Waiting(three, "f1", "--for", "7s")
    prober = three.prober_pid()
    os.kill(prober, signal.SIGSTOP)     # the keeper ends it after three seconds
    time.sleep(2.5)
    status, out, err = waiting.end()
    assert (status, "f1 is drained" in out) in ((0, True), (1, False)), (out, err)
    assert status == 0 or "has expired" in err


def test_a_restart_of_healthd_is_outlived(three):
    waiting = Waiting(three, "fra")
    os.kill(three.prober_pid(), signal.SIGKILL)
    status, out, err = waiting.end()
    assert status == 0 and "fra is drained" in out, err


def test_a_restart_that_forgot(three):
    waiting = Waiting(three, "fra")
    three.stop()
    for path in glob.glob(three.folder + "/state/*"):
        os.unlink(path)
    three.start()
    status, _, err = waiting.end()
    assert status == 1 and "fra: that drain is not in force any more" in err


def test_healthd_that_does_not_come_back(three):
    waiting = Waiting(three, "fra")
    three.stop()
    began = time.monotonic()
    status, out, err = waiting.end()
    assert status == 1 and "whether fra is drained is not known" in err
    assert time.monotonic() - began < 20


def test_drained_is_not_said_before_the_health_file_says_so(world, tmp_path):
    """A run-dir that takes no file: dnsd goes on handing out what it last read."""
    disk = tmp_path / "run"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=100", "none", str(disk)],
                   check=True)
    try:
        w = world({"f1": ("fra", Http().where), "f2": ("fra", Http().where)}, check=HTTP, conf=TTL)
        w.wait("f1", "up")
        with open(disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while filler.write(b"x" * 4096):
                pass
        p = w.ctl("drain", "f1", "--wait", ok=False)
        assert p.returncode == 1 and "is kept, but dnsd does not know of it yet" in p.stderr
        assert w.health()["f1"]["state"] == "up"
        os.unlink(disk / "filler")
        w.wait("f1", "drain")
        w.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_server_and_a_site_elsewhere(three):
    status, out, _ = Waiting(three, "n1").end()
    assert status == 0 and "n1 is drained" in out
    p = three.ctl("drain", "nyc", "--wait", ok=False)
    assert p.returncode == 1 and "site nyc is not here" in p.stderr


def test_for_shorter_than_what_is_left(three):
    p = three.ctl("drain", "f1", "--for", "3s", ok=False)
    assert p.returncode == 1 and "for 3 s: it would end before it is drained" in p.stderr
    assert three.health()["f1"]["state"] == "up"
    three.ctl("drain", "f1", "--for", "1h")


@pytest.mark.parametrize("words", [["drain", "*"], ["drain", "[fn]?"], ["force-down", "server:*"],
                                   ["drain", "site:*"], ["force-up", "*"]])
def test_all_takes_all(three, words):
    p = three.ctl(*words, ok=False)
    assert p.returncode == 1 and "say --all" in p.stderr
    assert {s["state"] for s in three.health().values()} == {"up"}
    three.ctl(*words, "--all")


def test_reason_is_shown_and_kept(three):
    three.ctl("drain", "f1", "--reason", "new disks; 'Bob' — call him")
    said = "new disks; 'Bob' ... call him"
    assert said in three.wait("f1", "drain")["reason"]
    assert said in three.ask(b"status").decode()
    three.stop()
    three.start()
    assert three.status()["servers"][0]["word"]["reason"] == said
    p = three.ctl("drain", "f1", "--reason", "x" * 81, ok=False)
    assert p.returncode == 2


def test_drain_at(three):
    p = three.ctl("drain", "f1", "--at", "in 2s", "--reason", "later")
    assert "1 server, 0 sites" in p.stdout
    assert three.status()["servers"][0]["planned"]["kind"] == "drain"
    assert "drain by" in three.ask(b"status").decode()
    three.stays("f1", "up", 1)
    three.stop()                        # it outlives a restart
    three.start()
    assert "later" in three.wait("f1", "drain", seconds=5)["reason"]
    assert three.status()["servers"][0]["planned"] is None
    three.ctl("drain", "f2", "--at", "in 1h")
    assert "1 server" in three.ctl("undrain", "f2").stdout
    assert three.status()["servers"][1]["planned"] is None


@pytest.mark.parametrize("when, fine", [
    ("22:30", True), ("22:30Z", True), ("2099-01-01 10:00", False), ("in 1d", True),
    ("2001-01-01 10:00", False), ("tomorrow", False), ("25:00", False), ("", False),
    ("in 0s", False),
])
def test_times(three, when, fine):
    assert (three.ctl("drain", "f1", "--at", when, ok=False).returncode == 0) == fine


def test_at_and_wait(three):
    began = time.monotonic()
    p = three.ctl("drain", "fra", "--at", "in 2s", "--wait")
    assert "fra is drained" in p.stdout and time.monotonic() - began > 4


def test_many_waiters(three):
    """Each learns of its own drain; the last one only is drained."""
    ends = []
    waiting = [Waiting(three, "fra") for _ in range(5)]
    threads = [threading.Thread(target=lambda w=w: ends.append(w.end()[0])) for w in waiting]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(ends) == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["", " ", "f1 all", "f1 wait", "f1\nclear f1", "f1\t", 'f"1',
                                  "f" * 200])
def test_a_name_that_is_no_word(three, name):
    """What stands behind a blank was read as an option, and a newline cut all options off."""
    p = three.ctl("drain", name, "--for", "1h", ok=False)
    assert p.returncode == 2 and "SERVER|SITE|GLOB: a word of 1 to 128 printable" in p.stderr
    assert {s["state"] for s in three.health().values()} == {"up"}


@pytest.mark.parametrize("at, what", [
    ("2027-02-30 10:00", "a time like"), ("2027-04-31T10:00Z", "a time like"),
    ("2020-01-01 00:00", "that is over"), ("1970-01-01 00:00Z", "a time like"),
])
def test_at_is_a_day_there_is_and_not_over(three, at, what):
    p = three.ctl("drain", "f1", "--at", at, ok=False)
    assert p.returncode == 2 and f'--at "{at}": ' in p.stderr and what in p.stderr


def test_nothing_to_take_back(three):
    """A slip in the name was status 0."""
    three.ctl("force-down", "f1")
    for words, code, said in (
            (("undrain", "f1"), 4, 'healthd: nothing to take back: "f1" is not drained'),
            (("clear", "f2"), 4, 'nothing to take back: "f2" has no word of an operator\'s'),
            (("clear", "nobody"), 1, 'no server or site matches "nobody"'),
            (("clear", "f1"), 0, ""), (("clear", "f1"), 4, "nothing to take back")):
        p = three.ctl(*words, ok=False)
        assert p.returncode == code and said in p.stderr, (words, p)


def test_at_says_when_it_begins(three):
    """A time of day that has passed is tomorrow's."""
    past = time.strftime("%H:%MZ", time.gmtime(time.time() - 3600))
    day = time.strftime("%F", time.gmtime(time.time() + 23 * 3600))
    p = three.ctl("drain", "f1", "--at", past)
    assert re.search(rf"^begins at {day} {past[:-1]}:00Z, in 2[23] h", p.stdout, re.M), p.stdout
    three.ctl("clear", "f1")


@pytest.mark.parametrize("count", ["0", "-1", "x", "1x", ""])
def test_watch_counts_up_from_one(three, count):
    assert three.ctl("watch", "--count", count, ok=False).returncode == 2
