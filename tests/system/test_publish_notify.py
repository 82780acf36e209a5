"""`nearctl notify`: healthd asks its origin at once, and says who holds the set; publish-set runs
it for every site."""
import os
import time

import pytest

from cache_world import Cache
from conftest import BUILD
from origin_world import Origin, publish_set
from probe_world import Http, reply

CHECK = ('kind = "content"  url = "http://www.example.org/healthz"  interval = "{}"  '
         'timeout = "140ms"  rise = 2  fall = 2  set-header = "X-Set-Id"  '
         'origin = "http://127.0.0.1:{}/_setid"')
A, B = "a" * 32, "b" * 32


def holder(ident):
    return Http(reply(200, b"", X_Set_Id=ident))


@pytest.fixture
def site(world):
    """An origin, two servers here and one elsewhere, all with A."""
    origin = holder(A)
    servers = {"f1": holder(A), "f2": holder(A), "n1": holder(A)}
    w = world({n: ("nyc" if n[0] == "n" else "fra", s.where) for n, s in servers.items()},
              check=CHECK.format("150ms", origin.port))
    w.wait("f1", "up", set=A)
    w.wait("n1", "up", set=A)
    return w, origin, servers


def test_what_is_current_and_who_holds_it(site):
    w, origin, servers = site
    assert w.ctl("notify").stdout == f"pool p: set {A} is current\n  f1 holds {A}\n  f2 holds {A}\n"
    assert w.ctl("notify", A).returncode == 0
    p = w.ctl("notify", B, ok=False)
    assert p.returncode == 1 and p.stderr == f"nearctl: no origin says that {B} is current\n"
    origin.answer = reply(200, b"", X_Set_Id=B)
    p = w.ctl("notify", B)
    assert p.stdout.splitlines()[:2] == [f"pool p: set {B} is current", f"  f1 still has {A}"]
    p = w.ctl("notify", "--within", "1s", B, ok=False)
    assert p.returncode == 1
    assert p.stderr == "nearctl: 2 of 2 servers of this site do not hold it yet\n"
    servers["f1"].answer = servers["f2"].answer = reply(200, b"", X_Set_Id=B)
    w.ctl("notify", B, "--within", "10s")
    assert w.health()["n1"]["set"] in (A, "-")		# nobody waits for the other site's


def test_the_origin_is_asked_at_once(world):
    """Its turn would be a minute later."""
    origin, a = holder(A), holder(A)
    w = world({"a": ("fra", a.where)}, check=CHECK.format("60s", origin.port))
    w.wait("a", "up", set=A)
    origin.answer = reply(200, b"", X_Set_Id=B)
    began = time.monotonic()
    assert f"set {B} is current" in w.ctl("notify", B).stdout
    assert time.monotonic() - began < 30


def test_an_answer_that_was_under_way_is_not_believed(world):
    """The origin switches while it is being asked: the word that counts is that of a question put
    after the command."""
    origin, a = holder(A), holder(A)
    w = world({"a": ("fra", a.where)}, check=CHECK.format("60s", origin.port).replace(
        '"140ms"', '"5s"'))
    w.wait("a", "up", set=A)
    slow = [A]

    def late(_):
        ident = slow[0]			# as it was when it was asked
        time.sleep(0.5)
        return reply(200, b"", X_Set_Id=ident)

    origin.answer = late
    w.ask(b"sets ask")			# is under way now
    w.until(lambda: len(origin.requests) >= 2, "the question")
    slow[0] = B
    assert f"set {B} is current" in w.ctl("notify", B).stdout


def test_an_origin_that_is_away(site):
    w, origin, _ = site
    origin.close()
    p = w.ctl("notify", ok=False)
    assert p.returncode == 1 and "pool p: its origin tells no set: " in p.stdout
    assert f"{A} stays current" in p.stdout
    assert w.ctl("notify", A, ok=False).returncode == 1
    origin.back()
    w.ctl("notify", A)


def test_wrong_words(site):
    w = site[0]
    for words in (["p"], [A[:31]], [A, "--within", "soon"], ["p", A, "--within", "1s"]):
        assert w.ctl("notify", *words, ok=False).returncode == 2, words
    for line in (b"sets now", b"sets ask ask", b"sets " + b"x" * 500):
        assert w.ask(line).startswith(b"error: "), line


def test_no_origin_to_ask(world):
    a = Http(reply(200))
    w = world({"a": ("fra", a.where)}, check='kind = "http"  url = "http://www.example.org/"')
    p = w.ctl("notify", ok=False)
    assert p.returncode == 1 and "no pool has a check of kind content" in p.stderr


def test_a_cache_that_ships_is_handed_out_with_the_current_set_alone(world, tmp_path):
    """publish-set, the origin's nginx, a site's cache, healthd: a switch and a step back."""
    folder = tmp_path / "cache"
    folder.mkdir()
    with Origin() as o:
        o.write("a", b"one")
        first = o.publish()
        o.start()
        cache = Cache(str(folder), o.port)
        cache.start()
        try:
            w = world({"a": ("fra", f"127.0.0.1@{cache.port}")},
                      check=CHECK.format("150ms", o.port))
            w.wait("a", "up", set=first)
            o.write("a", b"two")
            second = o.publish()
            w.ctl("notify", second, "--within", "10s")
            w.wait("a", "up", set=second)
            publish_set("--rollback", o.root)
            w.ctl("notify", first, "--within", "10s")
            w.wait("a", "up", set=first)
        finally:
            cache.stop()


def test_publish_set_tells_the_sites(world):
    """The whole way: publish-set, the nginx that ships, a healthd at the end of `notify`."""
    with Origin() as o:
        o.write("a", b"one")
        first = o.publish()
        o.start()
        # a cache that follows the origin, as the real one does
        cache = Http(lambda _: reply(204, b"", X_Set_Id=o.ask("/_setid")[1]["X-Set-Id"]))
        w = world({"a": ("fra", cache.where)}, check=CHECK.format("150ms", o.port))
        w.wait("a", "up", set=first)
        log = os.path.join(o.folder, "told")
        with open(os.path.join(o.root, "notify"), "w") as f:
            f.write(f"# the sites\n\n  {BUILD}/nearctl -c {w.conf_path} notify --within 10s $ID "
                    f">>{log}\nfalse\necho no such site >&2; exit 255\nsleep 60\n")
        o.write("a", b"two")
        began = time.monotonic()
        p = publish_set("--notify-timeout", 2, o.dir, o.root)
        assert time.monotonic() - began < 6
        second = p.stdout.strip()
        assert p.returncode == 76 and o.current() == second != first
        with open(log) as f:
            assert f.read() == f"pool p: set {second} is current\n  a holds {second}\n"
        said = p.stderr.splitlines()
        assert [line.split(": ", 2)[2] for line in said] == \
            ["false: exit 1", "echo no such site >&2; exit 255: exit 255: no such site",
             "sleep 60: exit 124: not done in 2 s, ended"], said
        o.write("a", b"three")
        assert publish_set("--no-notify", o.dir, o.root).returncode == 0
        with open(log) as f:
            assert len(f.readlines()) == 2
        p = publish_set("--notify-timeout", 2, "--rollback", second, o.root)
        assert p.returncode == 76
        with open(log) as f:
            assert len(f.readlines()) == 4		# a step back is told, too
