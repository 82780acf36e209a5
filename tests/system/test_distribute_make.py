"""make-release: what a torrent, a metalink and an announcement hold, and what is refused."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as xml

import pytest

from distribute_world import DOWNLOAD, HERE, NEEDS, PUBLISH, TRACKER, call, fill, set_id
from origin_world import manifest_of

pytestmark = NEEDS
MAKE = os.path.join(HERE, "make-release")
NAMES = ("--download", DOWNLOAD, "--tracker", TRACKER)
TREE = {"a/b/big": 3_000_000, "empty": 0, "odd+~@:,=-_.name": 100, "z/-dash": 1_048_576, "y": 1}


def make(*words, expect=0, **options):
    return call(MAKE, *words, expect=expect, **options)


def decoded(octets, at=0):
    """A bencoded value and where it ends; the info dictionary's own octets as "raw info"."""
    kind = octets[at:at + 1]
    if kind == b"i":
        end = octets.index(b"e", at)
        return int(octets[at + 1:end]), end + 1
    if kind in b"ld":
        at, found = at + 1, []
        starts = []
        while octets[at:at + 1] != b"e":
            starts.append(at)
            value, at = decoded(octets, at)
            found.append(value)
        if kind == b"l":
            return found, at + 1
        pairs = dict(zip(found[::2], found[1::2]))
        if b"info" in pairs:
            n = found.index(b"info") + 1
            end = starts[n + 1] if n + 1 < len(starts) else at
            pairs["raw info"] = octets[starts[n]:end]
        return pairs, at + 1
    colon = octets.index(b":", at)
    end = colon + 1 + int(octets[at:colon])
    return octets[colon + 1:end], end


def read(path):
    with open(path, "rb") as f:
        return f.read()


def fields(path):
    return dict(line.split(" ", 1) for line in read(path).decode().splitlines())


def test_files(tmp_path):
    """The torrent is v1 of exactly the set's files; the rest says the same of them."""
    tree, out = fill(tmp_path / "tree", TREE), tmp_path / "out"
    ident = make(*NAMES, "--url", "http://a.example/x/", "--url", "http://b.example", tree,
                 out).stdout.strip()
    assert ident == set_id(tree)
    octets = read(out / f"{ident}.torrent")
    torrent, end = decoded(octets)
    assert end == len(octets)
    info = torrent[b"info"]
    assert torrent[b"announce"].decode() == TRACKER
    assert torrent[b"url-list"].decode() == DOWNLOAD + "/sets/"
    assert info[b"name"].decode() == ident and b"private" not in info
    held = [("/".join(p.decode() for p in f[b"path"]), f[b"length"]) for f in info[b"files"]]
    assert dict(held) == TREE
    content = b"".join(read(os.path.join(tree, name)) for name, _ in held)
    size = info[b"piece length"]
    pieces = b"".join(hashlib.sha1(content[n:n + size]).digest()
                      for n in range(0, len(content), size))
    assert info[b"pieces"] == pieces

    release = fields(out / f"{ident}.release")
    infohash = hashlib.sha1(torrent["raw info"]).hexdigest()
    assert release["infohash"] == infohash and read(out / "white").decode() == infohash + "\n"
    assert release["octets"] == str(sum(TREE.values())) and release["files"] == str(len(TREE))
    assert release["torrent"] == hashlib.sha256(octets).hexdigest()

    lines = read(out / f"{ident}.files").decode()
    assert release["list"] == hashlib.sha256(lines.encode()).hexdigest()
    rows = [line.split("\t") for line in lines.splitlines()]
    assert "".join(f"{p}\t{h}\n" for p, _, _, h in rows) == manifest_of(tree)[0].decode()
    for path, length, mtime, _ in rows:
        stat = os.stat(os.path.join(tree, path))
        assert (int(length), int(mtime)) == (stat.st_size, int(stat.st_mtime))


def test_metalink(tmp_path):
    """Digests of files and pieces, and every source with the same priority."""
    tree, out = fill(tmp_path / "tree", TREE), tmp_path / "out"
    ident = make(*NAMES, "--url", "http://a.example/x/", "--url", "http://b.example", tree,
                 out).stdout.strip()
    space = {"m": "urn:ietf:params:xml:ns:metalink"}
    found = xml.parse(out / f"{ident}.meta4").getroot().findall("m:file", space)
    assert {f.get("name"): int(f.find("m:size", space).text) for f in found} == TREE
    for f in found:
        name = f.get("name")
        content = read(os.path.join(tree, name))
        assert f.find("m:hash", space).text == hashlib.sha256(content).hexdigest()
        wanted = [hashlib.sha256(content[n:n + 1048576]).hexdigest()
                  for n in range(0, len(content), 1048576)]
        pieces = f.find("m:pieces", space)
        if len(content) > 1048576:
            assert (pieces.get("type"), pieces.get("length")) == ("sha-256", "1048576")
            assert [h.text for h in pieces] == wanted
        else:
            assert pieces is None
        urls = f.findall("m:url", space)
        assert [u.text for u in urls] == [f"http://a.example/x/sets/{ident}/{name}",
                                          f"http://b.example/sets/{ident}/{name}"]
        assert {u.get("priority") for u in urls} == {"1"}


def test_again(tmp_path):
    """The same files give the same octets, from a directory, a kept set, or one file."""
    tree, out, root = fill(tmp_path / "tree", TREE), tmp_path / "out", tmp_path / "root"
    ident = make(*NAMES, tree, out).stdout.strip()
    first = {name: read(out / name) for name in os.listdir(out)}
    make(*NAMES, tree, out)
    assert {name: read(out / name) for name in os.listdir(out)} == first
    call(PUBLISH, tree, root)
    make(*NAMES, "--set", root / "current", tmp_path / "of-set")
    for kind in ("torrent", "meta4", "release", "files"):
        assert read(tmp_path / "of-set" / f"{ident}.{kind}") == first[f"{ident}.{kind}"], kind
    one = make(*NAMES, os.path.join(tree, "a/b/big"), out).stdout.strip()
    fill(tmp_path / "one", {})
    os.makedirs(tmp_path / "one")
    os.link(os.path.join(tree, "a/b/big"), tmp_path / "one" / "big")
    assert one == set_id(tmp_path / "one")
    assert decoded(read(out / f"{one}.torrent"))[0][b"info"][b"files"] == [
        {b"length": 3_000_000, b"path": [b"big"]}]


def test_publish(tmp_path):
    """--publish: the announcement appears with the set, and has the times that the set got."""
    tree, root = fill(tmp_path / "tree", {"f": 100}), tmp_path / "root"
    os.mkdir(root)
    make(*NAMES, "--publish", "root", "tree", "root/releases", cwd=tmp_path)
    with open(os.path.join(tree, "f"), "r+b") as f:
        f.write(os.urandom(50))
    os.utime(os.path.join(tree, "f"), (1_500_000_000, 1_500_000_000))
    make(*NAMES, "--publish", root, tree, root / "releases")
    os.utime(os.path.join(tree, "f"), (1_600_000_000, 1_600_000_000))
    fill(tree, {"f": 100})
    os.utime(os.path.join(tree, "f"), (1_500_000_000, 1_500_000_000))
    ident = make(*NAMES, "--publish", root, tree, root / "releases").stdout.strip()
    assert os.readlink(root / "current") == f"sets/{ident}"
    mtime = int(os.stat(root / "current" / "f").st_mtime)
    assert mtime > 1_500_000_000            # (name, size, time) was another content's
    assert read(root / "releases" / f"{ident}.files").decode().split("\t")[2] == str(mtime)


def test_the_announcement_comes_last(tmp_path):
    """What it announces is there, and on the disk, before anybody can read of it."""
    tree, log = fill(tmp_path / "tree", {"f": 100}), tmp_path / "log"
    for tool in ("mv", "sync"):
        path = tmp_path / "bin" / tool
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{tool} $*" >>{log}\nexec {shutil.which(tool)} "$@"\n')
        path.chmod(0o755)
    ident = make(*NAMES, tree, tmp_path / "out", env={
        **os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}).stdout.strip()
    steps = [[os.path.basename(w) for w in line.split() if not w.startswith("-")]
             for line in log.read_text().splitlines()]
    assert sorted(steps[0][1:]) == ["files", "meta4", "release", "torrent"]
    assert steps[0][0] == "sync"
    moved = [step[2] for step in steps if step[0] == "mv"]
    assert moved[3:] == [f"{ident}.release", "white"], steps
    assert steps[-1] == ["sync", "out"]


def test_a_root_that_is_named_from_here(tmp_path):
    """Every path may be relative, and FILE a link: it is published under the name given."""
    fill(tmp_path, {"tree/f": 100, "one": 200})
    os.symlink("one", tmp_path / "latest.iso")
    os.mkdir(tmp_path / "origin")
    for words, held in (("tree", {"f"}), ("latest.iso", {"latest.iso"}), ("./one", {"one"})):
        p = make(*NAMES, "--publish", "origin", words, "origin/releases", cwd=tmp_path)
        assert os.readlink(tmp_path / "origin/current") == "sets/" + p.stdout.split()[-1]
        assert set(os.listdir(tmp_path / "origin/current")) == held


def test_a_file_that_is_named_as_a_standard_stream(tmp_path):
    """`-` is a file as any other, whatever is on the standard input."""
    tree, root = fill(tmp_path / "tree", {"-": 100, "d/-": 3}), tmp_path / "root"
    os.mkdir(root)
    ident = make(*NAMES, "--publish", root, tree, root / "releases").stdout.strip()
    assert ident == set_id(tree) == os.path.basename(os.readlink(root / "current"))
    rows = [row.split("\t") for row in
            read(root / "releases" / f"{ident}.files").decode().splitlines()]
    assert [row[:2] for row in rows] == [["-", "100"], ["d/-", "3"]]


def test_times_of_an_origin_whose_clock_is_ahead(tmp_path):
    """An endpoint gives its files the origin's times, also if those are yet to come here: what
    all endpoints of a name give out has one ETag."""
    tree, out = fill(tmp_path / "tree", {"f": 100}), tmp_path / "out"
    ahead = int(time.time()) + 600
    os.utime(os.path.join(tree, "f"), (ahead, ahead))
    ident = make(*NAMES, tree, out).stdout.strip()
    come, root = tmp_path / "come", tmp_path / "root"
    os.mkdir(come)
    os.rename(tree, come / ident)
    os.utime(come / ident / "f")
    os.rename(out / f"{ident}.files", come / f"{ident}.files")
    call(os.path.join(HERE, "install-release"),
         env={**os.environ, "RELEASE_ID": ident, "RELEASE_INCOMING": str(come),
              "RELEASE_ROOT": str(root), "RELEASE_PUBLISH": PUBLISH})
    assert int(os.stat(root / "current" / "f").st_mtime) == ahead


@pytest.mark.parametrize("ident, words", [
    ("../../x", ("gid", "1", "p")), ("a" * 31 + "G", ()), ("", ("gid", "1", "p")),
    ("a" * 32, ("gid",)), ("a" * 32, ("gid", "1", "p", "more"))])
def test_install_is_called_oddly(tmp_path, ident, words):
    """By aria2 with three words or by take-release with none, for a set's id: else nothing."""
    os.makedirs(tmp_path / "come")
    p = call(os.path.join(HERE, "install-release"), *words, expect=64,
             env={**os.environ, "RELEASE_ID": ident, "RELEASE_INCOMING": str(tmp_path / "come"),
                  "RELEASE_ROOT": str(tmp_path / "root"), "RELEASE_PUBLISH": PUBLISH})
    assert "usage: " in p.stderr or "no set's id" in p.stderr
    assert os.listdir(tmp_path) == ["come"] and os.listdir(tmp_path / "come") == []


def test_older_release_later(tmp_path):
    """A release of a set that is kept, made after the newer one's: what is current stays so."""
    tree, root = fill(tmp_path / "tree", {"f": 10}), tmp_path / "root"
    os.mkdir(root)
    older = call(PUBLISH, tree, root).stdout.strip()
    fill(tree, {"f": 20})
    newer = make(*NAMES, "--publish", root, tree, root / "releases").stdout.strip()
    make(*NAMES, "--set", root / "sets" / older, root / "releases")
    assert os.readlink(root / "current") == f"sets/{newer}"
    assert len(read(root / "releases" / "white").split()) == 2


def test_keep(tmp_path):
    """Old releases go whole, and from the trackers' list."""
    out, made = tmp_path / "out", []
    for n in range(4):
        tree = fill(tmp_path / f"tree{n}", {"f": 1000})
        made.append(make(*NAMES, "--keep", "2", tree, out).stdout.strip())
        os.utime(out / f"{made[-1]}.release", (1_700_000_000 + n,) * 2)
    held = {name.split(".")[0] for name in os.listdir(out) if name[0] not in ".w"}
    assert held == set(made[-2:])
    assert read(out / "white").decode().split() == sorted(
        fields(out / f"{ident}.release")["infohash"] for ident in made[-2:])


def bad_trees(tmp_path):
    def tree(name):
        return fill(tmp_path / name, {"good": 10})

    def put(name, path, what):
        what(os.path.join(tree(name), path))
        return tmp_path / name, path

    yield put("blank", "two words", lambda p: open(p, "w").close())
    yield put("newline", "two\nlines", lambda p: open(p, "w").close())
    yield put("byte", "b\udcff", lambda p: open(os.fsencode(p), "w").close())
    yield put("dot", ".hidden", lambda p: open(p, "w").close())
    yield put("folder", "a folder", os.mkdir)
    yield put("link", "link", lambda p: os.symlink("good", p))
    yield put("fifo", "fifo", os.mkfifo)


def test_refused_trees(tmp_path):
    """Names that would need quoting, and what is no plain file: 65, and nothing is written."""
    out = tmp_path / "out"
    for tree, name in bad_trees(tmp_path):
        p = make(*NAMES, tree, out, expect=65)
        shown = {"two\nlines": "two\nlines", "b\udcff": "bM-^?"}.get(name, name)
        assert f"{shown}: neither a plain file nor a name" in p.stderr, p.stderr
        assert os.listdir(out) == [".lock"]
    os.mkdir(tmp_path / "nothing")
    assert "holds no octet" in make(*NAMES, tmp_path / "nothing", out, expect=65).stderr
    assert "holds no octet" in make(*NAMES, fill(tmp_path / "e", {"f": 0}), out, expect=65).stderr
    assert "no such" in make(*NAMES, tmp_path / "absent", out, expect=66).stderr
    # as long as a cache takes it, and one more; and one that a cache answers itself
    deep = "/".join(["x" * 245] * 4)
    make(*NAMES, fill(tmp_path / "fits", {deep + "yy": 1, "sets.d/sets": 1}), tmp_path / "other")
    for name in (deep + "yyz", "healthz", "sets/f"):
        p = make(*NAMES, fill(tmp_path / name[-5:].replace("/", "-"), {name: 1}), out, expect=65)
        assert name[:60].split("/f")[0] + ": longer than 985" in p.stderr
    one = fill(tmp_path / "single", {"a b": 5})
    assert "a b" in make(*NAMES, os.path.join(one, "a b"), out, expect=65).stderr


@pytest.mark.parametrize("words, said", [
    ((), "usage"),
    (NAMES, "usage"),
    ((*NAMES, "TREE"), "usage"),
    (("--download", DOWNLOAD, "TREE", "OUT"), "usage"),
    ((*NAMES, "--fast", "TREE", "OUT"), "usage"),
    (("--download", "ftp://x/", "--tracker", TRACKER, "TREE", "OUT"), "ftp://x/: not a URL"),
    (("--download", "http://x/?a=b", "--tracker", TRACKER, "TREE", "OUT"), "not a URL"),
    ((*NAMES, "--url", "http://a b/", "TREE", "OUT"), "http://a b/: not a URL"),
    ((*NAMES, "--piece", "9", "TREE", "OUT"), "--piece 9: not from 15 to 26"),
    ((*NAMES, "--piece", "x", "TREE", "OUT"), "--piece x: not a number"),
    ((*NAMES, "--keep", "0", "TREE", "OUT"), "--keep 0: not from 1"),
    ((*NAMES, "TREE", "TREE/out"), "lies within"),
    ((*NAMES, "TREE", "TREE"), "lies within"),
    ((*NAMES, "--set", "--publish", "R", "TREE", "OUT"), "not published again"),
])
def test_usage(tmp_path, words, said):
    tree = fill(tmp_path / "tree", {"f": 10})
    words = [w.replace("TREE", tree).replace("OUT", str(tmp_path / "out")) for w in words]
    assert said in make(*words, expect=64).stderr


def test_set_that_is_none(tmp_path):
    """--set believes a manifest, but not one that has another id or names other files."""
    tree, root, out = fill(tmp_path / "tree", {"f": 10, "g": 10}), tmp_path / "root", tmp_path / "o"
    ident = call(PUBLISH, tree, root).stdout.split()[-1]
    assert "no such manifest" in make(*NAMES, "--set", tree, out, expect=66).stderr
    os.unlink(root / "sets" / ident / "g")
    assert "has other files than" in make(*NAMES, "--set", root / "sets" / ident, out,
                                          expect=65).stderr
    with open(root / "manifests" / ident, "w") as f:
        f.write(f"f\t{'0' * 64}\n")
    assert "its manifest has the id" in make(*NAMES, "--set", root / "sets" / ident, out,
                                             expect=65).stderr


def test_changed_while_read(tmp_path):
    """75, and no torrent of half of it."""
    tree, out = fill(tmp_path / "tree", {"f": 10}), tmp_path / "out"
    os.mkdir(tmp_path / "bin")
    real = subprocess.run(["which", "mktorrent"], capture_output=True, text=True).stdout.strip()
    with open(tmp_path / "bin" / "mktorrent", "w") as f:
        f.write(f'#!/bin/sh\necho more >> {tree}/f\nexec {real} "$@"\n')
    os.chmod(tmp_path / "bin" / "mktorrent", 0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    p = make(*NAMES, tree, out, expect=75, env={**os.environ, "PATH": path})
    assert "changed while it was read" in p.stderr and os.listdir(out) == [".lock"]


def test_two_at_once(tmp_path):
    tree, out = fill(tmp_path / "tree", {"f": 10}), tmp_path / "out"
    os.mkdir(out)
    with open(out / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another make-release" in make(*NAMES, tree, out, expect=75).stderr
    make(*NAMES, tree, out)


def test_aria2_reads_it(tmp_path):
    """The info-hash is what aria2 computes."""
    out = tmp_path / "out"
    ident = make(*NAMES, fill(tmp_path / "tree", TREE), out).stdout.strip()
    shown = call("aria2c", "-S", out / f"{ident}.torrent").stdout
    assert re.search(r"Info Hash: (\w+)", shown)[1] == fields(out / f"{ident}.release")["infohash"]
