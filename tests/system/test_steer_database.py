"""What may happen to a database file while it is in use: nothing that a client sees."""
import os
import random
import re
import shutil
import socket
import threading
import time

import pytest
from conftest import nearctl

from mmdb_write import asn, city, write
from steer_world import A, Reply, ask, pool_conf, question, sites_conf, until

SITES = {"fra": (50.11, 8.68), "nyc": (40.71, -74.01), "sin": (1.35, 103.82)}
ADDRESS = {"fra": "198.51.100.1", "nyc": "198.51.100.2", "sin": "198.51.100.3"}
ZONE = """$TTL 60
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.1
_steer.www IN TXT "pool=all" "answers=1"
"""
CONF = sites_conf(SITES) + "\n" + pool_conf("all", {s: (s, [a], 10) for s, a in ADDRESS.items()})


def networks(shift=0):
    """Each /16 of 10-13 at one of the sites."""
    places = list(SITES.values())
    return {f"{a}.{b}.0.0/16": city(latitude=places[(a + b + shift) % 3][0],
                                    longitude=places[(a + b + shift) % 3][1])
            for a in range(10, 14) for b in range(256)}


def expected(a, b, shift=0):
    return ADDRESS[list(SITES)[(a + b + shift) % 3]]


def start(dnsd_factory, extra=""):
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"', start=False,
                     conf=f'geo {{ city = "geo.mmdb" {extra} }}\n' + CONF)
    path = os.path.join(d.folder, "geo.mmdb")
    write(path, networks())
    d.start()
    assert ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1)]
    return d, path


class Load(threading.Thread):
    """Asks without pause; each answer must be one of those allowed for its prefix."""

    def __init__(self, port, shifts=(0,)):
        super().__init__()
        self.port, self.shifts = port, shifts
        self.asked = self.lost = 0
        self.wrong, self.running = [], True
        self.rng = random.Random(1)

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.connect(("127.0.0.1", self.port))
            s.settimeout(5)
            while self.running:
                self.batch(s)

    def batch(self, s):
        asked = {}
        for ident in range(64):
            a, b = self.rng.randrange(10, 14), self.rng.randrange(256)
            asked[ident] = (a, b)
            s.send(question("www.example.org", A, f"{a}.{b}.7.0/24", ident))
        self.asked += 64
        while asked:
            try:
                reply = Reply(s.recv(4096))
            except socket.timeout:
                self.lost += len(asked)
                return
            a, b = asked.pop(reply.ident)
            if reply.rcode != 0 or reply.ips not in [[expected(a, b, shift)]
                                                     for shift in self.shifts]:
                self.wrong.append((a, b, vars(reply)))


def test_abuse_under_load(dnsd_factory):
    """Truncated, zeroed, overwritten, replaced by garbage and by itself, all while questions
    come as fast as they are answered: no answer is wrong and none is lost."""
    d, path = start(dnsd_factory)
    good = open(path, "rb").read()

    def put(data):
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)

    def in_place(data, length):
        with open(path, "r+b") as f:
            f.truncate(length)
            f.write(data)

    tricks = [
        lambda: os.truncate(path, 0), lambda: put(good),
        lambda: os.truncate(path, len(good) // 2), lambda: in_place(good, 0),
        lambda: in_place(bytes(len(good)), len(good)), lambda: put(good),
        lambda: in_place(random.Random(2).randbytes(len(good)), len(good)), lambda: put(good),
        lambda: put(b"not a database"), lambda: put(good), lambda: put(b""), lambda: put(good),
        lambda: put(good[:-200]), lambda: put(good), lambda: os.unlink(path), lambda: put(good),
        lambda: in_place(good[:1000] + bytes(3000), 4000), lambda: put(good),
    ]
    load = Load(d.port)
    load.start()
    begun = time.monotonic()
    try:
        for trick in tricks:
            trick()
            time.sleep(0.15)
            if trick is tricks[8]:
                d.reload()
    finally:
        seconds = time.monotonic() - begun
        load.running = False
        load.join()
    print(f"{load.asked / seconds:.0f} questions a second")
    assert load.wrong == [] and load.lost == 0 and load.asked > 3000
    assert d.process.poll() is None


def test_rename_loads_the_new_one(dnsd_factory):
    d, path = start(dnsd_factory)
    write(path + ".new", networks(shift=1))
    load = Load(d.port, shifts=(0, 1))
    load.start()
    try:
        os.rename(path + ".new", path)
        until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 1)])
    finally:
        load.running = False
        load.join()
    assert load.wrong == [] and load.lost == 0
    for b in range(0, 256, 5):
        assert ask(d.port, "www.example.org", A, f"12.{b}.1.0/24").ips == [expected(12, b, 1)]


def test_sighup_loads_the_new_one(dnsd_factory):
    d, path = start(dnsd_factory)
    write(path + ".new", networks(shift=2))
    os.rename(path + ".new", path)
    d.reload()
    until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 2)])


def test_a_broken_one_is_refused_and_said(dnsd_factory):
    d, path = start(dnsd_factory)
    after = len(d.log())
    with open(path + ".new", "wb") as f:
        f.write(open(path, "rb").read()[:5000])
    os.rename(path + ".new", path)
    d.wait_log(re.escape(path), after)
    assert ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1)]
    assert d.counters()["geo_refused"] == 1
    write(path + ".new", networks(shift=1))
    os.rename(path + ".new", path)
    until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 1)])
    assert d.counters()["geo_refused"] == 0


def test_max_move(dnsd_factory):
    """A database that moves all is refused; one that moves a little is taken."""
    d, path = start(dnsd_factory, extra="max-move = 10")
    after = len(d.log())
    write(path + ".new", networks(shift=1))
    os.rename(path + ".new", path)
    d.wait_log("max-move", after)
    assert ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1)]
    little = networks()
    little.update({n: r for n, r in networks(shift=1).items() if n.startswith("10.1.")})
    write(path + ".new", little)
    os.rename(path + ".new", path)
    until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 1)])
    assert ask(d.port, "www.example.org", A, "10.2.0.0/24").ips == [expected(10, 2)]


def test_reload_force_overrides_max_move(dnsd_factory):
    """As it overrides max-shrink: a plain reload refuses again."""
    d, path = start(dnsd_factory, extra="max-move = 10")
    after = len(d.log())
    write(path + ".new", networks(shift=1))
    os.rename(path + ".new", path)
    d.wait_log("max-move", after)
    nearctl(d.argv[2], "reload")
    assert ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1)]
    assert d.counters()["geo_refused"] == 1
    assert nearctl(d.argv[2], "reload", "--force").returncode == 0
    assert ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 1)]
    assert d.counters()["geo_refused"] == 0


def test_missing_at_start(dnsd_factory):
    """A warning; every client is at this site's place; it is read when it comes."""
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "nyc"',
                     conf='geo { city = "geo.mmdb" }\n' + CONF)
    path = os.path.join(d.folder, "geo.mmdb")
    assert "geo.mmdb" in d.log()
    reply = ask(d.port, "www.example.org", A, "10.1.0.0/24")
    assert reply.ips == [ADDRESS["nyc"]] and reply.scope == 0
    write(path + ".new", networks())
    os.rename(path + ".new", path)
    until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1)])


@pytest.mark.parametrize("kind", ["garbage", "empty", "cut"])
def test_refused_at_start(dnsd_factory, kind):
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"',
                     conf='geo { city = "geo.mmdb" }\n' + CONF, start=False)
    path = os.path.join(d.folder, "geo.mmdb")
    write(path, networks())
    data = {"garbage": b"x" * 5000, "empty": b"", "cut": open(path, "rb").read()[:-3000]}[kind]
    with open(path, "wb") as f:
        f.write(data)
    status, text = d.check()
    assert status == 1 and "geo.mmdb" in text


def test_adding_a_server_is_one_line(dnsd_factory):
    d, _ = start(dnsd_factory)
    d.write(conf=d.extra.replace('server "nyc" ',
                                 'server "fra9" { site = "fra" address = { "198.51.100.99" } '
                                 'weight = 1000 }\n  server "nyc" '))
    d.reload()
    until(lambda: "198.51.100.99" in ask(d.port, "www.example.org", A, "10.2.0.0/24").ips)


def test_a_new_site_moves_clients(dnsd_factory):
    """The maps are built anew when sites change."""
    d, _ = start(dnsd_factory)
    extra = d.extra.replace('pool "all" {',
                            'site "ams" { location = { 40.70, -74.00 } }\npool "all" {\n'
                            '  server "ams1" { site = "ams" address = { "198.51.100.44" } }')
    d.write(conf=extra.replace("40.71, -74.01", "-40.0, 170.0"))
    d.reload()
    nyc = next(b for b in range(256) if expected(10, b) == ADDRESS["nyc"])
    until(lambda: ask(d.port, "www.example.org", A, f"10.{nyc}.0.0/24").ips == ["198.51.100.44"])


def test_shutil_copy_over_it(dnsd_factory, tmp_path):
    """`cp` writes in place: what is served stays a whole database, the old or the new."""
    d, path = start(dnsd_factory)
    other = str(tmp_path / "other.mmdb")
    write(other, networks(shift=1))
    load = Load(d.port, shifts=(0, 1))
    load.start()
    try:
        for _ in range(5):
            shutil.copyfile(other, path)
            time.sleep(0.1)
    finally:
        load.running = False
        load.join()
    assert load.wrong == [] and load.lost == 0


@pytest.mark.parametrize("reload", [True, False], ids=["on a signal", "by itself"])
def test_written_in_place_with_size_and_time_kept(dnsd_factory, tmp_path, reload):
    """As `cp -p` and rsync --inplace do; only the time of change tells.  The writer has not
    closed the file yet, so that no event helps."""
    d, path = start(dnsd_factory)
    other = str(tmp_path / "other.mmdb")
    write(other, networks(shift=1))
    was = os.stat(path)
    assert os.stat(other).st_size == was.st_size
    with open(other, "rb") as f:
        octets = f.read()
    with open(path, "r+b") as f:
        f.write(octets)
        f.flush()
        os.utime(f.fileno(), ns=(was.st_atime_ns, was.st_mtime_ns))
        assert os.stat(path).st_mtime_ns == was.st_mtime_ns
        if reload:
            d.reload()
        until(lambda: ask(d.port, "www.example.org", A, "10.1.0.0/24").ips == [expected(10, 1, 1)])


@pytest.mark.parametrize("option,record,said", [("city", asn(64500), "has no places"),
                                                ("asn", city("DE", "EU", 50.0, 8.0),
                                                 "has no AS numbers")])
def test_the_wrong_kind_is_refused(dnsd_factory, option, record, said):
    """Instead of locating nobody in silence."""
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"', start=False,
                     conf=f'geo {{ {option} = "geo.mmdb" }}\n' + CONF)
    write(os.path.join(d.folder, "geo.mmdb"), {"10.0.0.0/8": record})
    status, text = d.check()
    assert status == 1 and "geo.mmdb" in text and said in text
