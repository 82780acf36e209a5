"""The rules of the packet path, counted over a million queries: no allocation, no lock, and
no system call but recvmmsg and sendmmsg."""
import collections
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time

import dns.edns
import dns.message
import pytest

from conftest import BUILD, HERE, ROOT

QUERIES = 1_000_000
ZONE = """\
@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 300
@ 60 IN NS ns1
ns1 60 IN A 198.51.100.1
dl 60 IN A 198.51.100.10
_steer.dl 60 IN TXT "pool=mirrors"
alias 60 IN CNAME ns1
* 60 IN TXT "wild"
"""
POOL = """
here = "fra"
site "fra" { location = { 50.11, 8.68 } }
site "nyc" { location = { 40.71, -74.01 } }
geo { prefix "10.0.0.0/8" { sites = { "nyc", "fra" } } }
rrl { responses-per-second = 1000000 }
pool "mirrors" {
	server "fra1" { site = "fra"  address = { "198.51.100.10", "2001:db8:a::10" } }
	server "nyc1" { site = "nyc"  address = { "203.0.113.10" } }
}
"""


def ring(path):
    """Questions of every kind, as the generator reads them."""
    rng = random.Random(1)
    with open(path, "w") as f:
        for _ in range(2000):
            name, rdtype, rcode = rng.choice([("dl", "A", 0), ("dl", "AAAA", 0), ("alias", "A", 0), ("x.y", "TXT", 0),
                                              ("ns1", "MX", 0), ("a.ns1", "A", 3), ("", "SOA", 0)])
            options = rng.choice([None, [dns.edns.ECSOption(f"10.{rng.randrange(256)}.{rng.randrange(256)}.0", 24)],
                                  [dns.edns.GenericOption(10, rng.randbytes(8)), dns.edns.GenericOption(3, b"")]])
            q = dns.message.make_query(f"{name}.example.org." if name else "example.org.", rdtype,
                                       use_edns=options is not None, options=options)
            f.write(f"{q.to_wire().hex()} {rcode} *\n")


@pytest.fixture
def load():
    """The benchmark's generator, built where it is not yet."""
    path = os.path.join(BUILD, "tests/bench/load")
    subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(path, ROOT)], check=True, capture_output=True)
    return path


@pytest.fixture
def preload(tmp_path):
    path = str(tmp_path / "count_calls.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", path, os.path.join(HERE, "count_calls.c")], check=True)
    return path


def sanitized():
    with open(os.path.join(BUILD, "dnsd"), "rb") as f:
        return b"__asan_init" in f.read()


def test_a_million_queries_allocate_nothing_lock_nothing_and_call_two_functions(dnsd_factory, load, preload, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("no strace")
    if sanitized():
        pytest.skip("a sanitizer has an allocator of its own")
    counts, calls = tmp_path / "counts", tmp_path / "calls"
    counts.write_bytes(bytes(4096))
    ring(tmp_path / "ring")
    d = dnsd_factory(zones={"example.org": ZONE}, conf=POOL, threads=1, start=False)
    d.listen = [f"127.0.0.1@{d.port}"]
    d.write()
    d.env = {"LD_PRELOAD": preload, "COUNT_CALLS": str(counts)}
    d.start()
    d.udp("dl.example.org")
    with open(counts, "r+b") as f, mmap.mmap(f.fileno(), 4096) as shared:
        def read():
            return struct.unpack_from("<5Q16Q", shared)
        before = read()
        tracing = subprocess.Popen(["strace", "-qq", "-e", "raw=all", "-o", str(calls), "-p", str(before[5])], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 300
            while read()[0] - before[0] < QUERIES and time.monotonic() < deadline:
                subprocess.run([load, "-x", "-t", "2", "-n", "4", "127.0.0.1", str(d.port), str(tmp_path / "ring")],
                               check=True, capture_output=True)
            while read()[1] - before[1] != read()[0] - before[0] and time.monotonic() < deadline:
                time.sleep(0.01)         # the last batch is on its way
            after = read()
        finally:
            tracing.send_signal(signal.SIGINT)
            tracing.wait(10)
    received, sent, allocations, locks, threads = (b - a for a, b in zip(before[:5], after[:5]))
    assert received >= QUERIES and sent == received
    assert threads == 0 and before[4] == 1, "one worker was asked for"
    assert allocations == 0
    assert locks == 0
    names = collections.Counter(re.match(r"\w+", line).group() for line in calls.read_text().splitlines() if re.match(r"\w+\(", line))
    assert set(names) <= {"recvmmsg", "sendmmsg"}, names
