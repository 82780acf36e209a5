"""redirectd through nginx: where each request goes, and what becomes of it when parts are away."""
import http.client
import os
import re
import signal
import socket
import sqlite3
import time
import urllib.parse

import pytest

from redirect_world import World

BIG = b"0123456789" * 10
FILES = {
    "pool/a.deb": BIG, "pool/b.deb": BIG, "pool/large.iso": b"x" * 5000, "tiny.deb": b"12345",
    "least.deb": b"0123456789",
    "doc/readme.txt": BIG, "pool/a.deb.sig": BIG, "only-here.deb": BIG,
    "odd/a b?c%d&e+f#g.deb": BIG, "odd/\udcff\udcfe.deb": BIG, "odd/ü.deb": BIG,
    "trace.deb": BIG, "x.meta4": BIG, "folder/index.html": b"<p>folder", "index.html": b"<p>top",
}
MIRRORS = """
mirror "no" {
	url = "http://no.example/pub/"
	location = { 60.4, 5.3 }
	country = "NO"
}
mirror "de" {
	url = "https://de.example/d"
	location = { 50.1, 8.7 }
	country = "DE"
}
mirror "us" {
	url = "http://us.example/"
	location = { 37.8, -122.4 }
	country = "US"
	asn = 64500
}
mirror "small" {
	url = "http://small.example/"
	location = { 60.4, 5.3 }
	max-size = 1000
	weight = 0
}
"""
REDIRECT = """
	exclude-path = "^/trace"
	exclude-agent = { "w3m/*" }
	exclude-net = { "127.0.0.9" }
	exclude-type = { "text/*" }
	fallback "jp" {
		url = "http://fallback.example/"
		countries = { "JP" }
	}
	one-file "netinst" {
		host = { "get.example" }
		path = "/pool/a.deb"
	}
"""
ALL = [n for n in FILES if n != "only-here.deb"]
HELD = {"no": ALL, "de": ALL, "us": ALL, "small": ALL}


@pytest.fixture(scope="module")
def w(tmp_path_factory):
    mirrors = MIRRORS + """
mirror "one" {
	url = "https://iso.example/get?file=a"
	one-file = "netinst"
}
"""
    with World(tmp_path_factory.mktemp("redirect"), FILES, mirrors, REDIRECT, held=HELD) as world:
        yield world


NO, DE, US, JP = (f"127.0.0.{n}" for n in range(1, 5))

# a sentence, target, client, further fields, status, Location
TABLE = [
    ("the nearest", "/pool/a.deb", NO, {}, 302, "http://no.example/pub/pool/a.deb"),
    ("the nearest of another client, its URL with the slash that was missing",
     "/pool/a.deb", DE, {}, 302, "https://de.example/d/pool/a.deb"),
    ("by its AS", "/pool/a.deb", US, {}, 302, "http://us.example/pool/a.deb"),
    ("a HEAD goes the same way", "/pool/a.deb", NO, {"method": "HEAD"}, 302,
     "http://no.example/pub/pool/a.deb"),
    ("a part, too", "/pool/a.deb", NO, {"Range": "bytes=1-2"}, 302,
     "http://no.example/pub/pool/a.deb"),
    ("smaller than min-size", "/tiny.deb", NO, {}, 200, None),
    ("as large as min-size", "/least.deb", NO, {}, 302, "http://no.example/pub/least.deb"),
    ("nobody has it", "/only-here.deb", NO, {}, 200, None),
    ("nobody has it, and there is a fallback", "/only-here.deb", JP, {}, 302,
     "http://fallback.example/only-here.deb"),
    ("excluded by path", "/trace.deb", NO, {}, 200, None),
    ("excluded by agent", "/pool/a.deb", NO, {"User-Agent": "W3M/0.5"}, 200, None),
    ("excluded by network", "/pool/a.deb", "127.0.0.9", {}, 200, None),
    ("excluded by type", "/doc/readme.txt", NO, {}, 200, None),
    ("the copy that is here", "/pool/a.deb?here", NO, {}, 200, None),
    ("as if from a country", "/pool/a.deb?country=de", NO, {}, 302,
     "https://de.example/d/pool/a.deb"),
    ("as if of an AS", "/pool/a.deb?as=64500", NO, {}, 302, "http://us.example/pool/a.deb"),
    ("no such country", "/pool/a.deb?country=xx&as=-1", NO, {}, 302,
     "http://no.example/pub/pool/a.deb"),
    ("a name that needs encoding", "/odd/a%20b%3Fc%25d&e+f%23g.deb", NO, {}, 302,
     "http://no.example/pub/odd/a%20b%3Fc%25d%26e%2Bf%23g.deb"),
    ("a name that is not UTF-8", "/odd/%ff%FE.deb", NO, {}, 302,
     "http://no.example/pub/odd/%FF%FE.deb"),
    ("a name in UTF-8", "/odd/%C3%BC.deb", NO, {}, 302, "http://no.example/pub/odd/%C3%BC.deb"),
    ("dots and slashes are resolved", "/x/..//pool/./a.deb", NO, {}, 302,
     "http://no.example/pub/pool/a.deb"),
    ("encoded ones, too", "/x/%2e%2e/pool/%61.deb", NO, {}, 302,
     "http://no.example/pub/pool/a.deb"),
    ("above the root", "/../../etc/passwd", NO, {}, 400, None),
    ("a line end", "/pool/a.deb%0d%0aX:%20y", NO, {}, 400, None),
    ("a NUL", "/pool/a.deb%00", NO, {}, 400, None),
    ("no encoding", "/pool/a.deb%zz", NO, {}, 400, None),
    ("not there", "/pool/none.deb", NO, {}, 404, None),
    ("a folder", "/pool/", NO, {}, 403, None),
    ("another method", "/pool/a.deb", NO, {"method": "POST"}, 405, None),
    ("a file whose name ends like a document", "/x.meta4", NO, {}, 302,
     "http://no.example/pub/x.meta4"),
    ("a document about it", "/pool/a.deb.meta4", NO, {}, 200, None),
    ("one file alone, whatever is asked for", "/anything?x", NO, {"Host": "get.example"}, 302,
     "https://iso.example/get?file=a"),
    ("the internal location is nobody's", "/_local/pool/a.deb", NO, {}, 404, None),
    ("what nginx says is believed, a client is not", "/pool/a.deb", NO,
     {"X-Real-IP": DE, "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https"}, 302,
     "http://no.example/pub/pool/a.deb"),
]


@pytest.mark.parametrize("row", TABLE, ids=[r[0] for r in TABLE])
def test_where_a_request_goes(w, row):
    _, target, source, more, status, location = row
    a = w.get(target, source, **more)
    assert (a.status, a.headers.get("location")) == (status, location), a
    if location:
        assert a.headers["cache-control"] == "private, no-store"
        assert a.body == b""


def test_what_is_served_from_here_is_nginxs(w):
    a = w.get("/pool/a.deb?here")
    assert a.body == BIG and "x-accel-redirect" not in a.headers
    tag = a.headers["etag"]
    assert w.get("/pool/a.deb?here", method="HEAD").headers["content-length"] == str(len(BIG))
    part = w.get("/pool/a.deb?here", Range="bytes=10-19")
    assert (part.status, part.headers["content-range"]) == (206, "bytes 10-19/100")
    assert w.get("/pool/a.deb?here", If_None_Match=tag).status == 304
    odd = "/odd/" + urllib.parse.quote("a b?c%d&e+f#g.deb")
    assert w.get(odd + "?here").body == BIG


def pages_are_found(w):
    for target, body in (("/", b"<p>top"), ("/folder/", b"<p>folder")):
        a = w.get(target)
        assert (a.status, a.body) == (200, body), a
    for target, there in (("/folder", "/folder/"), ("/odd", "/odd/")):
        a = w.get(target)
        assert (a.status, a.headers["location"]) == (301, there), a
    for target in ("/odd/", "/none", "/none/"):      # no listing
        assert w.get(target).status in (403, 404)


def test_folders_keep_the_name_that_people_know(w):
    """Not the internal one, which answers 404 to whoever is sent there."""
    pages_are_found(w)


def test_a_client_that_has_closed_its_side_is_answered(w):
    with socket.create_connection(("127.0.0.1", w.front.port), timeout=5) as s:
        s.sendall(b"GET /pool/a.deb HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: s.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 302 ")


def test_header_lines_of_a_redirect(w):
    a = w.get("/pool/a.deb")
    links = a.headers["link"]
    assert sum("rel=duplicate" in one for one in links) == 3
    assert any("rel=describedby" in one and "a.deb.meta4" in one for one in links)
    assert "http://no.example/pub/pool/a.deb" in links[1] and "pri=1" in links[1]
    assert a.headers["x-mirrorbrain-mirror"] == "no"
    assert a.headers["x-mirrorbrain-realm"] == "region"
    assert a.headers["digest"] and a.headers["repr-digest"].startswith("sha-256=:")


def test_a_list_of_mirrors_says_why(w):
    a = w.get("/pool/a.deb?mirrorlist&format=text")
    assert a.status == 200
    text = a.body.decode()
    for part in ("no", "among the nearest", "its weight is 0"):
        assert part in text, text


def test_healthz(w):
    assert w.get("/healthz").body == b"ok\n"


def test_https_is_never_downgraded(w):
    """As nginx says it behind TLS; asked at redirectd itself, which believes loopback."""
    import http.client
    host, port = w.listen.split("@")

    def ask(proto):
        c = http.client.HTTPConnection(host, int(port), timeout=5)
        c.request("GET", "/pool/a.deb", headers={"X-Forwarded-Proto": proto, "X-Real-IP": NO})
        r = c.getresponse()
        r.read()
        c.close()
        return r

    assert ask("http").getheader("Location").startswith("http://no.example/")
    r = ask("https")
    assert r.getheader("Location").startswith("https://de.example/")
    assert not [v for n, v in r.getheaders() if n == "Link" and "rel=duplicate" in v and
                "<http:" in v]


def test_a_mirror_dies_and_comes_back(w):
    w.health(no="up", de="up", us="up")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example")
    w.health(no="down", de="up", us="up")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "de.example", 2)
    assert w.where("/pool/a.deb", US) == "us.example"
    w.health(no="incomplete", de="up", us="up")
    time.sleep(0.6)
    assert w.where("/pool/a.deb", NO) == "de.example"
    # what was found bad there is left out; the rest of it is as good as ever
    w.health(no="incomplete 100", de="up", us="up")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example", 2)
    w.health(no="down", de="up", us="up")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "de.example", 2)
    w.health(no="up", de="up", us="up")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example", 2)
    # a file that nobody refreshes says nothing any more
    w.health(lease_ms=700, no="down", de="down", us="down")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "", 2)
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example", 3)
    os.unlink(w.path("run/mirrors"))


def test_a_bad_health_file_says_nothing(w):
    w.health(no="down")
    w.wait(lambda: w.where("/pool/a.deb", NO) == "de.example", 2)
    with open(w.path("run/mirrors"), "w") as f:
        f.write("nearcast-mirrors 1 generation=x\n")
    time.sleep(0.6)
    assert w.where("/pool/a.deb", NO) == "de.example", "what was said before holds on"
    os.unlink(w.path("run/mirrors"))
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example", 2)


def test_what_mirrors_hold_changes(w):
    w.hold("no", [n for n in ALL if n != "pool/b.deb"])
    w.wait(lambda: w.where("/pool/b.deb", NO) == "de.example", 3)
    assert w.where("/pool/a.deb", NO) == "no.example"
    w.hold("no", ALL)
    w.wait(lambda: w.where("/pool/b.deb", NO) == "no.example", 3)


def test_who_is_not_trusted_says_nothing_about_the_client(tmp_path):
    """Nor about https and the host: another machine that reaches the listener itself."""
    with World(tmp_path, FILES, MIRRORS, 'trusted = { "127.0.0.1" }', held=HELD) as world:
        host, _, port = world.listen.partition("@")

        def ask(source):
            c = http.client.HTTPConnection(host, int(port), timeout=5, source_address=(source, 0))
            c.request("GET", "/pool/a.deb", headers={
                "X-Real-IP": US, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "x.example"})
            r = c.getresponse()
            r.read()
            c.close()
            return r.getheader("Location"), r.getheader("Link")
        place, links = ask(NO)
        assert place.startswith("https://de.example/") and "<https://x.example/" in links
        place, links = ask(DE)
        assert place.startswith("https://de.example/") and "x.example" not in links
        place, links = ask("127.0.0.7")         # of no place that is known
        assert "x.example" not in links and "no.example" in place + links, (place, links)


def test_what_mirrors_hold_is_locked(w):
    """By a writer that has changed it and does not end: it is read when that one is gone, though
    the file does not change any more."""
    db = sqlite3.connect(w.path("catalogue.db.held"), isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("UPDATE held SET ids = x'', ids_sum = 0, n = 0, version = version + 1 "
               "WHERE mirror = 'no'")
    time.sleep(2.5)
    assert w.where("/pool/a.deb", NO) == "no.example", "what was known before holds on"
    db.close()
    w.wait(lambda: w.where("/pool/a.deb", NO) == "de.example", 5)
    w.hold("no", ALL)
    w.wait(lambda: w.where("/pool/a.deb", NO) == "no.example", 3)


def test_a_new_file_in_the_catalogue(w):
    w.add("pool/new.deb", BIG)
    assert w.where("/pool/new.deb") == ""
    w.catalogue()
    w.hold("no", [*ALL, "pool/new.deb"])
    w.wait(lambda: w.where("/pool/new.deb") == "no.example", 4)
    assert w.where("/pool/a.deb") == "no.example"


def test_reload_keeps_connections(w):
    c = w.connect()
    assert w.get("/pool/a.deb", connection=c).status == 302
    w.write(mirrors=w.mirrors.replace("http://no.example/pub/", "http://other.example/"))
    p = w.ctl("reload")
    assert p.returncode == 0, p.stderr
    assert w.get("/pool/a.deb", connection=c).headers["location"] == \
        "http://other.example/pool/a.deb"
    # one that is refused changes nothing
    good = w.mirrors
    w.write(mirrors=good + 'mirror "no" { url = "http://x/" }\n')
    p = w.ctl("reload")
    assert p.returncode == 1 and "given twice" in p.stderr, p.stderr
    assert w.get("/pool/a.deb", connection=c).headers["location"] == \
        "http://other.example/pool/a.deb"
    w.write(mirrors=good.replace("http://other.example/", "http://no.example/pub/"))
    w.daemon.signal(signal.SIGHUP)
    w.wait(lambda: w.where("/pool/a.deb") == "no.example", 3)
    c.close()


def test_reload_says_how_many_mirrors(w):
    """It was read from memory that had been given back, for what mirrors hold is read next."""
    w.daemon.stop()
    w.daemon.env = {"MALLOC_PERTURB_": "165"}   # what is given back is overwritten
    began = len(w.daemon.log())
    w.daemon.start(ready=None)
    w.daemon.wait_log(r"\bready\b", after=began)
    for _ in range(3):
        from_here = len(w.daemon.log())
        assert w.ctl("reload").returncode == 0
        said = w.daemon.wait_log(r"reloaded: (\d+) mirrors", after=from_here)[1]
        assert said == str(len(re.findall(r'(?m)^\s*mirror "', w.mirrors)))


def test_catalogue_damaged_or_gone(w):
    """A damaged one is not taken, and the old one stays in use; so when it is gone."""
    path = w.path("catalogue.db")
    with open(path, "rb") as f:
        octets = f.read()
    with open(path + ".new", "wb") as f:
        f.write(b"nonsense" * 1000)
    os.rename(path + ".new", path)
    w.daemon.wait_log(r"catalogue.db", after=len(w.daemon.log()), seconds=4)
    assert w.where("/pool/a.deb") == "no.example"
    os.unlink(path)
    time.sleep(1.2)
    assert w.where("/pool/a.deb") == "no.example"
    with open(path + ".new", "wb") as f:
        f.write(octets)
    os.rename(path + ".new", path)
    time.sleep(1.2)
    assert w.where("/pool/a.deb") == "no.example"


def is_frozen(pid):
    """All threads: one that is not told yet goes on answering."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def test_the_catalogue_of_another_machine(w, tmp_path):
    """The same ids mean other files there: nobody is sent where they may not be."""
    names = [f"else-{n}.deb" for n in range(len(ALL))]
    for name in names:
        (tmp_path / name).write_bytes(BIG)
    p = w.ctl("catalogue", "import", tmp_path, "--catalogue", w.path("other.db"))
    assert p.returncode == 0, p.stderr
    os.rename(w.path("catalogue.db"), w.path("ours.db"))
    os.rename(w.path("other.db"), w.path("catalogue.db"))
    w.wait(lambda: w.get(f"/{names[0]}?mirrorlist").status == 200, 3)
    # they are not here either, but they are not looked for elsewhere
    assert {w.get("/" + name).status for name in names} == {404}
    os.rename(w.path("ours.db"), w.path("catalogue.db"))
    w.wait(lambda: w.where("/pool/a.deb") == "no.example", 3)


def test_redirectd_frozen_or_dead(w):
    w.daemon.signal(signal.SIGSTOP)
    w.wait(lambda: is_frozen(w.daemon.process.pid))
    began = time.monotonic()
    a = w.get("/pool/a.deb")
    assert (a.status, a.body, a.headers["x-redirector"]) == (200, BIG, "away")
    assert time.monotonic() - began < 1.5
    assert w.get("/pool/none.deb").status == 404
    w.daemon.signal(signal.SIGCONT)
    w.daemon.stop()
    a = w.get("/pool/a.deb", Range="bytes=10-19")
    assert (a.status, a.headers["content-range"]) == (206, "bytes 10-19/100")
    assert w.get("/pool/none.deb").status == 404
    pages_are_found(w)
    for query in ("sha256", "x=1&meta4", "mirrorlist=1&format=text"):
        assert w.get("/pool/a.deb?" + query).status == 503       # and not the file
    for query in ("here", "country=no", "v=sha256"):
        assert w.get("/pool/a.deb?" + query).body == BIG
    w.daemon.start()
    w.wait(lambda: w.where("/pool/a.deb") == "no.example")
