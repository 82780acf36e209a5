"""healthd's samples: who is dead is out; what else writes, breaks or ends holds nothing up."""
import json
import os
import re
import signal
import sqlite3
import time

import pytest

from sample_world import LIES, samples, tree, world  # noqa: F401, F811
from scan_world import ODD, bitmap, kill_a_writer


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
    samples.wait("a", "up")
    p = samples.ctl("status")
    n = len(tree.names())
    assert re.search(rf"^a +up for \S+, 0 of \d+ samples bad, holds {n} of {n}, scanned \S+ ago, "
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
