"""deploy/logs/ship against rsync daemons with deploy/logs/rsyncd.conf as shipped: what is in the
spool gets to every collector, whole, once, whatever is wrong meanwhile."""
import fcntl
import os
import subprocess
import time

import pytest
from conftest import free_port
from logs_world import SHIP, Collector, Ship, put_segment, wait


@pytest.fixture
def world(tmp_path):
    """Two collectors and their shippers; none runs yet."""
    things = [Collector(tmp_path, n) for n in ("c1", "c2")]
    things += [Ship(tmp_path, c.name, c.url, [o.name for o in things if o is not c])
               for c in things]
    yield things
    for t in things:
        t.stop()


def start(*things):
    for t in things:
        t.start()


def in_spool(s):
    return sorted(os.listdir(s.spool))


def holds(c, name, text):
    def done():
        try:
            with open(os.path.join(c.data, name)) as f:
                return f.read() == text
        except FileNotFoundError:
            return False
    return done


def test_segments_grow_at_both_and_go_when_both_have_them(world):
    c1, c2, s1, s2 = world
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000000.log", "a\n")
    start(*world)
    for c in (c1, c2):
        wait(holds(c, "dnsd-20261127T000000Z.1-000000.log", "a\n"), 10)
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000000.log", "b\n", "a")
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000001.log", "c\n")
    put_segment(s1.spool, "healthd-20261127T000000Z.2-000000.log", "d\n")
    put_segment(s1.spool, "nginx-2026-11-27T16:52:.log", "e\n")
    for c in (c1, c2):
        wait(holds(c, "dnsd-20261127T000000Z.1-000000.log", "a\nb\n"), 10)
        wait(holds(c, "nginx-2026-11-27T16:52:.log", "e\n"), 10)
    # the first of dnsd's has a newer one and is closed, the newest of a kind never is
    wait(lambda: "dnsd-20261127T000000Z.1-000000.log" not in in_spool(s1), 10)
    assert len(in_spool(s1)) == 3
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000002.log", "f\n")
    wait(lambda: "dnsd-20261127T000000Z.1-000001.log" not in in_spool(s1), 10)
    assert len(in_spool(s1)) == 3
    # marks go with the segments
    wait(lambda: os.listdir(s1.state + "/c1") == os.listdir(s1.state + "/c2") == [], 10)
    assert c1.files() == c2.files() and len(c1.files()) == 5
    assert s1.said() == s2.said() == ""


def test_what_is_acknowledged_is_on_the_collector_s_disk(world, tmp_path):
    """Each transfer that puts octets there waits for its disk, what is sent beside, too."""
    c1, _, s1, _ = world
    s1.argv.pop()
    name, log = "dnsd-20261127T000000Z.1-00000%d.log", tmp_path / "calls"
    program = tmp_path / "rsync"
    program.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec rsync "$@"\n')
    program.chmod(0o755)
    s1.env["SHIP_RSYNC"] = str(program)
    put_segment(s1.spool, name % 0, "ours\n")
    put_segment(s1.spool, name % 1, "b\n")
    put_segment(c1.data, name % 0, "else\n")
    start(c1, s1)
    wait(lambda: name % 0 not in in_spool(s1), 10)
    calls = [line.split() for line in log.read_text().splitlines()]
    assert all("--fsync" in c or "-n" in c for c in calls), calls
    assert any("--append" in c for c in calls) and any("--ignore-existing" in c for c in calls)


def test_a_segment_that_is_locked_is_not_closed(world):
    c1, _, s1, _ = world
    first = "dnsd-20261127T000000Z.1-000000.log"
    for i, text in enumerate(("a\n", "b\n", "c\n")):
        put_segment(s1.spool, f"dnsd-20261127T000000Z.1-00000{i}.log", text)
    s1.argv.pop()                               # there is no other collector
    with open(os.path.join(s1.spool, first)) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        start(c1, s1)
        wait(holds(c1, "dnsd-20261127T000000Z.1-000002.log", "c\n"), 10)
        put_segment(s1.spool, first, "late\n", "a")
        wait(holds(c1, first, "a\nlate\n"), 10)
        time.sleep(1)                           # five rounds
        assert first in in_spool(s1) and not os.path.exists(f"{s1.state}/c1/{first}")
    wait(lambda: first not in in_spool(s1), 10)


def test_what_grew_after_one_has_marked_it_waits_for_that_one(world):
    """Its mark is as long as what it has: the rest is nowhere but here and at the other one."""
    c1, c2, s1, s2 = world
    first = "dnsd-20261127T000000Z.1-000000.log"
    for i in range(2):
        put_segment(s1.spool, f"dnsd-20261127T000000Z.1-00000{i}.log", "a\n")
    start(c1, c2, s2)
    wait(lambda: os.path.exists(f"{s2.state}/c2/{first}"), 10)
    s2.stop()
    put_segment(s1.spool, first, "late\n", "a")
    start(s1)
    wait(lambda: os.path.exists(f"{s1.state}/c1/{first}"), 10)
    time.sleep(1)                               # five rounds
    assert first in in_spool(s1)
    start(s2)
    wait(lambda: first not in in_spool(s1), 10)
    assert holds(c1, first, "a\nlate\n")() and holds(c2, first, "a\nlate\n")()


def test_an_empty_segment_waits_for_two_newer(world):
    """A writer takes its lock when the file is there already."""
    c1, _, s1, _ = world
    s1.argv.pop()
    names = ["dnsd-20261127T000000Z.1-00000%d.log" % i for i in range(3)]
    put_segment(s1.spool, names[0], "")
    put_segment(s1.spool, names[1], "b\n")
    start(c1, s1)
    wait(holds(c1, names[1], "b\n"), 10)
    time.sleep(1)
    assert in_spool(s1) == names[:2]
    put_segment(s1.spool, names[2], "c\n")
    wait(lambda: in_spool(s1) == names[2:], 10)


def test_segments_of_nginx(world):
    """nginx locks nothing: what was written in the last half minute stays, and the two newest,
    unless nothing was written for ten minutes."""
    c1, _, s1, _ = world
    s1.argv.pop()
    names = ["nginx-2026-11-27T16:5%d:.log" % i for i in range(3)]
    for name in names:
        put_segment(s1.spool, name, name + "\n")
    start(c1, s1)
    wait(holds(c1, names[2], names[2] + "\n"), 10)
    time.sleep(1)
    assert in_spool(s1) == names
    half_a_minute = time.time() - 40
    os.utime(os.path.join(s1.spool, names[0]), (half_a_minute, half_a_minute))
    wait(lambda: in_spool(s1) == names[1:], 15)
    time.sleep(1)
    assert in_spool(s1) == names[1:]
    long_ago = time.time() - 700
    os.utime(os.path.join(s1.spool, names[1]), (long_ago, long_ago))
    wait(lambda: in_spool(s1) == names[2:], 15)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_collector_s_full_disk_is_said(world, tmp_path):
    """Nothing is acknowledged, the other one is not concerned, afterwards nothing is missing."""
    c1, c2, s1, s2 = world
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=65536", "tmpfs", disk], check=True)
    try:
        os.chmod(disk, 0o777)
        c1.stop()
        with open(c1.conf) as f:
            conf = f.read().replace("path = " + c1.data, f"path = {disk}")
        with open(c1.conf, "w") as f:
            f.write(conf)
        c1.data = str(disk)
        texts = [f"{i}" * 40000 + "\n" for i in range(4)]
        names = ["dnsd-20261127T000000Z.1-00000%d.log" % i for i in range(4)]
        for name, text in zip(names, texts):
            put_segment(s1.spool, name, text)
        start(*world)
        wait(lambda: len(c2.files()) == 4, 10)
        wait(lambda: s1.said() != "", 10)
        said = s1.said().splitlines()
        assert len(said) == 1 and "No space left on device (28)" in said[0] and \
            "octets wait" in said[0], said
        assert s2.said() == "" and s1.figures()["up"] == 0
        assert s1.figures()["octets_waiting"] > 0 and len(in_spool(s1)) == 4
        subprocess.run(["mount", "-o", "remount,size=1048576", disk], check=True)
        for name, text in zip(names, texts):
            wait(holds(c1, name, text), 20)
        wait(lambda: len(in_spool(s1)) == 1, 20)
        assert "in step again after" in s1.said()
        assert sorted(f for f in c1.files() if not f.startswith(".")) == names
    finally:
        for thing in world:
            thing.stop()
        subprocess.run(["umount", "-l", disk])


def test_a_collector_away_keeps_the_spool_and_harms_nobody(world):
    c1, c2, s1, s2 = world
    for i in range(4):
        put_segment(s1.spool, f"dnsd-20261127T000000Z.1-00000{i}.log", f"{i}\n" * 1000)
    start(c1, s1, s2)
    wait(lambda: len(c1.files()) == 4, 10)
    wait(lambda: s2.said() != "", 10)
    assert len(in_spool(s1)) == 4
    wait(lambda: os.path.exists(s2.state + "/c2.prom"), 10)
    assert s2.figures()["up"] == 0 and s2.figures()["octets_waiting"] == 8000
    assert s2.figures()["segments_waiting"] == 4
    wait(lambda: s2.figures()["failures_total"] >= 3, 10)
    assert s2.figures()["octets_waiting"] == 8000
    c2.start()
    wait(lambda: len(c2.files()) == 4 and len(in_spool(s1)) == 1, 20)
    wait(lambda: s2.figures()["up"] == 1 and s2.figures()["octets_waiting"] == 0, 10)
    said = s2.said().splitlines()
    assert len(said) == 2, said                 # once a minute, and that it is over
    assert "rsync ended with 10, 8000 octets wait: rsync: [sender] failed to connect" in said[0]
    assert "in step again after" in said[1]
    assert s1.said() == ""


def test_what_differs_is_sent_beside_and_said_once(world):
    """A segment shortened by hand, and a collector's copy that was changed."""
    c1, _, s1, _ = world
    s1.argv.pop()
    first, second = ("dnsd-20261127T000000Z.1-00000%d.log" % i for i in (0, 1))
    put_segment(s1.spool, first, "a1\na2\na3\n")
    put_segment(s1.spool, second, "b1\nb2\n")
    start(c1, s1)
    wait(holds(c1, first, "a1\na2\na3\n"), 10)
    wait(holds(c1, second, "b1\nb2\n"), 10)
    put_segment(s1.spool, first, "a1\n")
    put_segment(c1.data, second, "b1\nXX\n")
    for i in (2, 3):
        put_segment(s1.spool, f"dnsd-20261127T000000Z.1-00000{i}.log", "c\n")
    wait(lambda: len(in_spool(s1)) == 1, 10)
    assert holds(c1, first, "a1\na2\na3\n")() and holds(c1, second, "b1\nXX\n")()
    beside = [f for f in c1.files() if not f.endswith(".log")]
    assert len(beside) == 2 and beside[0].startswith(first + ".")
    assert holds(c1, beside[0], "a1\n")() and holds(c1, beside[1], "b1\nb2\n")()
    said = s1.said().splitlines()
    assert sorted(line.split(",")[0] for line in said) == \
        [f"ship c1: differs: {first}", f"ship c1: differs: {second}"]
    wait(lambda: s1.figures()["differs_total"] == 2, 15)


def test_a_removed_segment_stays_at_the_collector(world):
    c1, _, s1, _ = world
    s1.argv.pop()
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000000.log", "a\n")
    start(c1, s1)
    wait(holds(c1, "dnsd-20261127T000000Z.1-000000.log", "a\n"), 10)
    os.unlink(s1.spool + "/dnsd-20261127T000000Z.1-000000.log")
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000001.log", "b\n")
    wait(holds(c1, "dnsd-20261127T000000Z.1-000001.log", "b\n"), 10)
    assert holds(c1, "dnsd-20261127T000000Z.1-000000.log", "a\n")()
    assert s1.said() == ""


def test_strange_names_are_ignored_and_said_once(world):
    c1, _, s1, _ = world
    s1.argv.pop()
    good = "dnsd-20261127T000000Z.1-000000.log"
    for name in ("core", "Dnsd-1.log", "dnsd-a b-000000.log", "x\ndnsd-1.log", "dnsd-1.log.gz",
                 "--delete", "\xff-1.log"):
        put_segment(s1.spool, name, "no\n")
    os.symlink("/etc/passwd", s1.spool + "/link-1.log")
    os.mkdir(s1.spool + "/folder-1.log")
    os.mkdir(s1.spool + "/lost+found")
    put_segment(s1.spool, good, "a\n")
    start(c1, s1)
    wait(holds(c1, good, "a\n"), 10)
    put_segment(s1.spool, good, "b\n", "a")
    wait(holds(c1, good, "a\nb\n"), 10)
    assert c1.files() == [good]
    said = s1.said().splitlines()
    assert len(said) == 9 and all("ignored" in line for line in said), said
    assert any('"x?dnsd-1.log"' in line for line in said)


def test_a_wrong_password_is_said_once_and_tried_slowly(world):
    c1, _, s1, _ = world
    put_segment(s1.spool, "dnsd-20261127T000000Z.1-000000.log", "a\n")
    s1.env.update(RSYNC_PASSWORD="wrong", SHIP_ROUNDS="2")
    c1.start()
    s1.start()
    wait(lambda: s1.process.poll() is not None, 15)
    said = s1.said().splitlines()
    assert len(said) == 1 and "rsync ended with 5" in said[0] and "auth failed" in said[0], said
    assert c1.files() == []
    assert s1.figures()["failures_total"] == 2


def test_a_second_ship_for_one_collector_ends_with_75(world):
    c1, _, s1, _ = world
    start(c1, s1)
    wait(lambda: os.path.exists(s1.state + "/.c1.lock"), 10)
    again = subprocess.run(s1.argv, env=s1.env, capture_output=True, text=True, timeout=10)
    assert again.returncode == 75 and 'another ship for "c1" runs' in again.stderr


@pytest.mark.parametrize("argv, status, said", [
    ([], 64, "usage: ship NAME URL SPOOL STATE"),
    (["c/1", "rsync://h/m", "/tmp", "/tmp/x"], 64, 'collector "c/1"'),
    (["c1", "h::m", "/tmp", "/tmp/x"], 64, 'URL "h::m"'),
    (["c1", "rsync://h/m", "/nowhere", "/tmp/x"], 73, 'spool "/nowhere": no such folder'),
    (["c1", "rsync://h/m", "/tmp", "/tmp/x", "c 2"], 64, 'collector "c 2"'),
])
def test_bad_arguments(argv, status, said):
    p = subprocess.run([SHIP, *argv], capture_output=True, text=True, timeout=10)
    assert p.returncode == status and said in p.stderr


def age(s, name, seconds):
    then = time.time() - seconds
    os.utime(os.path.join(s.spool, name), (then, then))


def test_the_clock_of_nginx_is_set_back(world):
    """Segments of next year are the newest two; what is written meanwhile is sent and stays until
    nobody writes any more, also behind a mark that is there already."""
    c1, _, s1, _ = world
    s1.argv.pop()
    name = "nginx-2026-11-28T06:42:.log"
    for later in ("nginx-2027-11-28T06:40:.log", "nginx-2027-11-28T06:41:.log"):
        put_segment(s1.spool, later, "a\n")
    put_segment(s1.spool, name, "1\n")
    start(c1, s1)
    wait(holds(c1, name, "1\n"), 10)
    put_segment(s1.spool, name, "2\n", "a")
    wait(holds(c1, name, "1\n2\n"), 10)
    s1.argv.append("c2")                        # which has nothing yet, so that nothing goes
    s1.stop()
    age(s1, name, 60)
    s1.start()
    mark = os.path.join(s1.state, "c1", name)
    wait(lambda: os.path.exists(mark) and os.path.getsize(mark) == 4, 10)
    put_segment(s1.spool, name, "3\n", "a")
    wait(holds(c1, name, "1\n2\n3\n"), 15)
    age(s1, name, 60)
    wait(lambda: os.path.getsize(mark) == 6, 15)
    assert name in in_spool(s1)


def test_a_segment_of_nginx_that_differs(world):
    """Its name has colons, and is no host's."""
    c1, _, s1, _ = world
    s1.argv.pop()
    names = ["nginx-2026-11-27T16:5%d:.log" % i for i in range(3)]
    for name in names:
        put_segment(s1.spool, name, "ours\n")
    put_segment(c1.data, names[0], "else\n")
    age(s1, names[0], 60)
    start(c1, s1)
    wait(lambda: in_spool(s1) == names[1:], 15)
    aside = [n for n in c1.files() if n.startswith(names[0] + ".")]
    assert len(aside) == 1 and holds(c1, aside[0], "ours\n")() and holds(c1, names[0], "else\n")()


def test_what_a_collector_says_is_no_list_of_files(world, tmp_path):
    """A greeting that names a file: nothing but segments is sent, and they are
    acknowledged."""
    c1, _, s1, _ = world
    s1.argv.pop()
    private = tmp_path / "private"
    private.write_text("a key\n")
    motd = tmp_path / "motd"
    motd.write_text(f"{private}\n" * 2000)
    with open(c1.conf) as f:
        text = f.read()
    with open(c1.conf, "w") as f:
        f.write(f"motd file = {motd}\n{text}")
    names = ["dnsd-1-00000%d.log" % i for i in range(3)]
    for name in names:
        put_segment(s1.spool, name, name + "\n")
    start(c1, s1)
    wait(lambda: in_spool(s1) == names[2:], 20)
    assert c1.files() == names and s1.said() == ""
    assert s1.figures()["up"] == 1


@pytest.mark.parametrize("argv", [
    ["-t", "--inplace", "NAME"], ["-I", "NAME"], ["--append-verify", "NAME"],
    ["--append", "--append", "-M--append", "NAME"], ["--append", "-M--no-append", "NAME"],
    ["--append", "-b", "--suffix=.old", "NAME"], ["-M--suffix", "-M--append", "NAME"],
    ["-b", "--backup-dir=old", "NAME"], ["-M-en.Ls", "NAME"], ["-l", "--append", "link/NAME"],
    ["-R", "--append", "./folder/./NAME/x"], ["-r", "--append", "folder/NAME"],
    ["-d", "--append", "folder/NAME"], ["--ignore-existing", "--inplace", "NAME"],
    ["--append", "empty/NAME"], ["-r", "--delete", "--append", "void/"],
    ["--ignore-existing", "--fake-super", "NAME"], ["--append", "--chmod=777", "-p", "NAME"],
], ids=" ".join)
def test_a_sender_cannot_take_back(world, argv):
    """What was acknowledged stays as it was, whoever has the machine that sent it."""
    c1, _, s1, _ = world
    name = "dnsd-1-000000.log"
    put_segment(c1.data, name, "what happened\n")
    if os.geteuid() == 0:
        os.chmod(c1.data, 0o777)
    c1.start()
    put_segment(s1.spool, name, "something else\nand more of it\n")
    for folder in ("link", "folder/" + name, "empty", "void"):
        os.makedirs(os.path.join(s1.spool, folder))
    os.symlink("/etc/passwd", os.path.join(s1.spool, "link", name))
    put_segment(s1.spool, f"folder/{name}/x", "y\n")
    put_segment(s1.spool, "empty/" + name, "")
    wait(lambda: subprocess.run(["rsync", c1.url.replace("/fra1", "/")],
                                capture_output=True).returncode != 10, 10)
    words = [w.replace("NAME", name) for w in argv]
    subprocess.run(["rsync", "--timeout=5", *words, c1.url], cwd=s1.spool, env=s1.env, timeout=30,
                   capture_output=True)
    assert c1.files() == [name] and holds(c1, name, "what happened\n")()


def test_a_sender_can_neither_delete_nor_read(world):
    """What the collector's configuration forbids."""
    c1, _, s1, _ = world
    put_segment(c1.data, "dnsd-1-000000.log", "a\n")
    c1.start()
    wait(lambda: subprocess.run(["rsync", c1.url.replace("/fra1", "/")],
                                capture_output=True).returncode != 10, 10)
    for argv in (["-r", "--delete", "./", c1.url], [c1.url + "/dnsd-1-000000.log", "./x"],
                 ["-r", "--remove-source-files", "./", c1.url]):
        p = subprocess.run(["rsync", *argv], cwd=s1.spool, env=s1.env, capture_output=True,
                           text=True)
        assert p.returncode != 0 and c1.files() == ["dnsd-1-000000.log"], (argv, p.stderr)
    assert free_port() and os.listdir(s1.spool) == []


def test_the_last_of_one_that_was_killed_waits_for_the_next_one_s_word(world):
    """The next one has a segment, and has not said yet how this one ended."""
    c1, _, s1, _ = world
    s1.argv.pop()
    names = ["dnsd-20261127T00000%d.1-000000.log" % i for i in range(3)]
    for name, text in zip(names, ("a\n", "", "")):
        put_segment(s1.spool, name, text)
    start(c1, s1)
    wait(holds(c1, names[2], ""), 10)
    time.sleep(1)
    assert names[0] in in_spool(s1)
    put_segment(s1.spool, names[2], "cut\n")
    wait(lambda: in_spool(s1) == names[1:], 10)


def test_the_spool_is_another_folder_now(world):
    """It was removed and made again: writers have gone there, and so does the unit's next start."""
    c1, _, s1, _ = world
    s1.argv.pop()
    first, second = ("dnsd-20261127T000000Z.1-00000%d.log" % i for i in range(2))
    put_segment(s1.spool, first, "a\n")
    start(c1, s1)
    wait(holds(c1, first, "a\n"), 10)
    wait(lambda: os.path.exists(s1.state + "/c1.prom"), 10)
    os.rename(s1.spool, s1.spool + ".away")
    wait(lambda: s1.figures()["up"] == 0, 10)
    assert s1.process.poll() is None
    os.mkdir(s1.spool)
    put_segment(s1.spool, second, "b\n")
    assert s1.process.wait(20) == 73
    said = s1.said().splitlines()
    assert len(said) == 2 and "missing" in said[0], said
    s1.start()
    wait(holds(c1, second, "b\n"), 10)
    wait(lambda: s1.figures()["up"] == 1, 10)
