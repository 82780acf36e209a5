"""What a large zone costs: memory, and an answer for each of its names."""
import random
import re
import time

import pytest

from conftest import BUILD

NAMES = 200_000
HEAD = "$TTL 300\n@ SOA ns1 admin 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"


def owner(i):
    return f"host{i * 7919 % 0xfffffff:07x}"


def resident_kb(d):
    with open(f"/proc/{d.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


@pytest.mark.skipif("asan" in BUILD, reason="sanitizers take memory of their own")
def test_memory_of_a_large_zone(dnsd_factory):
    """Knot 3.2 takes about 290 octets a name of this kind."""
    small = resident_kb(dnsd_factory(zones={"example.org": HEAD}, name="small"))
    text = HEAD + "".join(f"{owner(i)} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n"
                          for i in range(NAMES))
    d = dnsd_factory(zones={"example.org": text}, name="large")
    octets = (resident_kb(d) - small) * 1024 / NAMES
    print(f"{octets:.0f} octets a name")
    assert octets < 160
    for i in random.Random(1).sample(range(NAMES), 100):
        reply = d.udp(f"{owner(i)}.example.org", "A")
        assert reply.answer[0][0].address == f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"
    # a reload leaves nothing behind: the old zone and what loading took are given back
    d.zones["example.org"] = text.replace("admin 1 ", "admin 2 ")
    d.write()
    d.reload()
    end = time.monotonic() + 10
    while (resident_kb(d) - small) * 1024 / NAMES > 1.3 * octets:
        assert time.monotonic() < end, \
            f"{(resident_kb(d) - small) * 1024 / NAMES:.0f} octets a name after a reload"
        time.sleep(0.02)
    assert d.tcp("example.org", "SOA").answer[0][0].serial == 2
