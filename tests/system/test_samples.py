"""healthd's samples: what a mirror does not deliver it does not hold; who is dead is out."""
import json
import os
import re
import signal
import sqlite3
import time

import pytest

from sample_world import Samples
from scan_world import ODD, Tree, bitmap, kill_a_writer


@pytest.fixture
def samples(tmp_path):
    s = Samples(tmp_path)
    yield s
    s.close()


@pytest.fixture
def tree(tmp_path):
    t = Tree(tmp_path / "tree")
    for name in ODD:
        t.put(name, b"x" * (1 + len(name)))
    for i in range(77):
        t.put(f"d{i % 7}/{i:04}.deb", b"x" * i)
    return t


def world(samples, tree, names="a", scan=True, **options):
    """Mirrors that hold everything, scanned."""
    samples.import_tree(tree)
    rsync = samples.rsyncd(pub=tree) + "/pub/" if scan else None
    mirrors = {n: samples.serve(n, tree, rsync=rsync, **options) for n in names.split()}
    if scan:
        p = samples.scan()
        assert p.returncode == 0, p.stderr
    return mirrors


def test_every_file_is_asked_for_once_in_a_round(samples, tree):
    mirror = world(samples, tree)["a"]
    samples.start()
    n = len(tree.names())
    samples.until(lambda: len(mirror.asked) >= n, "a round")
    assert sorted(mirror.asked[:n]) == tree.names()
    assert mirror.asked[:n] != tree.names()
    line = samples.wait("a", "up", samples=100)
    assert line["bad"] == 0 and line["weight"] == 100 and line["reason"] == "ok"
    assert line["scanned"] == pytest.approx(samples.row("a")["scanned"], abs=0.01)
    (said,) = mirror.agents
    assert said[0] == "HEAD" and said[1].startswith("nearcast-healthd/") and said[2] == "identity"


LIES = {
    "gone": (404, {"Content-Length": "0"}),
    "soft 404": (200, {"Content-Type": "text/html; charset=utf-8"}),
    "another length": (200, {"Content-Length": "4711"}),
    "older": (200, {"Last-Modified": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    "redirected": (302, {"Location": "http://login.invalid/", "Content-Length": "0"}),
    "forbidden": (403, {"Content-Length": "0"}),
    "broken": (500, {"Content-Length": "0"}),
}


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
    samples.wait("a", "up", samples=100, bad=0)
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
    mirrors["a"].lie = lambda path: LIES["gone"] if path.startswith(b"d1/") else None
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
        m.lie = lambda path, i=i: LIES["gone"] if hash(path) % 10 < (8, 7, 9, 3, 2)[i] else None
    samples.start()
    for name in mirrors:
        samples.until(lambda: samples.file().get(name, {}).get("bad", 0) > 5, name)
    time.sleep(0.5)
    out = {n: line["bad"] for n, line in samples.file().items() if line["weight"] == 0}
    kept = {n: line["bad"] for n, line in samples.file().items() if line["weight"] != 0}
    assert len(out) == 2 and min(out.values()) >= max(kept.values()) - 1, (out, kept)
    assert "should be out for bad files, but half of all are" in samples.daemon.log()


def test_dead_and_back(samples, tree):
    mirrors = world(samples, tree, "a b", interval="200ms")
    samples.start()
    samples.wait("a", "up")
    samples.wait("b", "up")
    mirrors["a"].stop()
    began = time.monotonic()
    line = samples.wait("a", "down", seconds=5)
    assert time.monotonic() - began < 3 * 0.2 + 0.3         # two rounds, and the file
    assert "refused" in line["reason"] or "onnect" in line["reason"]
    assert samples.held("a") == tree.names()                # it holds what it held
    mirrors["a"].start()
    samples.wait("a", "up", seconds=5)


def test_our_own_network_is_nobodys_fault(samples, tree):
    mirrors = world(samples, tree, "a b c", interval="50ms")
    samples.start()
    for name in mirrors:
        samples.wait(name, "up")
    away = set(mirrors)

    def answers(name):
        def lie(path):
            if name in away:
                raise ConnectionError("no answer")
        return lie
    for name, m in mirrors.items():
        m.lie = answers(name)
    samples.until(lambda: all("may be our network" in m["reason"]
                              for m in samples.file().values()), "all to fail")
    time.sleep(0.5)
    assert {m["state"] for m in samples.file().values()} == {"up"}
    away.remove("b")
    samples.wait("a", "down")
    samples.wait("c", "down")
    samples.wait("b", "up", reason="ok")
    # the last one that is left has nobody to be compared with
    away.add("b")
    samples.wait("b", "down")
    away.clear()
    for name in mirrors:
        samples.wait(name, "up")


def test_a_mirror_that_hangs_holds_up_nobody(samples, tree):
    mirrors = world(samples, tree, "a b")
    samples.start()
    samples.wait("a", "up")
    mirrors["a"].lie = lambda path: time.sleep(30)
    line = samples.wait("a", "down", seconds=10)
    assert "no answer within 1000 ms" in line["reason"]
    asked = len(mirrors["b"].asked)
    time.sleep(0.5)
    assert len(mirrors["b"].asked) - asked >= 10


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
    samples.until(lambda: samples.row("a") and len(samples.held("a")) > 50, "files by redirect")
    assert any(n.startswith(b"d") for n in samples.held("a"))


def test_without_a_catalogue_it_is_asked_whether_it_answers(samples, tree):
    mirror = samples.serve("a", tree)
    samples.start()
    samples.wait("a", "up")
    assert set(mirror.asked) == {b""}
    samples.import_tree(tree)
    samples.until(lambda: set(mirror.asked) & set(tree.names()), "files to be asked for")
    # damaged, it is the old one that is used
    with open(samples.catalogue, "wb") as f:
        f.write(b"x" * 5000)
    samples.daemon.wait_log(r"catalogue.db: .*(not a database|kind)")
    samples.wait("a", "up")


def test_a_new_catalogue_is_followed(samples, tree):
    mirror = world(samples, tree)["a"]
    samples.start()
    samples.wait("a", "up")
    tree.put("new", b"new")
    samples.import_tree(tree)
    assert samples.scan().returncode == 0
    samples.until(lambda: b"new" in mirror.asked, "the new file to be asked for")


def test_the_process_of_the_samples_is_started_again(samples, tree):
    world(samples, tree)
    samples.start()
    first = samples.wait("a", "up")

    def pid():
        for p in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{p}/stat") as f, open(f"/proc/{p}/cmdline") as c:
                    if "(healthd-samples)" in f.read() and str(samples.conf) in c.read():
                        return int(p)
            except OSError:
                pass
        return 0
    os.kill(pid(), signal.SIGKILL)
    samples.daemon.wait_log("their process ended .signal 9. and is started again")
    samples.until(lambda: samples.file()["a"]["since"] > first["since"], "a new one")
    samples.wait("a", "up")
    left = pid()
    samples.daemon.stop()
    samples.daemon = None
    samples_gone = [p for p in [left] if os.path.exists(f"/proc/{p}")]
    for _ in range(100):
        samples_gone = [p for p in samples_gone if os.path.exists(f"/proc/{p}")]
        time.sleep(0.01)
    assert not samples_gone


def test_status_has_a_line_for_each(samples, tree):
    world(samples, tree, "a b")
    samples.mirror("off", enabled="no")
    samples.mirror("never", "rsync://127.0.0.1:1/x/")
    samples.scan("never")
    samples.start()
    samples.wait("a", "up", samples=100)
    p = samples.ctl("status")
    n = len(tree.names())
    assert re.search(rf"^a +up for \S+, 0 of 100 samples bad, holds {n} of {n}, scanned \S+ ago, "
                     r"newest file \S+ old$", p.stdout, re.M), p.stdout
    assert re.search("^off +disabled$", p.stdout, re.M)
    assert re.search("^never .*never scanned.*; last scan: rsync ended with 10", p.stdout, re.M)
    assert "the last scan of mirror never was not taken: rsync ended with 10" in p.stdout
    found = {m["name"]: m for m in json.loads(samples.ctl("status", "--json").stdout)["mirrors"]}
    assert found["a"]["state"] == "up" and found["a"]["files"] == n and found["a"]["complete"]
    samples.daemon.stop()
    samples.daemon = None
    os.unlink(samples.folder / "run" / "mirrors")
    os.unlink(samples.catalogue)
    text = samples.ctl("status").stdout
    assert "nobody samples mirrors: " in text and "the catalogue cannot be used: " in text


def test_a_writer_that_does_not_end_holds_up_nothing(samples, tree):
    mirrors = world(samples, tree, "a b")
    samples.start()
    samples.wait("a", "up")
    db = sqlite3.connect(samples.catalogue + ".held", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    gone = {b"d3/0003.deb", b"d4/0004.deb", b"new\nline"}
    mirrors["a"].lie = lambda path: LIES["gone"] if path in gone else None
    end, oldest = time.monotonic() + 3, 0
    while time.monotonic() < end:
        stamp = re.search(r"stamp=([\d.]+)", (samples.folder / "run" / "mirrors").read_text())
        oldest = max(oldest, time.time() - float(stamp[1]))
        time.sleep(0.05)
    assert oldest < 2.5, "RUN/mirrors was not written"
    samples.daemon.wait_log("cannot be stored yet: .*database is locked")
    assert samples.held("a") == tree.names()
    db.execute("ROLLBACK")
    db.close()
    rest = [n for n in tree.names() if n not in gone]
    mirrors["a"].lie = lambda path: LIES["gone"]            # no more of it can be seen good
    samples.until(lambda: not gone & set(samples.held("a")), "what was seen meanwhile to be stored")
    assert set(samples.held("a")) <= set(rest)
    assert r"mirror a: new\012line: status 404" in samples.daemon.log()


def test_what_is_damaged_is_said(samples, tree):
    world(samples, tree, "a b")
    samples.start()
    samples.wait("a", "up")
    with open(samples.catalogue + ".held", "rb+") as f:
        whole = f.read()
        f.truncate(5000)
    samples.daemon.wait_log("what mirrors hold cannot be read, what was read before stays in use: "
                            r".*catalogue.db.held: ")
    assert samples.wait("a", "up")["weight"] == 100
    p = samples.ctl("status")
    assert "what mirrors hold cannot be read: " in p.stdout
    assert re.search("^a +up for .*, what it holds cannot be read$", p.stdout, re.M), p.stdout
    assert "never scanned" not in p.stdout
    found = json.loads(samples.ctl("status", "--json").stdout)["mirrors"]
    assert {m["files"] for m in found} == {None}
    with open(samples.catalogue + ".held", "wb") as f:
        f.write(whole)
    samples.daemon.wait_log("what mirrors hold can be read again")


def test_a_writer_killed_in_the_middle(samples, tree):
    """What it left half done is taken back by whoever comes next, here healthd alone."""
    world(samples, tree, "a b")
    samples.start()
    samples.wait("a", "up")
    kill_a_writer(samples.catalogue)
    with pytest.raises(sqlite3.OperationalError):
        samples.row("a")                                    # a reader alone cannot
    samples.until(lambda: not os.path.exists(samples.catalogue + ".held-journal"), "the journal")
    assert samples.held("a") == tree.names()
    assert "put aside" not in samples.daemon.log()


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


def test_a_catalogue_begun_anew(samples, tree, tmp_path):
    """What was seen of files of the old one says nothing of those that have their ids now."""
    mirror = world(samples, tree, "a")["a"]
    mirror.lie = lambda path: LIES["gone"]
    db = sqlite3.connect(samples.catalogue + ".held", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")                           # nothing is stored yet
    samples.start()
    samples.daemon.wait_log("cannot be stored yet")
    mirror.lie = lambda path: None
    os.unlink(samples.catalogue)
    for name in ODD:
        os.unlink(tree.path(name))
    samples.import_tree(tree)
    db.execute("ROLLBACK")
    db.close()
    assert samples.scan().returncode == 0
    time.sleep(2.5)
    assert samples.held("a") == tree.names()
    assert bitmap(samples.row("a")["bad"]) == set()
