"""nearctl log: what happened to a server or a site, with reasons, over restarts."""
import re
import time

from probe_world import Http

HTTP = 'kind = "http"  url = "http://www.example.org/"  interval = "200ms"  timeout = "100ms"'
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC"


def test_log(world):
    cache = Http()
    w = world({"f1": ("fra", cache.where), "n1": ("nyc", Http().where)}, check=HTTP)
    w.wait("f1", "up")
    cache.close()
    w.wait("f1", "down")
    w.ctl("drain", "f1", "--reason", "new disks")
    w.wait("f1", "drain")
    w.stop()
    w.start()
    lines = w.ctl("log", "f1").stdout.splitlines()
    for pattern in (rf'^{TIME} server f1 up down "connect: .*refused.*"$',
                    rf'^{TIME} word f1 drain "by \S+: new disks"$',
                    rf'^{TIME} server f1 down drain "drain by \S+: new disks"$'):
        assert any(re.match(pattern, x) for x in lines), lines
    assert not any(" n1 " in x for x in lines)
    p = w.ctl("log", "nobody", ok=False)
    assert p.returncode == 1 and 'nothing is known of "nobody"' in p.stderr


def test_log_says_from_when_and_for_how_long(world):
    """A drain for next week looked like one in force."""
    w = world({"f1": ("fra", Http().where), "n1": ("nyc", Http().where)}, check=HTTP)
    w.wait("f1", "up")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 86400))
    w.ctl("drain", "f1", "--at", f"{day} 22:30Z", "--for", "2h", "--reason", "disks")
    text = w.ctl("log", "f1").stdout
    said = rf'word f1 drain "by \S+ from {day} 22:30:00 UTC for 2 h 0 min: disks"$'
    assert re.search(said, text, re.M), text
