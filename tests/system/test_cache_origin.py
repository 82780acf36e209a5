"""deploy/cache: origins that are slow, odd, broken or away, and contents that change."""
import glob
import http.client
import os
import socket
import threading
import time

import pytest
from cache_origin import SET, Recorder
from cache_world import Cache, raw, request

MIB = 1 << 20
BIG = os.urandom(4 * MIB + 99)
OTHER = os.urandom(4 * MIB + 99)
TAG = "the-tag"


@pytest.fixture
def world(tmp_path):
    origin = Recorder({"x": b"hello", "big": BIG}).start()
    cache = Cache(tmp_path, origin.port, rate="100r/s").start()      # seconds become 10 ms
    cache.origin = origin
    yield cache
    cache.stop()
    origin.stop()


def ask(world, target, **options):
    return request(world.port, target, **options)


def restart_with(world, old, new):
    """The same cache, with a few words of its configuration replaced."""
    with open(f"{world.folder}/nginx.conf") as f:
        text = f.read()
    assert old in text
    world.stop()
    with open(f"{world.folder}/nginx.conf", "w") as f:
        f.write(text.replace(old, new))
    world.start()


def get_raw(world, name):
    """The octets behind the header, however many came."""
    said = raw(world.port,
               f"GET /{name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    return said.split(b"\r\n\r\n", 1)[1]


def refresh(world):
    """Lets the time pass after which the next request asks the origin for the set."""
    time.sleep(0.03)
    return ask(world, "/healthz")


# -- ETags --

@pytest.mark.parametrize("tag", [None, 'W/"weak"', '""', '"a b"', "unquoted", '"%s"' % ("x" * 300)])
def test_tag_that_tells_nothing_apart(world, tag):
    """Passed on in one piece, never kept: the next request sees what the origin has by then."""
    world.origin.etag = lambda name, data: tag
    for data in (BIG, OTHER):
        world.origin.files["big"] = data
        for _ in range(2):
            answer = ask(world, "/big")
            assert answer.status == 200 and answer.body == data
            assert answer.headers["X-Cache"] == "PASSED"
    answer = ask(world, "/big", headers={"Range": f"bytes={MIB}-{MIB + 9}"})
    assert answer.status == 206 and answer.body == OTHER[MIB:MIB + 10]
    assert ask(world, "/big", method="HEAD").headers["Content-Length"] == str(len(BIG))
    world.origin.ident = "b" * 32
    world.origin.files["big"] = b"new"
    refresh(world)
    assert ask(world, "/big").body == b"new"


@pytest.mark.parametrize("tag", ['"5f5e1001-5"', '"sha256:ab/cd+ef=="', '"2aa;x"', '"|"', '"$x"'])
def test_strong_tags(world, tag):
    world.origin.etag = lambda name, data: tag
    assert ask(world, "/big").body == BIG
    world.origin.targets()
    again = ask(world, "/big")
    kept = tag != '"|"'                               # which parts tags in the configuration
    assert again.body == BIG and again.headers["X-Cache"] == ("HIT" if kept else "PASSED")
    if kept:
        assert set(world.origin.targets()) <= {"GET /_setid"}


def test_same_tag_in_the_next_set_is_not_fetched_again(world):
    ask(world, "/big")
    world.origin.targets()
    world.origin.ident = "b" * 32
    assert refresh(world).headers["X-Set-Id"] == "b" * 32
    answer = ask(world, "/big")
    assert answer.body == BIG and answer.headers["X-Set-Id"] == "b" * 32
    heard = [t for t in world.origin.targets() if t != "GET /_setid"]
    assert heard == [f"HEAD /sets/{'b' * 32}/big"]


# -- a file changed in place, without a new set --

@pytest.mark.parametrize("held", ["nothing", "first slice", "last slice", "all"])
@pytest.mark.parametrize("if_match", [True, False])
def test_changed_in_place(world, held, if_match):
    """Whole of one content or cut short, and once the origin honours If-Match, the new one."""
    world.origin.if_match = if_match
    if held == "nothing":
        ask(world, "/big", method="HEAD")                     # the ETag alone, and the first slice
        assert ask(world, f"/sets/{SET}/x").status == 200
    elif held != "all":
        first = 0 if held == "first slice" else 4 * MIB
        ask(world, "/big", headers={"Range": f"bytes={first}-{first + 9}"})
    else:
        ask(world, "/big")
    world.origin.files["big"] = OTHER
    seen = []
    for _ in range(3):
        try:
            seen.append(ask(world, "/big").body)
        except (http.client.IncompleteRead, ConnectionError):
            seen.append(None)
        for first in (0, MIB, 4 * MIB):
            value = {"Range": f"bytes={first}-{first + 98}"}
            part = ask(world, "/big", headers=value)
            assert part.body in (BIG[first:first + 99], OTHER[first:first + 99])
    assert set(seen) <= {BIG, OTHER, None}
    if held == "all":
        assert seen == [BIG] * 3                              # what is held is whole, and is served
    elif if_match:
        assert seen[-1] == OTHER


def test_other_content_is_not_kept_under_the_old_tag(world):
    """The ETag is learnt, then the file is another one and the origin ignores If-Match: what it
    sends is passed on; back again, the right one is there."""
    world.origin.if_match = False
    world.origin.override = lambda method, target: None if method == "HEAD" or "_setid" in target \
        else b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    assert ask(world, "/big").status == 503
    world.origin.override = None
    world.origin.files["big"] = OTHER
    for _ in range(2):
        answer = ask(world, "/big")
        assert answer.body == OTHER and answer.headers["X-Cache"] == "MISS"
    world.origin.files["big"] = BIG
    assert ask(world, "/big").body == BIG


def test_changed_while_it_is_sent(world):
    """The reader is cut off: no answer has octets of both."""
    world.origin.delay = 0.05
    switched = threading.Timer(0.3, lambda: world.origin.files.update(big=OTHER))
    switched.start()
    body = get_raw(world, "big")
    assert BIG.startswith(body) or OTHER.startswith(body)
    switched.join()


def test_fails_in_the_middle(world):
    """Whatever the origin answers for a later slice: cut off after right octets, no sentence in it.
    And with the cause gone the rest is there."""
    answers = {
        "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
        "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        "412": b"HTTP/1.1 412 Other\r\nContent-Length: 0\r\n\r\n",
        "200": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "301": b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        "short": b"HTTP/1.1 206 P\r\nContent-Length: 1048576\r\n"
                 b"Content-Range: bytes 2097152-3145727/4194403\r\nConnection: close\r\n\r\nshort",
        "garbage": b"\x00\x01\x02Connection: close\r\n\r\n",
        "other range": b"HTTP/1.1 206 P\r\nContent-Length: 2\r\n"
                       b"Content-Range: bytes 0-1/4194403\r\n\r\nhe",
    }
    for n, (name, said) in enumerate(answers.items()):
        file = f"f{n}"
        world.origin.files[file] = BIG
        count = iter(range(99))
        world.origin.override = lambda method, target, f=file, s=said, c=count: \
            s if target.endswith("/" + f) and method == "GET" and next(c) == 2 else None
        body = get_raw(world, file)
        assert BIG.startswith(body) and len(body) < len(BIG), name
        world.origin.override = None
        assert ask(world, f"/{file}").body == BIG, name


def parts(name, status, more=""):
    """An origin that sends a part without a length and closes: the end looks like any other."""
    def answer(method, target):
        if method == "GET" and target.endswith("/" + name):
            return (f"HTTP/1.1 {status}\r\n{more}ETag: \"{TAG}\"\r\nConnection: close\r\n\r\n"
                    .encode() + BIG[:1000])
        return None
    return answer


@pytest.mark.parametrize("status, more", [
    ("200 OK", ""), ("206 Part", f"Content-Range: bytes 0-{MIB - 1}/{len(BIG)}\r\n")])
def test_part_without_a_length_is_not_kept(world, status, more):
    serve = world.origin.serve
    world.origin.etag = lambda name, data: f'"{TAG}"'

    def close(s):
        serve(s)
        s.close()

    world.origin.serve = close
    world.origin.override = parts("big", status, more)
    raw(world.port, b"GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", timeout=1)
    world.origin.override = None
    assert ask(world, "/big", timeout=5).body == BIG


@pytest.mark.parametrize("first", [True, False])
def test_whole_file_for_a_slice_is_not_kept(world, first):
    """An origin that knew ranges, forgets them and knows them again: nothing stays broken."""
    if first:
        ask(world, "/big", headers={"Range": "bytes=0-9"})
    world.origin.ranges = False
    for value in (f"bytes={2 * MIB}-{2 * MIB + 9}", "bytes=0-"):
        raw(world.port, f"GET /big HTTP/1.1\r\nHost: h\r\nRange: {value}\r\n"
            "Connection: close\r\n\r\n".encode(), timeout=1)
    world.origin.ranges = True
    for at in (0, MIB, 2 * MIB):
        part = ask(world, "/big", headers={"Range": f"bytes={at}-{at + 9}"})
        assert part.body in (BIG[at:at + 10], BIG)
    assert ask(world, "/big").body == BIG


def test_manifest_that_is_none_is_not_for_good(world):
    """A sign for visitors with 200, or half of it without a length."""
    said = iter([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhal",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhalf"])
    world.origin.override = lambda method, target: next(said) if "manifests" in target else None
    serve = world.origin.serve
    world.origin.serve = lambda s: (serve(s), s.close())
    restart_with(world, "valid 200 10m;", "valid 200 1s;")
    for body in (b"hal", b"half", b"half"):
        assert ask(world, f"/manifests/{SET}").body == body
    world.origin.override = lambda method, target: \
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nright" \
        if "manifests" in target else None
    time.sleep(2.1)
    ask(world, f"/manifests/{SET}")                   # the reader does not wait for it
    time.sleep(0.3)
    assert ask(world, f"/manifests/{SET}").body == b"right"
    world.origin.override = lambda method, target: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n" \
        b"Connection: close\r\n\r\n" if "manifests" in target else None
    time.sleep(2.1)
    for _ in range(2):
        assert ask(world, f"/manifests/{SET}").body == b"right"
        time.sleep(0.2)


# -- sets --

ODD_IDS = ["", " ", "../x", "a/b", "a b", "a\tb", ".new", "-", "x" * 129, "a\rb", "a\x00b",
           "\xe4", "$setid", "%2e%2e", '"q"', "a;b", "{a}"]


def test_odd_set_id(world):
    """Is none: what was held goes on being served, and /healthz names it."""
    assert ask(world, "/x").body == b"hello"
    for n, ident in enumerate(ODD_IDS):
        world.origin.ident = ident
        world.origin.targets()
        for target in ("/x", "/healthz", "/x", f"/unknown{n}"):
            time.sleep(0.02)
            answer = ask(world, target)
            if not target.startswith("/unknown"):
                assert answer.status in (200, 204), (ident, answer)
                assert answer.headers["X-Set-Id"] == SET, (ident, answer)
        heard = world.origin.targets()
        assert "GET /_setid" in heard
        assert set(heard) == {"GET /_setid", f"HEAD /sets/{SET}/unknown{n}"}, heard
    world.origin.ident = "b" * 32
    assert refresh(world).headers["X-Set-Id"] == "b" * 32


def test_never_an_id(tmp_path):
    """An origin that has none, asked for the first time: 503 with Retry-After, and it heals."""
    origin = Recorder({"x": b"hello"}).start()
    origin.ident = "../evil"
    cache = Cache(tmp_path, origin.port, rate="100r/s").start()
    try:
        for target in ("/x", "/healthz"):
            answer = request(cache.port, target)
            assert answer.status == 503 and answer.headers["Retry-After"] == "5", answer
        assert all(t == "GET /_setid" for t in origin.targets())
        origin.ident = SET
        time.sleep(0.05)
        assert request(cache.port, "/x").body == b"hello"
    finally:
        cache.stop()
        origin.stop()


NONSENSE = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html>login>",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
    b"nonsense Connection: close\r\n\r\n",
    b"Connection: close\r\n\r\n",
]


def test_origin_answers_nonsense(world):
    """The default page of a web server, a login page, errors: what is held is served, and what is
    said of other names is not kept beyond the trouble (missing ones: a minute)."""
    assert ask(world, "/x").body == b"hello"
    for n, said in enumerate(NONSENSE):
        world.origin.override = lambda method, target, s=said: s if method == "GET" else \
            s.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
        for _ in range(3):
            time.sleep(0.02)
            answer = ask(world, "/x")
            assert (answer.status, answer.body) == (200, b"hello"), (said, answer)
            assert ask(world, "/healthz").headers["X-Set-Id"] == SET
        unknown = ask(world, f"/unknown{n}")
        if unknown.status == 503:
            assert unknown.headers["Retry-After"] == "5"
        else:
            assert unknown.status in (404, 200, 204), (said, unknown)
        world.origin.override = None
        world.origin.files[f"unknown{n}"] = b"there"
        if unknown.status != 404:
            answer = ask(world, f"/unknown{n}")
            assert answer.body == b"there" and answer.headers["X-Cache"] == "MISS", said


def test_missing_in_the_old_set_there_in_the_new(world):
    assert ask(world, "/late").status == 404
    world.origin.files["late"] = b"here"
    world.origin.ident = "b" * 32
    refresh(world)
    assert ask(world, "/late").body == b"here"


def test_missing_is_not_for_good(world):
    """An origin whose disk is not mounted says 404: that is believed for a minute, not a year."""
    restart_with(world, "403 404 410 1m;", "403 404 410 1s;")
    assert ask(world, f"/sets/{SET}/late").status == 404
    world.origin.targets()
    assert ask(world, f"/sets/{SET}/late").status == 404
    assert world.origin.targets() == []
    world.origin.files["late"] = b"here"
    end = time.monotonic() + 5
    while ask(world, f"/sets/{SET}/late").body != b"here":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_set_gone_at_the_origin(world):
    """A file of a pinned set: what is held is served, what is not is missing, never another's."""
    ask(world, f"/sets/{SET}/x")
    ask(world, f"/sets/{SET}/big", headers={"Range": "bytes=0-9"})
    world.origin.files.clear()
    assert ask(world, f"/sets/{SET}/x").body == b"hello"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(world, f"/sets/{SET}/big")
    part = ask(world, f"/sets/{SET}/big", headers={"Range": f"bytes={MIB}-"})
    assert part.status == 404 and part.body == b"no such file in this set\n"


def test_one_download_is_of_one_set(world):
    """The set changes while a slow reader is in the middle."""
    world.origin.etag = lambda name, data: f'"{data[:4].hex()}"'
    world.origin.delay = 0.1
    got = []
    reader = threading.Thread(target=lambda: got.append(ask(world, "/big")))
    reader.start()
    time.sleep(0.35)
    old = world.origin.answer
    world.origin.answer = lambda head: old(head.replace(f"/sets/{'b' * 32}/big", "/sets/b/new"))
    world.origin.files["new"] = OTHER
    world.origin.ident = "b" * 32
    reader.join()
    assert got[0].body == BIG and got[0].headers["X-Set-Id"] == SET
    world.origin.delay = 0
    refresh(world)
    answer = ask(world, "/big")
    assert answer.body == OTHER and answer.headers["X-Set-Id"] == "b" * 32


# -- away --

def test_origin_closes_kept_connections(world):
    """An origin that was started again: a connection that it has closed costs no request."""
    served = []

    def once(s):                                      # each second request finds a dead connection
        head = b""
        while b"\r\n\r\n" not in head:
            more = s.recv(65536)
            if not more:
                return
            head += more
        served.append(head)
        s.sendall(world.origin.answer(head.decode()))
        s.recv(65536)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()

    world.origin.serve = lambda s: once(s)
    for n in range(20):
        world.origin.files[f"n{n}"] = b"%d" % n
        answer = ask(world, f"/sets/{SET}/n{n}")
        assert answer.status == 200, (n, answer)


def test_first_set_after_a_killed_worker(world):
    """nginx never takes back "somebody is fetching this" of a worker that died: the set's id must
    not hang on that."""
    assert ask(world, "/x").status == 200
    world.origin.ident = "b" * 32
    world.origin.delay = 0.3                          # every worker dies while it asks for the id
    for _ in range(3):
        time.sleep(0.1)
        asking = threading.Thread(target=lambda: raw(world.port, b"GET /x HTTP/1.0\r\n\r\n"))
        asking.start()
        time.sleep(0.15)
        for pid in world.workers():
            os.kill(pid, 9)
        asking.join()
    world.origin.delay = 0
    time.sleep(0.1)
    assert ask(world, "/healthz").headers["X-Set-Id"] == "b" * 32


def test_far_origin(tmp_path):
    """Who holds no set yet waits longer for one than who can fall back on the last."""
    origin = Recorder({"x": b"hello"}).start()
    origin.delay = 0.9
    cache = Cache(tmp_path, origin.port).start()
    try:
        assert request(cache.port, "/x").body == b"hello"
        began = time.monotonic()
        assert request(cache.port, "/healthz").headers["X-Set-Id"] == SET
        assert time.monotonic() - began < 1.5
    finally:
        cache.stop()
        origin.stop()


def test_one_of_two_addresses_is_dead(tmp_path):
    """It takes no connection and says nothing: the other one is asked."""
    origin = Recorder({f"n{n}": b"%d" % n for n in range(20)}).start()
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    dead.listen(0)
    waiting = [socket.socket() for _ in range(3)]     # more than may wait there
    for s in waiting:
        s.setblocking(False)
        s.connect_ex(dead.getsockname())
    cache = Cache(tmp_path, origin.port)
    live = f"server 127.0.0.1:{origin.port};"
    cache.write((live, f"server 127.0.0.1:{dead.getsockname()[1]} fail_timeout=2s; "
                 f"{live[:-1]} fail_timeout=2s;"))
    cache.start()
    try:
        for n in range(20):
            answer = request(cache.port, f"/n{n}")
            assert (answer.status, answer.body) == (200, b"%d" % n), n
            time.sleep(0.15)
    finally:
        cache.stop()
        origin.stop()
        for s in [dead, *waiting]:
            s.close()


@pytest.mark.parametrize("before, after", [("@1970-01-01 00:00:10", "+0"), ("+0", "+3y")])
def test_clock_that_jumped(tmp_path, before, after):
    """What was learnt under a clock that was wrong holds while the origin is away."""
    origin = Recorder({"x": b"hello", "big": BIG}).start()
    cache = Cache(tmp_path, origin.port)
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
    try:
        cache.env.update(LD_PRELOAD=library, FAKETIME=before)
        cache.start()
        assert request(cache.port, "/big").body == BIG
        assert request(cache.port, "/x").body == b"hello"
        cache.stop()
        origin.stop()
        cache.env["FAKETIME"] = after
        cache.start()
        assert request(cache.port, "/x").body == b"hello"
        assert request(cache.port, "/big").body == BIG
        assert request(cache.port, "/healthz").headers["X-Set-Id"] == SET
    finally:
        cache.stop()
        origin.stop()
