"""deploy/cache: what may be asked, what the origin hears of it, and ranges and conditions.

The origin keeps the octets of every request that reaches it."""
import email
import http.client
import os
import re

import pytest
from cache_origin import SET, Recorder
from cache_world import Cache, raw, request

MIB = 1 << 20
BIG = os.urandom(3 * MIB + 17)
FILES = {"pool/x.deb": b"hello", "pool/big": BIG, "pool/even": BIG[:2 * MIB], "pool/empty": b"",
         "a+b~c@d:e,f=g_h-i.j": b"odd but allowed", "sets.txt": b"no set", "_set": b"a name"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    origin = Recorder(FILES).start()
    folder = tmp_path_factory.mktemp("edge")
    cache = Cache(folder, origin.port).start()
    cache.origin = origin
    yield cache
    cache.stop()
    origin.stop()


def ask(world, target, **options):
    return request(world.port, target, **options)


REFUSED = [
    ("CR LF, split request", "/p0/%0d%0aX:%20y", 404),
    ("CR LF, second request", "/x%0d%0aHost:%20a%0d%0a%0d%0aGET%20/_setid", 404),
    ("LF alone", "/a%0ab", 404),
    ("NUL", "/pool/x.deb%00.txt", 400),
    ("blank", "/a%20b", 404),
    ("percent", "/a%2525b", 404),
    ("question mark in the name", "/pool/x.deb%3fy", 404),
    ("number sign", "/pool/x.deb%23y", 404),
    ("backslash", "/pool%5cx.deb", 404),
    ("quote", "/a%22b", 404),
    ("semicolon", "/a;b", 404),
    ("dollar and braces", "/$%7bsetid%7d", 404),
    ("not ASCII", "/%ff%fe", 404),
    ("UTF-8", "/%c3%a4", 404),
    ("up", "/../etc/passwd", 400),
    ("up, encoded", "/a/%2e%2e/%2e%2e/x", 400),
    ("up, slashes encoded", "/%2f..%2f..%2fx", 400),
    ("up out of a set", "/sets/x/../../y", 404),        # /y after normalisation: no such file
    ("a dot file", "/pool/.git", 404),
    ("a dot directory", "/.git/config", 404),
    ("a hidden set", "/sets/.new/x", 404),
    ("a set with an odd id", "/sets/a%0ab/x", 404),
    ("a set alone", "/sets/" + SET, 404),
    ("a set's listing", f"/sets/{SET}/", 404),
    ("all sets", "/sets/", 404),
    ("the root", "/", 404),
    ("a directory", "/pool/", 404),
    ("manifests", "/manifests/", 404),
    ("a manifest below", "/manifests/a/b", 404),
    ("an internal name", "/.set", 404),
    ("an internal name with ETag", "/.etag", 403),
    ("a part of 256", "/" + "a" * 256, 404),
    ("1025 in all", "/" + "a/" * 511 + "aa", 404),
    ("7000 in all", "/" + "a/" * 3500 + "a", 404),
]


@pytest.mark.parametrize("_, target, status", REFUSED, ids=[r[0] for r in REFUSED])
def test_refused(world, _, target, status):
    world.origin.targets()
    answer = raw(world.port, f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                 .encode())
    assert answer.split(b" ")[1] == str(status).encode(), answer[:300]
    heard = [t for t in world.origin.targets() if t != "GET /_setid"]
    assert heard in ([], [f"HEAD /sets/{SET}/y"]), heard


def test_bounds_of_names(world):
    """255 octets a part and 1024 in all are names."""
    for target in ("/" + "a" * 255, "/" + "a/" * 511 + "a"):
        world.origin.targets()
        assert ask(world, target).status == 404
        assert f"HEAD /sets/{SET}{target}" in world.origin.targets()


def test_allowed(world):
    for name, data in FILES.items():
        answer = ask(world, "/" + name)
        assert (answer.status, answer.body) == (200, data), name
        assert answer.headers["X-Set-Id"] == SET
        assert answer.headers["Cache-Control"] == "no-cache"
    pinned = ask(world, f"/sets/{SET}/pool/x.deb")
    assert pinned.body == b"hello" and "immutable" in pinned.headers["Cache-Control"]
    assert ask(world, "//pool///x.deb").body == b"hello"
    assert ask(world, "/pool/../pool/./x.deb").body == b"hello"
    assert ask(world, "/p%6fol%2fx.deb").body == b"hello"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "MKCOL"])
def test_methods(world, method):
    for target in ("/pool/x.deb", "/healthz", "/none", f"/sets/{SET}/pool/x.deb"):
        world.origin.targets()
        answer = ask(world, target, method=method)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", answer
        assert world.origin.targets() == []


def test_only_the_name_reaches_the_origin(world):
    """No header, query or body of a client is passed on, and none changes what others get."""
    world.origin.files["fresh"] = b"the same for all"
    evil = {"Host": "evil.example", "Cookie": "a=b", "Authorization": "Basic eDp5",
            "Range": "bytes=0-1", "X-Forwarded-Host": "evil.example", "X-Original-URL": "/other",
            "If-None-Match": '"x"',
            "X-HTTP-Method-Override": "DELETE", "Accept-Encoding": "gzip, br", "If-Match": '"y"',
            "X-Set-Id": "evil", "X-Accel-Redirect": "/other", "Content-Length": "4",
            "If-Modified-Since": "Thu, 01 Jan 2037 00:00:00 GMT", "Forwarded": "for=1.2.3.4",
            "Transfer-Encoding-": "chunked", "Expect-": "100-continue", "Cache-Control": "no-cache",
            "Pragma": "no-cache", "Via": "1.1 evil", "Upgrade": "h2c"}
    world.origin.raw.clear()
    head = "".join(f"{k}: {v}\r\n" for k, v in evil.items())
    answer = raw(world.port, f"GET /fresh?evil=1&x=%0d%0a HTTP/1.1\r\n{head}Connection: close\r\n"
                 "\r\nBODY".encode())
    assert answer.split(b" ")[1] in (b"206", b"412"), answer
    heard = b"\n".join(world.origin.raw)
    for word in (b"evil", b"BODY", b"Cookie", b"Authorization", b"gzip", b"1.2.3.4", b"?", b"h2c",
                 b"Override", b"Pragma"):
        assert word not in heard, heard
    known = {b"host", b"range", b"if-match"}
    for request_head in world.origin.raw:
        names = {line.split(b":")[0].lower() for line in request_head.split(b"\r\n")[1:]}
        assert names <= known, names
    answer = ask(world, "/fresh")
    assert answer.status == 200 and answer.body == b"the same for all"
    assert "evil" not in str(answer.headers)


def test_query_is_no_other_file(world):
    """However many queries, it is the same file: nothing is fetched twice."""
    ask(world, "/pool/x.deb")
    world.origin.targets()
    for n in range(20):
        assert ask(world, f"/pool/x.deb?{n}").body == b"hello"
    assert set(world.origin.targets()) <= {"GET /_setid"}


def test_old_and_broken_requests(world):
    said = raw(world.port, b"GET /pool/x.deb HTTP/1.0\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200") and said.endswith(b"\r\n\r\nhello")
    said = raw(world.port, b"GET http://evil.example/pool/x.deb HTTP/1.1\r\nHost: b\r\n"
               b"Connection: close\r\n\r\n")
    assert said.endswith(b"\r\n\r\nhello")
    for broken in (b"GET /pool/x.deb HTTP/1.1\r\n\r\n",                      # no Host
                   b"GET pool/x.deb HTTP/1.1\r\nHost: h\r\n\r\n",
                   b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                   b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"):
        assert raw(world.port, broken).split(b" ")[1] == b"400", broken
    long = b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n"
    assert raw(world.port, long).split(b" ")[1] == b"414"
    body = b"GET /pool/x.deb HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n" \
        b"\r\nGET /"
    assert raw(world.port, body).count(b"HTTP/1.1 ") == 1
    large = b"GET /pool/x.deb HTTP/1.1\r\nHost: h\r\nContent-Length: 999999\r\n\r\n"
    assert raw(world.port, large, timeout=0.3).split(b" ")[1] == b"413"


def test_pipelined(world):
    one = b"GET /pool/x.deb HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET /pool/even HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    said = raw(world.port, one * 5 + last)
    assert said.count(b"\r\n\r\nhello") == 5 and said.endswith(FILES["pool/even"])


TOTAL = len(BIG)
RANGES = [
    ("bytes=0-0", 0, 1), ("bytes=0-", 0, TOTAL), ("bytes=-5", TOTAL - 5, TOTAL),
    (f"bytes={MIB - 1}-{MIB}", MIB - 1, MIB + 1), (f"bytes={MIB}-{MIB}", MIB, MIB + 1),
    (f"bytes={2 * MIB + 5}-", 2 * MIB + 5, TOTAL), (f"bytes={TOTAL - 1}-", TOTAL - 1, TOTAL),
    (f"bytes=5-{TOTAL + 99}", 5, TOTAL), (f"bytes=-{TOTAL + 99}", 0, TOTAL),
    (f"bytes={3 * MIB}-", 3 * MIB, TOTAL), ("bytes= 7-9", 7, 10),
]


@pytest.mark.parametrize("value, first, end", RANGES, ids=[r[0] for r in RANGES])
def test_range(world, value, first, end):
    for target in ("/pool/big", f"/sets/{SET}/pool/big"):
        answer = ask(world, target, headers={"Range": value})
        assert answer.status == 206
        assert answer.body == BIG[first:end]
        assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{TOTAL}"


def test_range_that_is_none(world):
    whole = [("bytes=0-1,5-6", 200), ("bytes=9-5", 416), ("lines=1-2", 200), ("bytes=x-y", 416),
             (f"bytes={TOTAL}-", 416), ("bytes=99999999999999999999999-", 416), ("bytes=-0", 416)]
    for value, status in whole:
        answer = ask(world, "/pool/big", headers={"Range": value})
        assert answer.status == status, (value, answer.status)
        assert status == 416 or answer.body == BIG
    answer = ask(world, "/pool/empty", headers={"Range": "bytes=0-9"})
    assert answer.body == b"" and answer.status in (200, 416)


def test_first_request_is_a_range(world):
    """A file that nobody has asked for: only the slices that are needed are fetched."""
    world.origin.files["late"] = BIG
    world.origin.targets()
    answer = ask(world, "/late", headers={"Range": f"bytes={2 * MIB + 1}-{2 * MIB + 9}"})
    assert answer.status == 206 and answer.body == BIG[2 * MIB + 1:2 * MIB + 10]
    assert world.origin.targets().count(f"GET /sets/{SET}/late") <= 2
    assert ask(world, "/late").body == BIG


def test_head(world):
    for name, data in FILES.items():
        answer = ask(world, "/" + name, method="HEAD")
        assert answer.status == 200 and answer.body == b""
        assert int(answer.headers["Content-Length"]) == len(data), name
        assert answer.headers["ETag"]
    answer = ask(world, "/pool/big", method="HEAD", headers={"Range": "bytes=1-2"})
    assert answer.status == 206 and answer.headers["Content-Length"] == "2"
    assert ask(world, "/none", method="HEAD").status == 404
    assert ask(world, "/healthz", method="HEAD").headers["X-Set-Id"] == SET


def test_conditions(world):
    tag = ask(world, "/pool/big").headers["ETag"]
    cases = [({"If-None-Match": tag}, 304), ({"If-None-Match": '"other"'}, 200),
             ({"If-None-Match": f'"a", {tag}'}, 304), ({"If-None-Match": "*"}, 304),
             ({"If-Match": tag}, 200), ({"If-Match": '"other"'}, 412),
             ({"Range": "bytes=5-9", "If-Range": tag}, 206),
             ({"Range": "bytes=5-9", "If-Range": '"other"'}, 200),
             ({"Range": f"bytes={2 * MIB}-", "If-Range": tag}, 206),
             ({"Range": f"bytes={2 * MIB}-", "If-Range": '"other"'}, 200),
             ({"Range": "bytes=5-9", "If-None-Match": tag}, 304)]
    for headers, status in cases:
        answer = ask(world, "/pool/big", headers=headers)
        assert answer.status == status, (headers, answer.status)
        if status == 200:
            assert answer.body == BIG
        elif status == 206:
            first = int(re.search(r"=(\d+)", headers["Range"])[1])
            assert answer.body == (BIG[5:10] if first == 5 else BIG[first:])
        else:
            assert answer.body == b"" or status == 412


def test_connection_is_kept(world):
    """Files, missing ones and refused ones on one connection, each with its own answer."""
    c = http.client.HTTPConnection("127.0.0.1", world.port, timeout=10)
    for target, status in [("/pool/x.deb", 200), ("/none", 404), ("/a%20b", 404), ("/healthz", 204),
                           ("/pool/even", 200), ("/", 404), ("/pool/x.deb", 200)]:
        c.request("GET", target)
        answer = c.getresponse()
        body = answer.read()
        assert answer.status == status, target
        if status == 200:
            assert body == FILES[target[1:]]
    c.close()


def test_headers_are_sane(world):
    """What the origin says beside the file decides nothing and is not passed on."""
    world.origin.headers = ("Set-Cookie: a=b\r\nX-Accel-Redirect: /pool/x.deb\r\nVary: *\r\n"
                            "X-Accel-Expires: 0\r\nCache-Control: no-store\r\nX-Set-Id: evil\r\n"
                            "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Accel-Limit-Rate: 1\r\n")
    world.origin.files["with-headers"] = b"as it is"
    try:
        for cached in ("MISS", "HIT"):
            answer = ask(world, "/with-headers")
            assert answer.body == b"as it is" and answer.headers["X-Cache"] == cached
            assert answer.headers.get_all("X-Set-Id") == [SET]
            assert answer.headers.get_all("Cache-Control") == ["no-cache"]
            assert not {"Set-Cookie", "Vary", "Expires"} & set(answer.headers)
    finally:
        world.origin.headers = ""
    assert isinstance(answer.headers, email.message.Message)
