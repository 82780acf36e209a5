"""Many connections at redirectd: what they cost, and that new ones are answered beside them.

NEARCAST_LONG=1: 10,000 of them instead of 3,000.
"""
import os
import re
import resource
import socket
import time
from urllib.parse import quote

import pytest
from conftest import ROOT
from redirect_world import World

MANY = 10000 if os.environ.get("NEARCAST_LONG") else 3000
FILES = {"pool/a.deb": b"0123456789" * 10}
MIRROR = """
mirror "no" {
	url = "http://no.example/pub/"
	location = { 60.4, 5.3 }
}
"""
REQUEST = b"GET /pool/a.deb HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def w(tmp_path_factory):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], min(limits[1], 2 * MANY)),
                                                limits[1]))
    with World(tmp_path_factory.mktemp("crowd"), FILES, MIRROR, held={"no": "all"}) as world:
        yield world
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def dial(w):
    address, port = w.listen.split("@")
    return socket.create_connection((address, int(port)), timeout=5)


def status(s, request=REQUEST):
    """The status of an answer without a body; 0 = the connection was closed instead."""
    s.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = s.recv(65536)
        if not chunk:
            return 0
        got += chunk
    return int(got.split()[1])


def resident(w):
    with open(f"/proc/{w.daemon.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) * 1024


def fresh_are_answered(w):
    """Ten new connections, and the slowest of their answers in seconds."""
    slowest = 0
    for _ in range(10):
        began = time.monotonic()
        with dial(w) as s:
            assert status(s) == 302
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def test_idle_connections_cost_what_the_manual_says(w):
    """Each has been answered once, and keeps its memory."""
    with open(os.path.join(ROOT, "redirectd", "redirectd.8")) as f:
        bound = int(re.search(r"at most\n?\s*(\d+) KB for each connection", f.read())[1]) * 1024
    with dial(w) as s:
        assert status(s) == 302
    before = resident(w)
    crowd = []
    try:
        for _ in range(MANY):
            s = dial(w)
            crowd.append(s)
            assert status(s) == 302
        each = (resident(w) - before) / MANY
        slowest = fresh_are_answered(w)
        print(f"{each:.0f} octets each, a new one in {slowest * 1000:.1f} ms")
        assert 1000 < each <= bound
        assert slowest < 2
        assert all(status(s) == 302 for s in crowd[::100])
    finally:
        for s in crowd:
            s.close()


def test_silent_and_half_requests_hold_nobody_up(w):
    """A third says nothing, one stops within a line, one within its fields, some without end."""
    beginnings = [b"", b"GET /pool/a.d", REQUEST[:-2] + b"User-Agent: x"]
    crowd = []
    try:
        for k in range(MANY // 4):
            s = dial(w)
            crowd.append(s)
            s.sendall(beginnings[k % 3])
        assert fresh_are_answered(w) < 2
        # one octet at a time is a request, too
        with dial(w) as s:
            for octet in REQUEST:
                s.sendall(bytes([octet]))
            assert status(s, b"") == 302
        # a half one can still be ended
        crowd[2].sendall(b"y\r\n\r\n")
        assert status(crowd[2], b"") == 302
    finally:
        for s in crowd:
            s.close()


@pytest.mark.parametrize("request_", [
    b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /pool/a.deb HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 100000 + b"\r\n\r\n",
    b"GET /pool/a.deb HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"GET /pool/a.deb HTTP/1.1\r\n" + b"x" * 60000,
], ids=["a line", "a field", "fields", "no field"])
def test_too_much_is_refused_and_costs_nothing(w, request_):
    before = resident(w)
    for _ in range(50):
        with dial(w) as s:
            try:
                assert status(s, request_) in (0, 400, 413, 414, 431)
            except (ConnectionResetError, BrokenPipeError):
                pass
    assert fresh_are_answered(w) < 2
    assert resident(w) - before < 8 << 20


def test_the_longest_names_pass_through_nginx(tmp_path):
    """As long as the shipped nginx takes a line: redirected or served from here, never an error."""
    names = [("d" * 200 + "/") * 16 + "é" * 120 + ".deb", "é%" * 60 + "/" + "x" * 200 + "/y z"]
    odd = {name: b"0123456789" * 10 for name in names}
    with World(tmp_path, odd, MIRROR, held={"no": "all"}) as w:
        for name in names:
            a = w.get("/" + quote(name), User_Agent="u" * 300)
            assert a.status == 302 and a.headers["location"].endswith("/pub/" + quote(name))
            # no room for all of it: then nginx serves it
            a = w.get("/" + quote(name), User_Agent="u" * 5000, Accept="a/b, " * 500)
            assert a.status == 302 or (a.status, a.body) == (200, odd[name]), a
        for n in (2000, 4000, 7000, 7900):
            a = w.get("/" + "x" * n, User_Agent="u" * 4000, Accept="a/b, " * 400)
            assert a.status in (404, 414), (n, a)
