"""nearctl catalogue: a manifest or a tree becomes a catalogue, whole or not at all."""
import fcntl
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, nearctl
from scan_world import ODD, Scans, Tree, manifest_line

HASH = "ab" * 32


@pytest.fixture
def tree(tmp_path):
    t = Tree(tmp_path / "tree")
    for i, name in enumerate(ODD):
        t.put(name, b"%d" % i * i, 1_700_000_000 + i)
    return t


@pytest.fixture
def catalogue(tmp_path):
    def run(*words, file=tmp_path / "catalogue.db"):
        return nearctl(None, "catalogue", *words, "--catalogue", file)
    return run


def rows(tmp_path):
    with sqlite3.connect(f"file:{tmp_path}/catalogue.db?immutable=1", uri=True) as db:
        return {r[0]: r[1:] for r in
                db.execute("SELECT path, id, size, mtime, hex(sha256), hex(md5) FROM file")}


def test_a_tree_and_its_manifest_are_the_same(tmp_path, tree, catalogue):
    p = catalogue("import", os.fsdecode(tree.folder), "--md5")
    assert p.returncode == 0 and f"{len(ODD)} new" in p.stdout, p.stderr
    found = rows(tmp_path)
    assert sorted(found) == tree.names()
    for name, (number, size, mtime, sha256, md5) in found.items():
        content = open(tree.path(name), "rb").read()
        assert (size, mtime) == (len(content), int(os.stat(tree.path(name)).st_mtime))
        assert sha256.lower() == hashlib.sha256(content).hexdigest()
        assert md5.lower() == hashlib.md5(content).hexdigest()
    manifest = tmp_path / "manifest"
    manifest.write_bytes(b"".join(manifest_line(tree, n) for n in reversed(tree.names())))
    p = catalogue("import", manifest)
    assert p.returncode == 0 and "nothing to write" in p.stdout
    assert rows(tmp_path) == found


def test_ids_stay_with_their_content(tmp_path, tree, catalogue):
    catalogue("import", os.fsdecode(tree.folder))
    before = rows(tmp_path)
    tree.put(ODD[0], b"another")
    os.unlink(tree.path(ODD[1]))
    tree.put("new")
    p = catalogue("import", os.fsdecode(tree.folder))
    assert f"{len(ODD) - 2} as before, 1 new, 1 changed, 1 gone" in p.stdout
    assert "hashed 2 files of 8 octets" in p.stdout     # no more than what is not as it was
    after = rows(tmp_path)
    top = max(r[0] for r in before.values())
    assert after[ODD[0]][0] > top and after[b"new"][0] > top
    assert all(after[n] == before[n] for n in ODD[2:])
    # --all trusts no time
    path, st = tree.path(ODD[3]), os.stat(tree.path(ODD[3]))
    content = bytes(c ^ 1 for c in open(path, "rb").read())
    open(path, "wb").write(content)
    os.utime(path, (st.st_mtime, st.st_mtime))
    assert "nothing to write" in catalogue("import", os.fsdecode(tree.folder)).stdout
    assert "1 changed" in catalogue("import", os.fsdecode(tree.folder), "--all").stdout


def test_publish_sets_manifest_beside_its_tree(tmp_path, catalogue):
    tree = Tree(tmp_path / "set")
    tree.put("pool/a", b"content a")
    tree.put("b", b"content b", 1_600_000_000)
    manifest = tmp_path / "manifest"
    manifest.write_bytes(b"".join(b"%s\t%s\n" % (n, hashlib.sha256(
        open(tree.path(n), "rb").read()).hexdigest().encode()) for n in tree.names()))
    p = catalogue("import", manifest)
    assert p.returncode == 1 and "--tree DIR" in p.stderr
    p = catalogue("import", manifest, "--tree", tree.path(b"").decode(), "--pieces")
    assert p.returncode == 0, p.stderr
    assert rows(tmp_path)[b"b"][1:3] == (9, 1_600_000_000)
    shown = catalogue("show", "/pool/a").stdout
    assert "size      9\n" in shown and "pieces    1 of 1048576 octets\n" in shown
    assert hashlib.sha256(b"content a").hexdigest() in shown
    # what the tree does not have, and what it has otherwise
    manifest.write_text(f"pool/a\t{HASH}\nc\t{HASH}\n")
    p = catalogue("import", manifest, "--tree", tree.path(b"").decode(), "--md5")
    assert p.returncode == 1 and rows(tmp_path)[b"b"][1] == 9
    assert 'manifest:1: "pool/a": the tree has another content' in p.stderr
    assert 'manifest:2: "c": not in the tree: No such file' in p.stderr


def test_another_hash_for_the_same_size_and_time(tmp_path, catalogue):
    """Of a manifest and a catalogue that do not agree, the file says which is right."""
    tree, manifest = Tree(tmp_path / "set"), tmp_path / "manifest"
    path = tree.path(tree.put("a", b"first"))
    words = ("import", manifest, "--tree", tree.folder.decode())

    def line(content):
        manifest.write_text(f"a\t{hashlib.sha256(content).hexdigest()}\n")

    line(b"first")
    assert catalogue(*words).returncode == 0
    first = rows(tmp_path)[b"a"]
    line(b"other")
    for more in ([], ["--md5"], ["--pieces"], ["--all"]):
        p = catalogue(*words, *more)
        assert p.returncode == 1 and "another content (SHA-256)" in p.stderr, more
    assert rows(tmp_path)[b"a"] == first
    with open(path, "wb") as f:
        f.write(b"other")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert "1 changed" in catalogue(*words, "--md5").stdout
    now = rows(tmp_path)[b"a"]
    assert now[0] > first[0] and now[3].lower() == hashlib.sha256(b"other").hexdigest()
    assert now[4].lower() == hashlib.md5(b"other").hexdigest()
    line(b"first")
    assert catalogue(*words, "--md5").returncode == 1 and rows(tmp_path)[b"a"] == now


def test_pieces(tmp_path, catalogue):
    tree = Tree(tmp_path / "set")
    content = random.Random(1).randbytes(2_500_000)
    tree.put("three", content)
    tree.put("none", b"")
    assert catalogue("import", tree.folder.decode(), "--pieces").returncode == 0
    with sqlite3.connect(f"file:{tmp_path}/catalogue.db?immutable=1", uri=True) as db:
        (length, sha1, sha256), = db.execute("SELECT length, sha1, sha256 FROM pieces").fetchall()
    parts = [content[i:i + length] for i in range(0, len(content), length)]
    assert length == 1 << 20 and len(parts) == 3
    assert sha1 == b"".join(hashlib.sha1(p).digest() for p in parts)
    assert sha256 == b"".join(hashlib.sha256(p).digest() for p in parts)


BAD = [
    (f"a\t1\t1\t{HASH}", "cut off"),
    (f"a\t1\t{HASH}\n", '1: "a\t1\t'),
    (f"a\t-1\t1\t{HASH}\n", 'size "-1"'),
    (f"a\t9223372036854775808\t1\t{HASH}\n", 'size "9223372036854775808"'),
    (f"a\t1\t1.5\t{HASH}\n", 'time "1.5"'),
    (f"a\t1\t1\t{HASH[1:]}\n", "64 hexadecimal digits"),
    (f"a\t1\t1\t{HASH}\tab\n", 'MD5 "ab"'),
    (f"/a\t1\t1\t{HASH}\n", "begins with a slash"),
    (f"a/../b\t1\t1\t{HASH}\n", "a part that is . or .."),
    (f"a//b\t1\t1\t{HASH}\n", "nothing between two slashes"),
    (f"\t1\t1\t{HASH}\n", "a path was expected"),
    (f"a\\9\t1\t1\t{HASH}\n", "three octal digits"),
    (f"a\\000\t1\t1\t{HASH}\n", "a path with a NUL"),
    (f"b\t1\t1\t{HASH}\na\t1\t1\t{HASH}\nb\t1\t1\t{HASH}\n", '"b" is there twice (lines 1 and 3)'),
    ("x" * 5000 + f"\t1\t1\t{HASH}\n", "more than 4096 octets"),
    ("x" * 50000 + "\n", "a line of 50001 octets"),
    ("\n", "were expected"),
]


@pytest.mark.parametrize("text, said", BAD, ids=range(len(BAD)))
def test_a_mistake_changes_nothing(tmp_path, catalogue, text, said):
    manifest = tmp_path / "manifest"
    manifest.write_text(f"kept\t1\t1\t{HASH}\n")
    assert catalogue("import", manifest).returncode == 0
    stamp = os.stat(tmp_path / "catalogue.db").st_ino
    manifest.write_text(text)
    p = catalogue("import", manifest)
    assert p.returncode == 1 and said in p.stderr, p.stderr
    assert os.stat(tmp_path / "catalogue.db").st_ino == stamp
    assert not os.path.exists(tmp_path / "catalogue.db.new")


def test_a_manifest_that_cannot_be_read(tmp_path, catalogue):
    p = catalogue("import", "/proc/self/mem")
    assert p.returncode == 1 and "/proc/self/mem:1: cannot be read: Input/output" in p.stderr
    assert not os.path.exists(tmp_path / "catalogue.db")
    # a line of any length costs no memory
    p = subprocess.Popen([f"{BUILD}/nearctl", "catalogue", "import", "-", "--catalogue",
                          str(tmp_path / "catalogue.db")], stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    for _ in range(100):
        p.stdin.buffer.write(bytes(1_000_000))
    p.stdin.close()
    said = p.stderr.read()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode == 1 and "stdin:1: the last line has no end" in said, said
    assert used.ru_maxrss < 80_000                          # of a hundred million octets


def test_what_a_manifest_says_gives_no_orders_to_the_terminal(tmp_path, catalogue):
    (tmp_path / "manifest").write_bytes(b"\x1b[2J\xc2\x9b1m\xff\n")
    p = catalogue("import", tmp_path / "manifest")
    assert p.returncode == 1 and 'manifest:1: "?[2J??1m?": ' in p.stderr, p.stderr
    (tmp_path / "manifest").write_bytes(2 * (b"\xc2\x9b1m\xff\t1\t1\t%s\n" % HASH.encode()))
    p = catalogue("import", tmp_path / "manifest")
    assert r'"\302\2331m\377" is there twice' in p.stderr, p.stderr
    (tmp_path / "manifest").write_text(f"a\t1\t1\t{HASH}\n")
    assert catalogue("import", tmp_path / "manifest").returncode == 0
    assert '"?[2J" is not' in catalogue("show", "\x1b[2J").stderr


def test_all_mistakes_are_told(tmp_path, catalogue):
    manifest = tmp_path / "manifest"
    manifest.write_text("x\n" * 25)
    p = catalogue("import", manifest)
    assert p.returncode == 1 and "manifest:20: " in p.stderr
    assert "5 more mistakes" in p.stderr, p.stderr


def test_what_else_is_refused(tmp_path, tree, catalogue):
    catalogue("import", os.fsdecode(tree.folder))
    for name in ODD[:len(ODD) * 2 // 3]:
        os.unlink(tree.path(name))
    p = catalogue("import", os.fsdecode(tree.folder))
    assert p.returncode == 1 and "max-shrink" in p.stderr and len(rows(tmp_path)) == len(ODD)
    assert catalogue("import", os.fsdecode(tree.folder), "--force").returncode == 0
    p = catalogue("import", tmp_path / "nowhere")
    assert p.returncode == 1 and "nowhere: No such file" in p.stderr
    for words in (["import"], ["show"], ["stats", "x"], ["nothing"], []):
        assert catalogue(*words).returncode == 2
    assert "is not in the catalogue" in catalogue("show", "nobody").stderr
    (tmp_path / "catalogue.db").write_text("not a database, but long enough to look like one")
    p = catalogue("import", os.fsdecode(tree.folder))
    assert p.returncode == 1 and "cannot be used" in p.stderr


def test_a_file_that_changes_while_it_is_read(tmp_path, catalogue):
    tree = Tree(tmp_path / "set")
    path = tree.path(tree.put("growing", size=120_000_000))
    p = subprocess.Popen([f"{BUILD}/nearctl", "catalogue", "import", tree.folder.decode(),
                          "--catalogue", str(tmp_path / "catalogue.db")], stderr=subprocess.PIPE,
                         text=True)
    while p.poll() is None:
        with open(path, "ab") as f:
            f.write(b"x")
        time.sleep(0.002)
    assert p.returncode == 1 and "growing: it " in p.stderr.read()
    assert not os.path.exists(tmp_path / "catalogue.db")


def test_killed_at_any_moment(tmp_path, catalogue):
    """The old catalogue or the new one, each whole."""
    sizes = (20000, 30000)
    for i, n in enumerate(sizes):
        (tmp_path / f"m{i}").write_text("".join(
            f"d{j % 97}/file-{j}\t{j}\t{1_700_000_000 + i}\t{j:064x}\n" for j in range(n)))
    assert catalogue("import", tmp_path / "m0").returncode == 0
    rng, killed = random.Random(7), 0
    for i in range(16):
        p = subprocess.Popen([f"{BUILD}/nearctl", "catalogue", "import",
                              str(tmp_path / f"m{(i + 1) % 2}"), "--catalogue",
                              str(tmp_path / "catalogue.db"), "--force"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            p.wait(rng.uniform(0.001, 0.2))
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
            killed += 1
        p.wait()
        checked = catalogue("check")
        assert checked.returncode == 0, checked.stderr
        assert int(checked.stdout.split()[0]) in sizes
    assert killed > 0
    assert catalogue("import", tmp_path / "m1", "--force").returncode == 0
    left = {f for f in os.listdir(tmp_path) if f.startswith("catalogue")}
    assert left == {"catalogue.db", "catalogue.db.lock"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
def test_two_imports_at_once(tmp_path, tree, catalogue):
    """The second one would give the same ids to other files."""
    with open(tmp_path / "catalogue.db.lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        p = catalogue("import", os.fsdecode(tree.folder))
        assert p.returncode != 0 and "another import is under way" in p.stderr
        assert not os.path.exists(tmp_path / "catalogue.db")
    assert catalogue("import", os.fsdecode(tree.folder)).returncode == 0


def test_a_reader_need_not_be_able_to_write(tmp_path):
    s = Scans(tmp_path)
    tree = Tree(tmp_path / "tree")
    tree.put("a")
    s.import_tree(tree)
    s.mirror("m", s.rsyncd(pub=tree) + "/pub/")
    try:
        assert s.scan().returncode == 0
        for folder in [tmp_path, *tmp_path.parents][:3]:
            os.chmod(folder, 0o755)
        p = subprocess.run([f"{BUILD}/nearctl", "-c", str(s.conf), "catalogue", "show", "a"],
                           user=65534, group=65534, capture_output=True, text=True)
        assert p.returncode == 0 and "mirror    m\n" in p.stdout, p.stderr
        assert not os.path.exists(s.catalogue + "-wal")
    finally:
        s.close()
