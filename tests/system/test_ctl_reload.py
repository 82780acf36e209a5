"""nearctl reload reaches both daemons or fails, and says which and why."""
import os
import signal
import socket
import time

import pytest

from ctl_world import Pair, in_force

@pytest.fixture
def pair(dnsd_factory):
    p = Pair(dnsd_factory)
    yield p
    p.stop()


def test_it_returns_when_both_have_it(pair):
    before = in_force(pair, "dnsd")
    assert in_force(pair, "keeper") == before
    pair.write(1)
    p = pair.ctl("reload")
    assert p.returncode == 0, p.stderr
    after = in_force(pair, "dnsd")
    assert in_force(pair, "keeper") == after != before
    assert f"configuration {after} is in force" in p.stderr


def test_two_within_a_moment(pair):
    """Two reloads within 0.3 s were not told to healthd in 58 of 61 cases."""
    for i in range(30):
        pair.write(2 * i)
        first = pair.start_reload()
        time.sleep(0.01 * i)
        pair.write(2 * i + 1)
        second = pair.start_reload()
        for p in (first, second):
            assert p.wait(60) == 0, p.stderr.read()
        assert in_force(pair, "keeper") == in_force(pair, "dnsd")
        pair.digest = in_force(pair, "keeper")
    pair.write(59)
    assert pair.ctl("reload").returncode == 0 and in_force(pair, "keeper") == pair.digest


def test_many_at_once(pair):
    pair.write(1)
    running = [pair.start_reload() for _ in range(20)]
    assert [(p.wait(60), p.stderr.read())[0] for p in running] == [0] * 20
    assert in_force(pair, "keeper") == in_force(pair, "dnsd")


def test_commands_right_after_a_reload(pair):
    for i in range(15):
        pair.write(i)
        assert pair.ctl("reload").returncode == 0
        assert pair.ctl("drain", "f1").returncode == 0
        assert pair.ctl("undrain", "f1").returncode == 0
    os.kill(pair.pids()[0], signal.SIGKILL)             # the same for a prober that died
    assert pair.ctl("drain", "f1").returncode == 0


def test_dnsd_refuses(pair):
    before = in_force(pair, "keeper")
    pair.write(1, 'cookies { secret-file = "no-such-file" }')
    p = pair.ctl("reload")
    assert p.returncode == 1 and "nearctl: dnsd: not reloaded: " in p.stderr, p.stderr
    assert "healthd was not asked" in p.stderr
    time.sleep(0.5)
    assert in_force(pair, "keeper") == in_force(pair, "dnsd") == before


def test_a_zone_is_refused_and_the_rest_goes_on(pair):
    pair.write(1)
    pair.dnsd.write_file("example.org.zone", "nonsense")
    p = pair.ctl("reload")
    assert p.returncode == 1 and "1 zone refused" in p.stderr
    assert in_force(pair, "keeper") == in_force(pair, "dnsd")


def test_healthd_needs_a_restart(pair):
    before = in_force(pair, "keeper")
    pair.write(1)
    pair.dnsd.listen.pop()
    pair.write(1, f'run-dir = "{pair.folder}/elsewhere"')
    text = open(pair.conf).read().replace(f'run-dir = "{pair.folder}/run"\n', "")
    open(pair.conf, "w").write(text)
    os.symlink(pair.folder + "/run", pair.folder + "/elsewhere")
    p = pair.ctl("reload")
    assert p.returncode == 3, p.stderr
    assert "nearctl: dnsd: restart needed: run-dir" in p.stderr
    assert "nearctl: healthd: not reloaded: restart needed: run-dir" in p.stderr
    assert in_force(pair, "keeper") == before


def test_healthd_that_died(pair):
    pair.healthd.process.kill()
    pair.healthd.process.wait()
    pair.healthd.process = None
    pair.write(1)
    p = pair.ctl("reload")
    assert p.returncode == 1 and "nearctl: healthd: " in p.stderr
    assert "dnsd has taken the configuration, healthd has not" in p.stderr


def test_dnsd_that_died(pair):
    before = in_force(pair, "keeper")
    pair.dnsd.stop()
    pair.write(1)
    p = pair.ctl("reload")
    assert p.returncode == 1 and "healthd was not asked" in p.stderr
    assert in_force(pair, "keeper") == before


def test_a_prober_that_hangs_does_not_stop_it(pair):
    os.kill(pair.pids()[0], signal.SIGSTOP)
    pair.write(1)
    assert pair.ctl("reload").returncode == 0
    assert in_force(pair, "keeper") == in_force(pair, "dnsd")


def test_sighup_still_reloads(pair):
    pair.write(1)
    before = in_force(pair, "keeper")
    pair.healthd.signal(signal.SIGHUP)
    pair.wait(lambda: in_force(pair, "keeper") != before)


@pytest.mark.parametrize("line", [b"", b"relaod", b"status", b"reload now", b"\xff", b"x" * 2000])
def test_hostile_keeper_socket(pair, line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(pair.folder + "/run/keeper.sock")
        s.sendall(line + b"\n")
        assert s.recv(4096).startswith(b"error: ")


@pytest.mark.parametrize("hangs", ["the trial", "the new prober"])
def test_end_while_a_reload_is_under_way(pair, hangs):
    """SIGTERM is heard within a second whoever keeps a reload waiting."""
    tls = 'check "tls" { kind = "http"  url = "https://www.example.org/"  ca-file = "ca" }'
    os.mkfifo(f"{pair.folder}/ca")                      # whoever opens it to read waits
    old = pair.pids()
    pair.write(1, tls if hangs == "the trial" else "")
    os.kill(pair.healthd.process.pid, signal.SIGHUP)
    if hangs == "the trial":
        pair.wait(lambda: len(pair.pids()) == 2)
        time.sleep(0.3)
        assert len(pair.pids()) == 2
    else:
        pair.wait(lambda: len(pair.pids()) == 1 and pair.pids() != old)
        os.kill(pair.pids()[0], signal.SIGSTOP)
    start = time.monotonic()
    pair.healthd.process.send_signal(signal.SIGTERM)
    assert pair.healthd.process.wait(10) == 0 and time.monotonic() - start < 1


@pytest.mark.parametrize("extra, why", [
    ('hook = "/nope"', 'hook "/nope": No such file'),
    ('check "z" { kind = "dns"  question = "a.example A"  answer = "zz" }', 'answer "zz"'),
    ('check "z" { kind = "http"  url = "https://x.example/"  ca-file = "gone.pem" }', "gone.pem"),
])
def test_what_only_healthd_refuses_reaches_neither(pair, extra, why):
    """dnsd had taken it before healthd was asked: two configurations until somebody noticed."""
    before = in_force(pair, "dnsd")
    pair.write(1, extra)
    p = pair.ctl("reload")
    assert p.returncode == 1 and why in p.stderr and "dnsd was not asked" in p.stderr, p.stderr
    assert in_force(pair, "dnsd") == in_force(pair, "keeper") == before
    pair.write(2)
    assert pair.ctl("reload").returncode == 0
    assert in_force(pair, "dnsd") == in_force(pair, "keeper") != before


def test_tries_and_reloads_at_once(pair):
    """A try changes nothing, holds up no reload, and each is answered."""
    before = in_force(pair, "keeper")
    pair.write(1)
    asking = []
    for i in range(24):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(f"{pair.folder}/run/keeper.sock")
        s.sendall(b"try\n" if i < 12 or i % 2 else b"reload\n")
        asking.append(s)
        if i == 11:
            assert [x.recv(100)[:3] for x in asking] == [b"ok\n"] * 12
            assert in_force(pair, "keeper") == before
    assert [x.recv(100)[:3] for x in asking[12:]] == [b"ok\n"] * 12
    assert in_force(pair, "keeper") != before


def test_sighup_among_tries_reloads(pair):
    before = in_force(pair, "keeper")
    pair.write(1)
    asking = []
    for i in range(8):
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{pair.folder}/run/keeper.sock")
        s.sendall(b"try\n")
        asking.append(s)
        if i == 3:
            pair.healthd.signal(signal.SIGHUP)
    pair.wait(lambda: in_force(pair, "keeper") != before)
