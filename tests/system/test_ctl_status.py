"""nearctl status: 0 well, 1 alarm, 2 not serving; each alarm once and whole; quick with many."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import BUILD, Daemon, free_port, nearctl
from ctl_world import ZONE, Pair
from probe_world import Http

HTTP = 'kind = "http"  url = "http://www.example.org/"  interval = "200ms"  timeout = "100ms"'


@pytest.fixture
def pair(dnsd_factory):
    p = Pair(dnsd_factory)
    yield p
    p.stop()


def status(p, *words):
    """(exit status, first line, alarms, all of it)"""
    done = p.ctl("status", *words)
    lines = done.stdout.splitlines()
    return done.returncode, lines[0], [x[12:] for x in lines if x.startswith("ALARM")], done.stdout


def wait_status(p, code, seconds=10):
    end = time.monotonic() + seconds
    while (found := status(p))[0] != code:
        assert time.monotonic() < end, found[3]
        time.sleep(0.1)
    return found


def test_well(pair):
    code, first, alarms, text = wait_status(pair, 0)
    assert (code, first, alarms) == (0, "well", [])
    assert "f1 " in text and "-- dnsd" in text
    j = json.loads(pair.ctl("status", "--json").stdout)
    assert j["state"] == "well" and j["alarms"] == [] and j["errors"] == []
    assert j["healthd"]["servers"][0]["name"] == "f1"
    assert j["route"]["digest"] == j["dnsd"]["digest"]


def test_a_log_spool_that_fills(tmp_path, dnsd_factory):
    """It was a line in a log alone."""
    spool = tmp_path / "spool"
    spool.mkdir()
    p = Pair(dnsd_factory, f'log {{ spool = "{spool}"; max = "4m" }}')
    try:
        wait_status(p, 0)
        (spool / "nginx-2026-11-27T16:52:.log").write_bytes(b"x" * (9 << 18))
        code, _, alarms, _ = status(p)
        assert code == 1 and len(alarms) == 1, alarms
        assert re.search(r"^log spool .*/spool: 23\d+ octets wait for collectors, more than half "
                         r"of `max`, 4194304$", alarms[0]), alarms
        (spool / "nginx-2026-11-27T16:52:.log").write_bytes(b"x" * (1 << 22))
        _, _, alarms, _ = status(p)
        assert len(alarms) == 1 and "is full, events are lost: 41" in alarms[0], alarms
        (spool / "nginx-2026-11-27T16:52:.log").unlink()
        assert status(p)[0] == 0
        spool.rename(tmp_path / "away")
        _, _, alarms, _ = status(p)
        assert alarms == [f"log spool {spool}: No such file or directory: events are lost"]
    finally:
        p.stop()


def test_two_configurations(pair):
    """The daemons ran different configurations, and nothing showed it."""
    wait_status(pair, 0)
    pair.write(1)
    pair.dnsd.reload(r"generation \d+ in service")
    code, first, alarms, text = wait_status(pair, 1)
    assert (code, first) == (1, "alarm")
    time.sleep(2)               # healthd has noticed, too
    code, _, alarms, text = status(pair)
    differ = [a for a in alarms if "run different configurations" in a]
    assert code == 1 and len(differ) == 1, text
    j = json.loads(pair.ctl("status", "--json").stdout)
    assert j["route"]["digest"] != j["dnsd"]["digest"] and j["state"] == "alarm"
    assert pair.ctl("reload").returncode == 0
    wait_status(pair, 0)


def test_a_file_that_was_not_reloaded(pair):
    wait_status(pair, 0)
    pair.write(1)
    assert "the file has changed since: nearctl reload" in status(pair)[3]


def test_a_zone_that_was_refused(pair):
    """All was well, with a zone in a version of yesterday."""
    wait_status(pair, 0)
    pair.dnsd.write_file("example.org.zone", "nonsense")
    assert pair.ctl("reload").returncode == 1
    code, first, alarms, text = status(pair)
    assert (code, first) == (1, "alarm") and alarms == [
        "dnsd serves an old version of example.org: the file on disk was refused; "
        "nearctl reload says why"], text
    assert "zones       1 of 1, 1 refused by the last reload" in text
    pair.dnsd.write_file("example.org.zone", ZONE)
    assert pair.ctl("reload").returncode == 0
    wait_status(pair, 0)


def test_a_reload_that_was_refused(pair):
    wait_status(pair, 0)
    pair.write(1, 'cookies { secret-file = "no-such-file" }')
    assert pair.ctl("reload").returncode == 1
    code, _, alarms, text = status(pair)
    assert code == 1 and len(alarms) == 1, text
    assert alarms[0].startswith("dnsd: reload refused: ") and "no-such-file" in alarms[0]
    pair.write(2)
    assert pair.ctl("reload").returncode == 0
    wait_status(pair, 0)


def test_which_configuration_without_healthd(dnsd_factory):
    d = dnsd_factory(zones={"example.org": ZONE})
    p = nearctl(d.argv[2], "status")
    assert p.returncode == 0 and p.stdout.startswith("well\n"), p.stdout
    assert re.search(r"(?m)^configuration [0-9a-f]{16} \(dnsd's; no healthd tells of its own\)$",
                     p.stdout), p.stdout
    d.stop()
    assert "\nconfiguration unknown: neither dnsd nor healthd tells" in \
        nearctl(d.argv[2], "status").stdout


def test_without_dnsd(pair):
    wait_status(pair, 0)
    pair.dnsd.stop()
    code, first, alarms, _ = status(pair)
    assert (code, first) == (2, "not serving") and "dnsd does not answer" in alarms[-1]


def test_no_zone_is_served(pair):
    wait_status(pair, 0)
    pair.dnsd.zones = {"new.example": "nonsense"}
    pair.write(1)
    assert pair.ctl("reload").returncode == 1
    code, first, alarms, _ = status(pair)
    assert code == 2 and any("0 of 1 zone" in a for a in alarms)


def test_a_prober_that_hangs(pair):
    wait_status(pair, 0)
    os.kill(pair.pids()[0], signal.SIGSTOP)
    code, _, alarms, _ = status(pair)
    assert code == 1 and any("healthd does not answer" in a for a in alarms)


def test_without_healthd(pair):
    wait_status(pair, 0)
    pair.healthd.stop()
    time.sleep(5.5)
    code, _, alarms, _ = status(pair)
    assert code == 1 and any("healthd does not run, or hangs" in a for a in alarms)


def test_reload_refused_is_an_alarm_told_whole(pair, tmp_path):
    """Alarms were cut at 127 octets."""
    long, told = "x" * 150, tmp_path / "told"
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$NEARCAST_STATE $NEARCAST_REASON" >> {told}\n')
    hook.chmod(0o755)
    told.touch()
    for path in (told, tmp_path):
        path.chmod(0o777)
    pair.write(0, f'alarm-hook = "{hook}"')
    assert pair.ctl("reload").returncode == 0
    wait_status(pair, 0)
    pair.write(1, f'hook = "/nonexistent/{long}/end-of-it"')
    pair.ctl("reload")
    time.sleep(1.2)             # the keeper tells every second
    alarms = wait_status(pair, 1)[2]
    refused = [a for a in alarms if "reload refused" in a]
    assert len(refused) == 1 and "end-of-it" in refused[0], alarms
    pair.wait(lambda: f"on {refused[0]}\n" in told.read_text())


def test_a_shared_cause_is_told_once(world):
    """Keeper and prober both say it."""
    servers = {n: (s, f"127.0.0.5@{free_port()}") for n, s in (("f1", "fra"), ("n1", "nyc"))}
    up = {n: Http(address="127.0.0.5", port=int(a.split("@")[1])) for n, (_, a) in servers.items()}
    w = world(servers, check=HTTP)
    w.wait("f1", "up")
    for server in up.values():
        server.close()
    w.until(lambda: "shared cause" in w.ctl("status", ok=False).stdout, "the alarm")
    time.sleep(1.5)
    out = w.ctl("status", ok=False).stdout
    alarms = [x for x in out.splitlines() if x.startswith("ALARM")]
    assert len([a for a in alarms if "shared cause" in a]) == 1, alarms
    assert alarms[0].endswith("every target everywhere fails: a shared cause, nothing is changed")


def test_a_route_that_is_down_is_not_serving(tmp_path, dnsd_factory):
    pair = Pair(dnsd_factory, f'announce {{ prefix = "127.0.0.0/24"  via = "bird-socket"  '
                f'router-id = "127.0.0.1"  bird-socket = "{tmp_path}/bird.ctl"  '
                f'neighbor "rt" {{ address = "10.0.0.1"  as = 65100 }} }}')
    try:
        code, first, _, text = wait_status(pair, 1)       # BIRD is not there
        assert "announce    via bird-socket" in text
        pair.ctl("force-down", "fra")
        code, first, _, text = wait_status(pair, 2)
        assert first == "not serving", text
        pair.ctl("clear", "fra")
        wait_status(pair, 1, 40)
    finally:
        pair.stop()


def many(tmp_path, n):
    """A healthd with so many servers, which all refuse, at two sites."""
    servers = "\n".join(f'  server "server{i:04}" {{ site = "{"fn"[i % 2]}"  address = '
                        f'{{ "127.1.{i // 250}.{i % 250 + 1}" }} }}' for i in range(n))
    conf = tmp_path / "nearcast.conf"
    conf.write_text(f'''here = "f"
listen = "127.0.0.1@{free_port()}"
run-dir = "{tmp_path}/run"
state-dir = "{tmp_path}/state"
site "f" {{ }}
site "n" {{ }}
check "c" {{ kind = "tcp"  port = 9  interval = "30s"  timeout = "500ms" }}
pool "p" {{ check = "c"
{servers}
}}''')
    return conf, Daemon(tmp_path, "healthd", "-c", str(conf))


def test_five_thousand_servers(tmp_path):
    """In under 0.5 s, and the few that matter can be found."""
    conf, healthd = many(tmp_path, 5000)
    healthd.start()
    try:
        healthd.wait_log(r"probing 5000 targets")
        nearctl(conf, "drain", "server4999", "--reason", "new disks")
        time.sleep(3)
        times = {}
        for words in (["status"], ["status", "--json"]):
            best = 9.0
            for _ in range(5):
                began = time.monotonic()
                out = nearctl(conf, *words).stdout
                best = min(best, time.monotonic() - began)
            times[" ".join(words)] = round(best, 3)
            if "--json" in words:
                assert len(json.loads(out)["healthd"]["servers"]) == 5000
        print(times)
        assert max(times.values()) < 0.5, times
        out = nearctl(conf, "status").stdout
        assert "pool p at f: 2500 servers: 2500 unknown" in out or "2500 servers:" in out
        assert len(out.splitlines()) < 200 and "--all shows all 5000 servers" in out
        assert len(nearctl(conf, "status", "--all").stdout.splitlines()) > 5000
    finally:
        healthd.stop()


@pytest.mark.parametrize("tail", ["bogus = 1\n", 'include = "gone.conf"\n', "pool {\n"])
def test_a_file_that_is_broken_by_now(pair, tail):
    """The daemons run on; how they are was not told for a mistake in a file they have not read."""
    wait_status(pair, 0)
    pair.write(1, tail)
    code, first, alarms, text = status(pair)
    assert (code, first) == (1, "alarm") and len(alarms) == 1, text
    assert alarms[0].startswith(f"the configuration cannot be read any more: {pair.conf}:"), alarms
    for said in ("f1 ", "keeper      pid", "zones       1 of 1"):
        assert said in text, text
    assert json.loads(pair.ctl("status", "--json").stdout)["state"] == "alarm"
    pair.dnsd.stop()
    assert wait_status(pair, 2)[1] == "not serving"


def test_watch_reads_the_file_again(pair):
    """What a reload has put in force is no change of the file."""
    wait_status(pair, 0)
    watch = subprocess.Popen([os.path.join(BUILD, "nearctl"), "-c", pair.conf, "watch",
                              "--count", "4"], stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    pair.write(1)
    assert pair.ctl("reload").returncode == 0
    out, _ = watch.communicate(timeout=20)
    assert watch.returncode == 0 and "changed since" not in out.split("-- dnsd")[-2], out
