"""nearctl scan: exactly the files that a mirror has, whatever their names; all or nothing."""
import os
import shutil
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, nearctl
from scan_world import ODD, Scans, Tree, kill_a_writer, manifest_line


@pytest.fixture
def scans(tmp_path):
    s = Scans(tmp_path)
    yield s
    s.close()


@pytest.fixture
def tree(tmp_path):
    """The files that there are: odd names, one of five gigabytes, a link that is none."""
    t = Tree(tmp_path / "tree")
    for i, name in enumerate(ODD):
        t.put(name, b"%d" % i, 1_700_000_000 + i)
    t.put("empty", b"")
    os.symlink("empty", t.path(b"link"))
    return t


@pytest.fixture
def liar(tmp_path, monkeypatch):
    """What is called rsync is a script of the test's."""
    def write(script):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "rsync").write_text("#!/bin/sh\n" + script)
        (folder / "rsync").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return write


def test_every_name_exactly(scans, tree):
    tree.put("large", size=5_000_000_000)
    os.utime(tree.path(b"large"), (1_600_000_000, 1_600_000_000))
    # five gigabytes of nothing need not be hashed here: the manifest says what they hash to
    manifest = scans.folder / "manifest"
    manifest.write_bytes(b"".join(
        manifest_line(tree, n, "00" * 32 if n == b"large" else None) for n in tree.names()))
    p = nearctl(None, "catalogue", "import", manifest, "--catalogue", scans.catalogue)
    assert p.returncode == 0, p.stderr
    assert sorted(scans.known()) == tree.names() and len(tree.names()) == len(ODD) + 2
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    p = scans.scan()
    assert p.returncode == 0 and p.stderr == "", p.stderr
    assert scans.held("m") == tree.names()
    row = scans.row("m")
    assert row["complete"] == 1 and row["why"] == "" and row["n"] == len(ODD) + 2
    assert row["newest"] == 1_700_000_000 + len(ODD) - 1


def test_only_what_is_as_the_catalogue_says(scans, tree, tmp_path):
    for name in (b"shorter", b"older", b"newer", b"a second", b"lacking", b"trace/any"):
        tree.put(name, b"0123")
    scans.import_tree(tree)
    there = Tree(tmp_path / "there")
    there.put(b"shorter", b"012")
    there.put(b"older", b"0123", 1_699_999_990)
    there.put(b"newer", b"0123", 1_700_000_010)
    there.put(b"a second", b"0123", 1_700_000_001)
    there.put(b"trace/any", b"another length", 1)
    there.put(b"foreign", b"0123")
    there.put(b".~tmp~/a second", b"0123")
    os.mkfifo(there.path(b"lacking"))
    scans.mirror("m", scans.rsyncd(pub=there) + "/pub/", outdated_ok='{ "/trace/" }')
    assert scans.scan("m").returncode == 0
    assert scans.held("m") == [b"a second", b"trace/any"]


def test_a_folder_of_a_module(scans, tree, tmp_path):
    there = Tree(tmp_path / "there")
    for name in tree.names():
        there.put(b"pub/linux/" + name, open(tree.path(name), "rb").read(),
                  int(os.stat(tree.path(name)).st_mtime))
    scans.import_tree(tree)
    base = scans.rsyncd(m=there)
    scans.mirror("right", base + "/m/pub/linux/")
    scans.mirror("wrong", base + "/m/pub/")
    p = scans.scan()
    assert p.returncode == 0
    assert scans.held("right") == tree.names()
    assert scans.held("wrong") == [] and "is the path right?" in scans.row("wrong")["why"]


def test_what_is_listed_of_a_link_is_no_file(scans, tree, tmp_path):
    scans.import_tree(tree)
    assert b"link" not in scans.known()
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    scans.scan()
    assert b"link" not in scans.held("m")


def lines(tree, names=None):
    """What rsync prints of these, in one variable of a script."""
    text = subprocess.run(["rsync", "-r", "--list-only", "--no-h", os.fsdecode(tree.folder) + "/"],
                          env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
                          capture_output=True, check=True).stdout
    return text.splitlines(keepends=True)


def ready(scans, tree, n=40):
    for i in range(n):
        tree.put(f"d/{i:03}", b"%d" % i)
    scans.import_tree(tree)
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    assert scans.scan().returncode == 0
    assert scans.held("m") == tree.names()


@pytest.mark.parametrize("end, taken", [
    ("exit 0", True), ("exit 23", True), ("exit 24", True), ("exit 12", False), ("exit 10", False),
    ("kill -9 $$", False), ("printf -- '-rw-r--r--'; exit 0", False), ("exit 127", False)])
def test_how_it_ended_decides(scans, tree, liar, end, taken):
    ready(scans, tree)
    whole = lines(tree)
    (scans.folder / "part").write_bytes(b"".join(whole[:len(whole) * 2 // 3]))
    before = scans.held("m")
    liar(f"cat {scans.folder}/part\necho 'rsync: the disk is on fire' >&2\n{end}\n")
    p = scans.scan("m")
    row = scans.row("m")
    if taken:
        assert p.returncode == 0 and len(scans.held("m")) < len(before)
        assert row["complete"] == (end == "exit 0")
        assert ("on fire" in row["why"]) == (end != "exit 0")
    else:
        assert p.returncode == 1 and scans.held("m") == before
        assert row["complete"] == 1 and row["why"] != "" and "m" in p.stderr
        if end == "exit 12":
            assert "ended with 12: rsync: the disk is on fire" in row["why"]


def test_rsync_killed_in_the_middle(scans, tree, tmp_path):
    ready(scans, tree)
    big = Tree(tmp_path / "big")
    for i in range(6000):
        big.put(f"{i // 20}/{i}", b"")
    before = scans.held("m")
    scans.mirrors.clear()
    scans.mirror("m", scans.rsyncd(pub=big) + "/pub/")
    ctl = subprocess.Popen([os.path.join(BUILD, "nearctl"), "-c",
                            str(scans.conf), "scan"], stderr=subprocess.PIPE, text=True)
    for _ in range(2000):
        kids = subprocess.run(["pgrep", "-P", str(ctl.pid), "-x", "rsync"], capture_output=True,
                              text=True).stdout.split()
        if kids:
            os.kill(int(kids[0]), 9)
            break
        if ctl.poll() is not None:
            break
        time.sleep(0.001)
    ctl.wait()
    assert ctl.returncode == 1 and scans.held("m") == before


def test_a_sudden_loss_is_not_taken(scans, tree, tmp_path):
    ready(scans, tree)
    there = Tree(tmp_path / "few")
    there.put("d/000", b"0")
    scans.mirrors.clear()
    scans.mirror("m", scans.rsyncd(pub=there) + "/pub/")
    before = scans.held("m")
    for i in range(len(before) // 2 - 2):
        there.put("d/%03d" % i, b"%d" % i)
    p = scans.scan()                            # not quite the half of it
    assert p.returncode == 1 and "kept as it was" in p.stderr and scans.held("m") == before
    for i in range(1, len(before) // 2 - 2):
        os.unlink(there.path(b"d/%03d" % i))
    p = scans.scan()
    assert p.returncode == 1 and "kept as it was" in p.stderr and scans.held("m") == before
    assert "kept as it was" in scans.row("m")["why"]
    assert scans.scan("--force").returncode == 0
    assert scans.held("m") == [b"d/000"]


def test_a_loss_of_the_catalogue_is_none_of_the_mirror(scans, tree, tmp_path):
    ready(scans, tree)
    for i in range(2, 40):
        os.unlink(tree.path(b"d/%03d" % i))
    for name in ODD:
        os.unlink(tree.path(name))
    scans.import_tree(tree, "--force")
    assert scans.scan().returncode == 0
    assert scans.held("m") == [b"d/000", b"d/001", b"empty"]


def test_a_listing_of_a_stranger(scans, tree, liar):
    ready(scans, tree, 3)
    (scans.folder / "l").write_bytes(b"".join(lines(tree)) + b"".join([
        b"-rw-r--r--              5 2026/11/27 16:52:03 ../../etc/passwd\n",
        b"-rw-r--r--              5 2026/11/27 16:52:03 /etc/passwd\n",
        b"-rw-r--r--              5 2026/11/27 16:52:03 a//b\n",
        b"-rw-r--r--              5 2026/11/27 16:52:03 \n",
        b"-rw-r--r--            1,5 2026/11/27 16:52:03 d/000\n",
        b"-rw-r--r-- 99999999999999999999 2026/11/27 16:52:03 d/000\n",
        b"-rw-r--r--              5 2026/13/27 16:52:03 d/000\n",
        b"hello\n", b"\n", b"\x00\x01\n"]))
    liar(f"cat {scans.folder}/l\ncat {scans.folder}/l\nexit 0\n")       # and every name twice
    p = scans.scan()
    assert p.returncode == 0 and "20 lines not understood" in p.stdout
    assert scans.held("m") == tree.names()


def test_what_hangs_and_what_never_ends(scans, tree, liar):
    ready(scans, tree, 3)
    before = scans.held("m")
    liar("sleep 100 & sleep 100\n")
    began = time.monotonic()
    p = scans.scan("--limit", "1s")
    assert p.returncode == 1 and time.monotonic() - began < 5 and "time is over" in p.stderr
    liar("head -c 30000 /dev/zero | tr '\\0' x; sleep 100\n")
    assert "longer than any name" in scans.scan().stderr
    liar("exec yes 'drwxr-xr-x          4,096 2026/11/27 16:52:03 .'\n")
    p = scans.scan()
    assert p.returncode == 1 and "listing without end" in p.stderr
    assert scans.held("m") == before


def test_many_at_a_time(scans, tree):
    scans.import_tree(tree)
    base = scans.rsyncd(pub=tree)
    for i in range(9):
        scans.mirror(f"m{i}", f"{base}/{'pub' if i != 4 else 'absent'}/")
    scans.mirror("off", base + "/pub/", enabled="no")
    scans.mirror("head")
    p = scans.scan("--max-parallel", "3")
    assert p.returncode == 1 and "mirror m4: rsync ended with 5" in p.stderr
    assert all(scans.held(f"m{i}") == (tree.names() if i != 4 else []) for i in range(9))
    assert scans.row("off") is None and scans.row("head") is None
    p = scans.scan("off", "head", "nobody", "m1")
    assert p.returncode == 1 and p.stdout.startswith("mirror m1: 24 of 24 files")
    assert [line.split(": ")[1] for line in p.stderr.splitlines()] == \
        ["mirror off", "mirror head", "mirror nobody"]
    assert scans.scan("--max-parallel", "0").returncode == 2
    # a mirror that is no more is forgotten by the next scan of all
    del scans.mirrors[0]
    scans.write()
    assert "mirror m0: forgotten" in scans.scan().stdout and scans.row("m0") is None


def test_nobody_listens(scans, tree):
    scans.import_tree(tree)
    scans.mirror("m", "rsync://127.0.0.1:1/pub/")
    p = scans.scan()
    assert p.returncode == 1 and "rsync ended with 10" in p.stderr
    assert scans.row("m")["scanned"] == 0 and scans.row("m")["tried"] > 0


def test_wanted_by_healthd(scans, tree):
    scans.import_tree(tree)
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    assert "mirror m: 24 of" in scans.scan("--wanted").stdout       # never scanned
    assert scans.scan("--wanted").stdout == ""

    def say(state, since, weight=0, stamp=None):
        (scans.folder / "run" / "mirrors").write_text(
            f"nearcast-mirrors 1 generation=1 stamp={stamp or time.time():.3f} lease=10000\n"
            f'mirror m {state} since={since:.3f} weight={weight} samples=100 bad=6 scanned=0 '
            'reason="x"\nend 1\n')
    say("incomplete", time.time() + 1)
    assert scans.scan("--wanted").stdout == ""          # tried a moment ago
    with sqlite3.connect(scans.catalogue + ".held") as db:
        db.execute("UPDATE held SET tried = tried - 61, scanned = scanned - 61")
    say("up", time.time())
    assert scans.scan("--wanted").stdout == ""
    say("incomplete", time.time(), stamp=time.time() - 100)
    assert scans.scan("--wanted").stdout == ""          # healthd is gone: nobody's word
    say("incomplete", time.time())
    assert "mirror m: 24 of" in scans.scan("--wanted").stdout
    # a scan of a time when the clock was ahead was long ago
    with sqlite3.connect(scans.catalogue + ".held") as db:
        db.execute("UPDATE held SET tried = tried + 86400, scanned = scanned + 86400")
    assert "mirror m: 24 of" in scans.scan("--wanted").stdout
    with sqlite3.connect(scans.catalogue + ".held") as db:
        db.execute("UPDATE held SET scanned = scanned + 86400, why = 'it failed since'")
    assert "the last scan of mirror m was not taken: it failed" in scans.ctl("status").stdout


def test_a_writer_killed_in_the_middle(scans, tree):
    ready(scans, tree, 3)
    before = scans.held("m")
    kill_a_writer(scans.catalogue)
    p = scans.scan("nobody")                                # opens it, and scans nothing
    assert p.returncode == 1 and "put aside" not in p.stderr, p.stderr
    assert scans.held("m") == before and scans.row("m")["why"] == ""
    assert scans.row("mx") is None
    kill_a_writer(scans.catalogue)
    p = scans.scan()
    assert p.returncode == 0 and "mirror m: 27 of 27" in p.stdout, p.stderr
    assert not os.path.exists(scans.catalogue + ".held.broken")


def test_what_a_daemon_says_gives_no_orders_to_the_terminal(scans, tree, liar):
    ready(scans, tree, 3)
    liar(r"printf '\033]0;mine\007 \302\233 31m \377 gr\303\274n\r\n' >&2; exit 12" + "\n")
    p = scans.scan()
    said = "rsync ended with 12: ?]0;mine? ?? 31m ? gr\u00fcn?"
    assert p.returncode == 1 and said in p.stderr, p.stderr
    assert scans.row("m")["why"] == said
    assert said in scans.ctl("status").stdout


def test_a_catalogue_begun_anew_during_a_scan(scans, tree, liar, tmp_path):
    """Its ids mean other files than those that the scan has found."""
    ready(scans, tree, 3)
    (scans.folder / "l").write_bytes(b"".join(lines(tree)))
    liar(f"cat {scans.folder}/l; touch {scans.folder}/listed\n"
         f"while [ ! -e {scans.folder}/go ]; do sleep 0.02; done\n")
    p = subprocess.Popen([f"{BUILD}/nearctl", "-c", str(scans.conf), "scan"],
                         stderr=subprocess.PIPE, text=True)
    while not (scans.folder / "listed").exists():
        time.sleep(0.01)
    os.unlink(scans.catalogue)
    other = Tree(tmp_path / "other")
    for i in range(30):
        other.put(f"other-{i}")
    scans.import_tree(other)
    (scans.folder / "go").touch()
    assert p.wait() == 1 and "begun anew meanwhile" in p.stderr.read()
    assert scans.row("m") is None
    # one that was only changed meanwhile has ids that stay
    other.put("one more")
    for name in tree.names():
        other.put(name, open(tree.path(name), "rb").read(),
                  int(os.stat(tree.path(name)).st_mtime))
    scans.import_tree(other)
    assert scans.scan().returncode == 0 and scans.held("m") == tree.names()


def test_an_older_copy_of_the_catalogue_put_back(scans, tree):
    """Ids that it has not given yet, but that mirrors are known by, are given to nobody else."""
    ready(scans, tree, 3)
    shutil.copy(scans.catalogue, scans.catalogue + ".copy")
    tree.put("new")
    scans.import_tree(tree)
    assert scans.scan().returncode == 0 and b"new" in scans.held("m")
    shutil.copy(scans.catalogue + ".copy", scans.catalogue)
    os.unlink(tree.path(b"new"))
    tree.put("other")
    scans.import_tree(tree)
    assert "mirror" not in scans.ctl("catalogue", "show", "other").stdout
    assert b"other" not in scans.held("m")
    assert scans.scan().returncode == 0 and scans.held("m") == tree.names()


def test_the_catalogue_of_another_machine_put_in_place(scans, tree, tmp_path):
    """Its ids mean other files than those by which mirrors are known here."""
    ready(scans, tree, 3)
    other = Tree(tmp_path / "other")
    for i in range(40):
        other.put(f"other-{i}")
    nearctl(None, "catalogue", "import", os.fsdecode(other.folder), "--catalogue",
            tmp_path / "other.db")
    shutil.copy(tmp_path / "other.db", scans.catalogue)
    assert "mirror" not in scans.ctl("catalogue", "show", "other-1").stdout
    assert "holds 0 of 40, never scanned" in scans.ctl("status").stdout
    tree.put("other-7", b"x", int(os.stat(other.path(b"other-7")).st_mtime))
    assert scans.scan().returncode == 0 and scans.held("m") == [b"other-7"]
    assert "mirror    m" in scans.ctl("catalogue", "show", "other-7").stdout


def test_a_damaged_file_is_put_aside(scans, tree):
    ready(scans, tree, 3)
    with open(scans.catalogue + ".held", "r+b") as f:
        f.truncate(5000)
    p = scans.scan()
    assert p.returncode == 1 and ".broken" in p.stderr
    assert scans.held("m") == tree.names()
    assert scans.scan().returncode == 0


def test_a_bit_of_what_is_held_is_another(scans, tree):
    """All else is as it should be: the sum beside it tells."""
    ready(scans, tree, 5)
    with sqlite3.connect(scans.catalogue + ".held") as db:
        (ids,), = db.execute("SELECT ids FROM held")
        changed = bytes([*ids[:-1], ids[-1] ^ 1])
        db.execute("UPDATE held SET ids = ?, version = version + 1", (changed,))
    db.close()
    p = scans.scan()
    assert p.returncode == 1 and "damaged" in p.stderr and ".broken" in p.stderr, p
    assert scans.held("m") == tree.names()


def test_without_a_catalogue(scans, tree):
    scans.mirror("m", "rsync://127.0.0.1:1/pub/")
    p = scans.scan()
    assert p.returncode == 1 and "catalogue.db: No such file" in p.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
def test_a_scan_as_root_does_not_lock_the_timer_out(scans, tree):
    scans.import_tree(tree)
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    for folder in [scans.folder, *scans.folder.parents][:3]:
        os.chmod(folder, 0o755)
    for path in (scans.folder, *scans.folder.glob("catalogue.db*")):
        os.chown(path, 65534, 65534)
    assert scans.scan("m").returncode == 0
    p = subprocess.run([f"{BUILD}/nearctl", "-c", str(scans.conf), "scan"], user=65534,
                       group=65534, extra_groups=[], capture_output=True, text=True)
    assert p.returncode == 0 and "mirror m: " in p.stdout, p.stderr


def test_a_link_in_the_lock_files_place_is_refused(scans, tree):
    """The folder is the daemons' user's: root follows no link in it, and gives nothing away."""
    scans.import_tree(tree)
    scans.mirror("m", scans.rsyncd(pub=tree) + "/pub/")
    victim = scans.folder / "victim"
    victim.write_text("somebody else's")
    for suffix, words in ((".scan", ("scan", "m")), (".lock", ("catalogue", "import",
                                                                os.fsdecode(tree.folder)))):
        lock = scans.folder / ("catalogue.db" + suffix)
        lock.unlink(missing_ok=True)
        lock.symlink_to(victim)
        p = subprocess.run([f"{BUILD}/nearctl", "-c", str(scans.conf), *words],
                           capture_output=True, text=True)
        assert p.returncode != 0 and f"catalogue.db{suffix}: Too many levels" in p.stderr, p
        assert victim.read_text() == "somebody else's"
        lock.unlink()
