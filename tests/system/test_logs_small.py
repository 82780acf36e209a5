"""A spool whose `max` is the smallest that the configuration takes: it never stays full when all
collectors have what is in it."""
import os
import subprocess
import time

import pytest
from conftest import BUILD
from logs_world import Collector, Lines, Ship, wait

EVENTS = os.path.join(BUILD, "tests/bench/events")
MAX = 4 << 20


@pytest.mark.skipif("san" in os.path.basename(BUILD), reason="events are counted, not code")
def test_a_small_spool_does_not_jam(tmp_path):
    c = Collector(tmp_path, "c1")
    s = Ship(tmp_path, "c1", c.url)
    try:
        c.start()
        # no shipper yet: the spool is full soon, and stays so
        writer = subprocess.Popen([EVENTS, s.spool, "events", "h1", "10000", "7", str(MAX)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(3)
        held = sum(os.path.getsize(os.path.join(s.spool, n)) for n in os.listdir(s.spool))
        assert MAX * 0.8 < held <= MAX
        s.start()
        out, said = writer.communicate()
        assert "and `max` is 4194304" in said and "written again" in said
        wait(lambda: len(os.listdir(s.spool)) == 1, 10)
        at = Lines(c.data, "events")
        assert at.missing == at.torn == at.repeated == 0 and len(at.ended) == 1
        # of 70,000 events more than the spool holds, which is 22,000 of them
        assert len(at) > 40000 and len(at) - sum(at.own.values()) + at.declared >= 70000 * 0.9
        print(out, said)
    finally:
        s.stop()
        c.stop()
