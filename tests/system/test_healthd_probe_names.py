"""Origins by name: whatever the resolver does, nothing waits for it."""
import os
import socket
import threading
import time

import dns.message
import dns.rrset
import pytest

from probe_world import Http, World, reply

RESOLVER = "127.66.0.9"
CHECK = ('kind = "content"  url = "http://www.example.org/set"  interval = "200ms"  '
         'timeout = "190ms"  rise = 2  fall = 2')

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")


class Resolver:
    """Answers A questions with .address; silent while that is None."""

    def __init__(self):
        self.address, self.asked, self.ttl = None, 0, 1
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((RESOLVER, 53))
        self.udp.settimeout(0.05)
        self.over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.over = True
        self.thread.join()
        self.udp.close()

    def run(self):
        while not self.over:
            try:
                wire, peer = self.udp.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked += 1
            if self.address is None:
                continue
            query = dns.message.from_wire(wire)
            r = dns.message.make_response(query)
            if query.question[0].rdtype == 1:
                r.answer.append(dns.rrset.from_text(query.question[0].name, self.ttl, "IN", "A",
                                                    self.address))
            self.udp.sendto(r.to_wire(), peer)


@pytest.fixture
def resolver():
    r = Resolver()
    yield r
    r.close()


@pytest.fixture
def named(tmp_path):
    """A world whose healthd has a resolv.conf of its own."""
    worlds = []

    def make(servers, origin):
        (tmp_path / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
        w = World(tmp_path, servers, check=CHECK + f'  origin = "{origin}"')
        w.daemon.argv = ["unshare", "-m", "sh", "-c",
                         f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && "
                         'exec "$@"', "sh", *w.daemon.argv]
        worlds.append(w)
        w.start(wait=False)
        w.until(lambda: os.path.exists(w.health_path), "a health file", 3)
        return w
    yield make
    for w in worlds:
        w.stop()


def alarms(w):
    return [a["text"] for a in w.status()["alarms"] if a["text"].startswith("origin")]


def test_silent_resolver_stops_nothing(named, resolver):
    origin, a, b = (Http(reply(200, b"", X_Set_Id="s1")) for _ in range(3))
    w = named({"a": ("fra", a.where), "b": ("nyc", b.where)},
              f"http://origin.nearcast.test:{origin.port}/")
    began = time.monotonic()
    w.wait("a", "up", seconds=3)
    w.wait("b", "up", seconds=3)
    prober = w.prober_pid()
    w.until(lambda: alarms(w), "an alarm")
    assert "no address of origin.nearcast.test within 190 ms" in alarms(w)[0]
    asked = len(a.requests)
    time.sleep(max(0, began + 6 - time.monotonic()))
    assert w.prober_pid() == prober and resolver.asked > 2 and len(a.requests) > asked
    assert "late" not in w.log()
    resolver.address = "127.0.0.1"
    w.until(lambda: not alarms(w), "the end of the alarm", 20)


def test_last_good_address_is_kept(named, resolver):
    origin, a = (Http(reply(200, b"", X_Set_Id="s1")) for _ in range(2))
    resolver.address = "127.0.0.1"
    w = named({"a": ("fra", a.where)}, f"http://origin.nearcast.test:{origin.port}/")
    w.wait("a", "up", set="s1")
    w.until(lambda: len(origin.requests) > 2, "questions to the origin")
    resolver.address = None
    time.sleep(2.5)				# its time is over, and nobody knows another
    n = resolver.asked
    origin.answer = a.answer = reply(200, b"", X_Set_Id="s2")
    w.until(lambda: w.health()["a"]["set"] == "s2", "the new set")
    w.until(lambda: resolver.asked > n, "it is still asked for")
    assert not alarms(w)


def test_new_address_is_used(named, resolver):
    origin, a = (Http(reply(200, b"", X_Set_Id="s1")) for _ in range(2))
    moved = Http(reply(200, b"", X_Set_Id="s1"), address="127.66.0.10", port=origin.port)
    resolver.address = "127.0.0.1"
    w = named({"a": ("fra", a.where)}, f"http://origin.nearcast.test:{origin.port}/")
    w.wait("a", "up", set="s1")
    resolver.address = "127.66.0.10"
    w.until(lambda: moved.requests, "a question to the new address")
    assert not alarms(w)


def test_name_that_does_not_exist_is_an_alarm(named, resolver):
    resolver.address = "127.0.0.1"
    a = Http(reply(200, b"", X_Set_Id="s1"))
    w = named({"a": ("fra", a.where)}, "http://no.such.name.invalid:1/")
    w.wait("a", "up")
    w.until(lambda: alarms(w), "an alarm")
