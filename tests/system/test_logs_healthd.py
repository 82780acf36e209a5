"""healthd in the log spool: the prober's transitions, words and alarms, the keeper's postures, each
a process of its own with numbers of its own."""
import glob
import json
import os

import pytest
from ctl_world import Pair


@pytest.fixture
def pair(tmp_path, dnsd_factory):
    os.mkdir(tmp_path / "spool")
    p = Pair(dnsd_factory, f'log {{ spool = "{tmp_path}/spool"; host = "fra1" }}')
    yield p, tmp_path / "spool"
    p.stop()


def events(spool, kind):
    """Of each process that wrote, in the order of their numbers, without holes."""
    of = {}
    for path in sorted(glob.glob(f"{spool}/{kind}-*.log")):
        with open(path) as f:
            for line in f:
                e = json.loads(line)
                assert e["seq"] == len(of.setdefault(e["boot"], []))
                of[e["boot"]].append(e)
    return [e for boot in sorted(of) for e in of[boot]]


def has(spool, kind, **members):
    return any(all(e.get(k) == v for k, v in members.items()) for e in events(spool, kind))


def test_every_transition(pair):
    p, spool = pair
    p.wait(lambda: has(spool, "healthd", ev="server", name="f1", now="up"))
    p.wait(lambda: has(spool, "keeper", ev="posture", now="serving"))
    assert p.ctl("drain", "f1", "--for", "1h", "--reason", "new disks").returncode == 0
    p.wait(lambda: has(spool, "healthd", ev="word", name="f1", now="drain", why="new disks"))
    p.wait(lambda: has(spool, "healthd", ev="server", name="f1", was="up", now="drain"))
    assert p.ctl("clear", "f1").returncode == 0
    p.cache.close()
    p.wait(lambda: has(spool, "healthd", ev="server", name="f1", now="down"))
    p.wait(lambda: has(spool, "keeper", ev="posture", now="down"))
    assert all(e["host"] == "fra1" and e["t"] > 1e9 for e in events(spool, "healthd"))
    # another prober is another process
    p.write(1)
    assert p.ctl("reload").returncode == 0
    p.wait(lambda: sum(e["ev"] == "start" for e in events(spool, "healthd")) == 2)
    p.wait(lambda: has(spool, "keeper", ev="reload"))
    p.healthd.stop()
    assert events(spool, "keeper")[-1]["ev"] == "end"
    assert events(spool, "healthd")[-1]["ev"] == "end"
    assert p.ctl("logcheck", spool).returncode == 0
