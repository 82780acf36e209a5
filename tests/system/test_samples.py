"""healthd's samples: what a mirror does not deliver it does not hold."""
import os
import re
import sqlite3
import time
import zlib

import pytest

from sample_world import LIES, samples, tree, world  # noqa: F401, F811


def test_every_file_is_asked_for_once_in_a_round(samples, tree):
    mirror = world(samples, tree)["a"]
    samples.start()
    n = len(tree.names())
    samples.until(lambda: len(mirror.asked) >= n, "a round")
    assert sorted(mirror.asked[:n]) == tree.names()
    assert mirror.asked[:n] != tree.names()
    samples.until(lambda: samples.file()["a"]["samples"] >= n, "their verdicts")
    line = samples.wait("a", "up")
    assert line["bad"] == 0 and line["weight"] == 100 and line["reason"] == "ok"
    assert line["scanned"] == pytest.approx(samples.row("a")["scanned"], abs=0.01)
    (said,) = mirror.agents
    assert said[0] == "HEAD" and said[1].startswith("nearcast-healthd/") and said[2] == "identity"


def test_a_bad_file_leaves_at_once(samples, tree):
    mirror = world(samples, tree)["a"]
    bad = {b"d%d/%04d.deb" % (i % 7, i): lie for i, lie in enumerate(LIES, 20)}
    mirror.lie = lambda path: LIES.get(bad.get(path))
    rest = [n for n in tree.names() if n not in bad]
    samples.start()
    # one alone is never out: half of all mirrors are in
    line = samples.wait("a", "incomplete")
    assert line["weight"] == 100 and "left out" in line["reason"]
    samples.until(lambda: samples.held("a") == rest, "them to leave")
    # a scan does not bring them back, a look at them does
    assert samples.scan().returncode == 0
    assert samples.held("a") == rest
    mirror.lie = lambda path: None
    samples.until(lambda: samples.held("a") == tree.names(), "them to come back")
    samples.wait("a", "up")


def test_what_is_no_lie(samples, tree):
    tree.put("index.html", b"<html>")
    tree.put("trace/now", b"x")
    mirror = world(samples, tree, outdated_ok='{ "/trace/" }')["a"]
    answers = {
        b"index.html": (200, {"Content-Type": "text/html", "Content-Length": "6"}),
        b"trace/now": (200, {"Content-Length": "99", "Last-Modified":
                             "Sat, 01 Jan 2000 00:00:00 GMT"}),
        b"d0/0000.deb": (200, {}),                                      # says nothing
        b"d1/0001.deb": (200, {"Last-Modified": "Fri, 01 Jan 2100 00:00:00 GMT"}),
        b"d2/0002.deb": (301, {"Location": mirror.url("d3/0003.deb"), "Content-Length": "0"}),
    }
    # 0003 has one octet more
    mirror.lie = lambda path: {**answers, b"d3/0003.deb": (200, {"Content-Length": "2"})
                               if mirror.asked[-2:-1] == [b"d2/0002.deb"] else None}.get(path)
    samples.start()
    samples.until(lambda: set(answers) <= set(mirror.asked), "all of them")
    samples.until(lambda: samples.file()["a"]["samples"] >= len(tree.names()), "a round")
    samples.wait("a", "up", bad=0)
    assert samples.held("a") == tree.names()


def test_a_mirror_that_lies_about_one_file_in_fifty(samples, tree):
    mirror = world(samples, tree)["a"]
    lied = set(tree.names()[7::50])
    mirror.lie = lambda path: LIES["gone"] if path in lied else None
    samples.start()
    samples.wait("a", "incomplete")
    assert len(mirror.asked) <= 200
    samples.until(lambda: not lied & set(samples.held("a")), "all of them to leave")
    assert samples.file()["a"]["weight"] == 100


def test_more_than_five_of_a_hundred(samples, tree):
    mirrors = world(samples, tree, "a b c")
    mirrors["a"].lie = lambda path: LIES["gone"] if path.startswith((b"d1/", b"d2/")) else None
    samples.start()
    line = samples.wait("a", "incomplete", weight=0)
    assert line["bad"] == 6 and "6 of the last" in line["reason"]
    assert samples.wait("b", "up")["weight"] == 100
    # what `nearctl scan --wanted` sees, and the scan it makes ends it
    with sqlite3.connect(samples.catalogue + ".held") as db:
        db.execute("UPDATE held SET tried = tried - 3600 WHERE mirror = 'a'")
    mirrors["a"].lie = lambda path: None
    p = samples.scan("--wanted")
    assert p.returncode == 0 and re.fullmatch("mirror a: .*\n", p.stdout), p.stdout
    samples.wait("a", "up", weight=100)


def test_never_more_than_half_are_out(samples, tree):
    mirrors = world(samples, tree, "a b c d e")
    for i, m in enumerate(mirrors.values()):
        tenths = (8, 7, 9, 3, 3)[i]
        m.lie = lambda path, tenths=tenths: \
            LIES["gone"] if zlib.crc32(path) % 10 < tenths else None
    samples.start()
    for name in mirrors:
        samples.until(lambda: samples.file().get(name, {}).get("bad", 0) > 5, name)
    time.sleep(0.5)
    out = {n: line["bad"] for n, line in samples.file().items() if line["weight"] == 0}
    kept = {n: line["bad"] for n, line in samples.file().items() if line["weight"] != 0}
    assert len(out) == 2 and min(out.values()) >= max(kept.values()) - 1, (out, kept)
    assert "should be out for bad files, but half of all are" in samples.daemon.log()


def test_overload_takes_no_files_away(samples, tree):
    mirrors = world(samples, tree, "a b")
    mirrors["a"].lie = lambda path: (503, {"Content-Length": "0"})
    samples.start()
    line = samples.wait("a", "down")
    assert line["reason"] == "status 503"
    assert samples.held("a") == tree.names()


def test_without_rsync_by_head_alone(samples, tree):
    mirror = world(samples, tree, scan=False)["a"]
    lacks = set(tree.names()[::3])
    mirror.lie = lambda path: LIES["gone"] if path in lacks else None
    samples.start()
    rest = sorted(set(tree.names()) - lacks)
    samples.until(lambda: samples.row("a") and samples.held("a") == rest, "what it has", 30)
    line = samples.wait("a", "up", weight=100)
    assert line["scanned"] == 0 and line["bad"] == 0


def test_redirects_to_another_host_if_they_are_allowed(samples, tree):
    other = samples.serve("other", tree)
    mirrors = world(samples, tree, "a", scan=False, follow_redirects="yes")
    other.address = "127.0.0.1"
    moved = other.url().replace("127.0.0.1", "localhost")
    mirrors["a"].lie = lambda path: (302, {"Location": moved + path.decode("latin-1"),
                                           "Content-Length": "0"}) \
        if path.startswith(b"d") and path.endswith(b".deb") else None
    samples.start()
    samples.until(lambda: samples.row("a") and len(samples.held("a")) > 25, "files by redirect")
    assert any(n.startswith(b"d") for n in samples.held("a"))


@pytest.mark.parametrize("status, ranges", [(405, True), (501, False)])
def test_who_refuses_head_is_asked_for_an_octet(samples, tree, status, ranges):
    tree.put("empty", b"")
    mirrors = world(samples, tree, "a b")
    mirror, gone = mirrors["a"], b"d3/0003.deb"
    mirror.lie = lambda path: (status, {"Content-Length": "0"})
    truth = mirror.get if ranges else \
        lambda path: (*mirror.truth(path), b"x" * os.stat(tree.path(path)).st_size)
    mirror.get = lambda path: (404, {"Content-Length": "0"}, b"") if path == gone else truth(path)
    samples.start()
    samples.until(lambda: {n for n, _ in mirror.got} == set(tree.names()), "a round")
    samples.until(lambda: len(samples.held("a")) < len(tree.names()), "one to leave")
    assert samples.held("a") == [n for n in tree.names() if n != gone]
    assert len(mirror.asked) == 1 and {r for _, r in mirror.got} == {"bytes=0-0"}
    assert not mirrors["b"].got


def test_who_refuses_whatever_is_asked_loses_no_file(samples, tree):
    mirrors = world(samples, tree, "a b")
    mirrors["a"].lie = lambda path: (405, {"Content-Length": "0"})
    mirrors["a"].get = lambda path: (405, {"Content-Length": "0"}, b"")
    samples.start()
    line = samples.wait("a", "down")
    assert line["reason"] == "status 405: it takes neither HEAD nor GET"
    assert samples.held("a") == tree.names()
