"""publish-set: what is published is whole, named by its content, and told apart by nginx's ETag;
whatever is wrong with the directory, the origin's disk or the moment changes nothing."""
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import ROOT
from origin_world import PUBLISH, Origin, manifest_of, publish_set

LONG = os.environ.get("NEARCAST_LONG") == "1"


@pytest.fixture
def origin():
    with Origin() as o:
        yield o


@pytest.fixture
def published(origin):
    """Three files, published once."""
    for name in ("a", "pool/b.deb", "pool/x/-rf"):
        origin.write(name, name.encode(), mtime=1600000000)
    origin.first = origin.publish()
    return origin


def snapshot(root):
    """Every name below root with what it is; the lock and the age of sets apart."""
    found = {}
    for at, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(at, name)
            st = os.lstat(path)
            found[os.path.relpath(path, root)] = os.readlink(path) if os.path.islink(path) else \
                (st.st_ino, st.st_size, st.st_mode)
    return found


def tag(o, ident, name):
    """nginx's ETag is these two."""
    st = os.stat(os.path.join(o.root, "sets", ident, name))
    return int(st.st_mtime), st.st_size


# ---- what is right

def test_id_manifest_and_tree(published):
    o = published
    text, ident = manifest_of(o.dir)
    assert ident == o.first == o.current()
    with open(os.path.join(o.root, "manifests", ident), "rb") as f:
        assert f.read() == text
    assert tag(o, ident, "a") == (1600000000, 1)
    st = os.stat(os.path.join(o.root, "sets", ident, "a"))
    assert st.st_mode & 0o777 == 0o444 and st.st_nlink == 1
    assert not os.path.exists(os.path.join(o.root, ".work"))


def test_again_is_nothing(published):
    o = published
    before = snapshot(o.root)
    p = publish_set(o.dir, o.root)
    assert (p.returncode, p.stdout) == (0, o.first + "\n")
    assert f"{o.first} is current already" in p.stderr
    assert snapshot(o.root) == before


def test_what_is_the_same_is_linked_and_keeps_its_tag(published):
    o = published
    o.write("a", b"other")
    os.utime(os.path.join(o.dir, "pool/b.deb"), (1700000000, 1700000000))	# the time alone
    second = o.publish()
    for name in ("pool/b.deb", "pool/x/-rf"):
        assert os.path.samefile(*(os.path.join(o.root, "sets", i, name)
                                  for i in (o.first, second)))
    assert tag(o, second, "pool/b.deb") == (1600000000, 10)
    o.check()


def test_every_name_that_is_allowed(origin):
    for name in ("A-Z_0.9+~@:,=-/a", "-", "--", "a/-x", "~", "=", "x" * 255, "a/b/c/d/e/f/g"):
        origin.write(name, b"x")
    ident = origin.publish()
    assert ident == manifest_of(origin.dir)[1]
    origin.check()


def test_hard_links_holes_modes_and_empty_folders(origin):
    o = origin
    path = o.write("one", b"same")
    os.link(path, os.path.join(o.dir, "two"))
    os.chmod(path, 0o600)
    os.makedirs(os.path.join(o.dir, "empty", "folder"))
    o.write("none", b"")
    with open(os.path.join(o.dir, "hole"), "wb") as f:
        f.truncate(64 << 20)
    ident = o.publish()
    st = [os.stat(os.path.join(o.root, "sets", ident, n)) for n in ("one", "two", "hole")]
    assert st[0].st_ino != st[1].st_ino != os.stat(path).st_ino
    assert st[0].st_mode & 0o777 == 0o444
    assert st[2].st_blocks * 512 < 1 << 20 < st[2].st_size
    assert not os.path.exists(os.path.join(o.root, "sets", ident, "empty"))
    o.check()


def test_the_source_is_never_written(published):
    o = published
    os.chmod(os.path.join(o.dir, "pool/b.deb"), 0o604)
    before = snapshot(o.dir)
    for i, options in enumerate(([], ["--link"], ["--expect"])):
        o.write("new", b"%d" % i, mtime=1500000000)
        path = os.path.join(o.dir, "new")
        before = snapshot(o.dir)
        o.publish(*options, *([manifest_of(o.dir)[1]] if options == ["--expect"] else []))
        assert snapshot(o.dir) == before and os.stat(path).st_mtime == 1500000000
    o.check()


def test_link_takes_no_room_unless_it_must(published):
    o = published
    new = o.write("new", b"new", mtime=1650000000)
    hidden = o.write("hidden", b"for me alone")
    os.chmod(hidden, 0o600)
    o.write("a", b"z", mtime=1600000000)		# this time was used
    ident = o.publish("--link")
    there = os.path.join(o.root, "sets", ident)
    assert os.path.samefile(new, os.path.join(there, "new"))
    assert os.stat(os.path.join(there, "hidden")).st_mode & 0o777 == 0o444
    assert tag(o, ident, "a") == (1600000001, 1)
    assert os.stat(os.path.join(o.dir, "a")).st_mtime == 1600000000
    os.unlink(new)					# whoever seeds it may go
    o.check()


# ---- one name, time and size never mean two contents

def test_same_size_and_time_twice(published):
    o = published
    seen = {tag(o, o.first, "a")}
    for content in b"bcdefg":
        o.write("a", bytes([content]), mtime=1600000000 + content % 3 / 4)
        seen.add(tag(o, o.publish("--keep", 1, "--keep-for", 0), "a"))
    assert len(seen) == 7 and len(o.kept()) == 1
    o.write("a", b"a", mtime=1600000000)		# what comes back has its own tag again
    assert tag(o, o.publish(), "a") == (1600000000, 1)
    o.check()


def test_a_file_that_is_named_as_a_standard_stream(origin):
    """`-` is a file as any other: its own octets, its own time, also a later one."""
    o = origin
    when = 1_500_000_000
    o.write("-", b"one", when)
    one = o.publish()
    o.write("-", b"two", when)
    two = o.publish("--keep", "1", "--keep-for", "0")
    assert one != two == manifest_of(o.dir)[1]
    path = os.path.join(o.root, "current", "-")
    with open(path, "rb") as f:
        assert f.read() == b"two"
    assert os.stat(path).st_mtime == when + 1
    with open(os.path.join(o.root, "tags", one)) as f:
        assert f.read().split("\t")[:3] == ["-", "3", str(when)]


@pytest.mark.parametrize("mtime, expected", [
    (-86400, 0), (0, 0), (1600000000.9, 1600000000), (2 ** 33, None)])
def test_odd_times(origin, mtime, expected):
    origin.write("a", b"a", mtime=mtime)
    began = int(time.time())
    found, _ = tag(origin, origin.publish(), "a")
    assert found == expected if expected is not None else began <= found <= time.time()


def test_times_of_another_origin(origin):
    """Whose clock is ahead: its files keep their times and so their tags, and what has to be told
    apart still is."""
    ahead = int(time.time()) + 4000
    origin.write("a", b"a", mtime=ahead)
    origin.write("old", b"a", mtime=-5)
    assert tag(origin, origin.publish("--trust-times"), "a")[0] == ahead
    origin.write("a", b"b", mtime=ahead)
    ident = origin.publish("--trust-times")
    assert tag(origin, ident, "a")[0] == ahead + 1 and tag(origin, ident, "old")[0] == 0


def test_equal_tags_are_equal_contents(origin):
    """Over random publications, rollbacks and sets that were dropped meanwhile: a name and a tag
    meant one content for ever; and among the sets that are kept one content has one tag."""
    o, rng, meant = origin, random.Random(7), {}
    names = [f"f{i}" for i in range(6)]
    times = [1600000000, 1600000000.5, 1600000001, 1600000002]
    for step in range(200 if LONG else 15):
        for name in rng.sample(names, rng.randrange(1, 4)):
            o.write(name, rng.choice([b"a", b"b", b"c", b"d", b"ee", b"ff"]), rng.choice(times))
        if rng.random() < 0.15 and step > 3:
            publish_set("--rollback", o.root)
        o.publish("--keep", rng.randrange(1, 4), "--keep-for", 0)
        content_tags = {}
        for ident in o.kept():
            for name in os.listdir(os.path.join(o.root, "sets", ident)):
                with open(os.path.join(o.root, "sets", ident, name), "rb") as f:
                    content = f.read()
                found = tag(o, ident, name)
                assert meant.setdefault((name, found), content) == content, (step, name)
                assert content_tags.setdefault((name, content), found) == found, (step, name)
    o.check()


# ---- what is refused

def make_link(o):
    os.symlink("/etc/passwd", os.path.join(o.dir, "link"))


def make_fifo(o):
    os.mkfifo(os.path.join(o.dir, "fifo"))


def make_socket(o):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(o.dir, "sock"))


def make_device(o):
    try:
        os.mknod(os.path.join(o.dir, "null"), 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("may make no device")


def make_folder_link(o):
    os.symlink("pool", os.path.join(o.dir, "pool2"))


def named(name):
    def make(o):
        path = os.path.join(os.fsencode(o.dir), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass
    return make


@pytest.mark.parametrize("make, word", [
    (make_link, "./link"), (make_folder_link, "./pool2"), (make_fifo, "./fifo"),
    (make_socket, "./sock"), (make_device, "./null"),
    (named(b".hidden"), "./.hidden"), (named(b".git/config"), "./.git"),
    (named(b"pool/..x"), "./pool/..x"), (named(b"with space"), "./with\\ space"),
    (named(b"new\nline"), "./new\\nline"), (named(b"tab\tb"), "./tab\\tb"),
    (named(b"\xff\xfe"), "./\\377\\376"), (named("ä".encode()), "./\\303\\244"),
    (named(b"back\\slash"), "./back\\\\slash"), (named(b"a%2fb"), "./a%2fb"),
    (named(b"a?b"), "./a?b"), (named(b"a;b"), "./a;b"), (named(b"$(id)"), "./$(id)"),
    (named(b"\x1b[31m"), "./\\033[31m"), (named(b"a b/c"), "./a\\ b"),
])
def test_names_and_kinds_that_no_set_may_have(published, make, word):
    o = published
    make(o)
    before = snapshot(o.root)
    p = publish_set(o.dir, o.root)
    assert p.returncode == 65 and p.stdout == ""
    assert f"publish-set: {o.dir}: {word}: not a plain file with a name of" in p.stderr
    assert snapshot(o.root) == before
    fresh = os.path.join(o.folder, "fresh")
    assert publish_set(o.dir, fresh).returncode == 65 and not os.path.exists(fresh)


@pytest.mark.parametrize("name", ["healthz", "sets", "sets/x", "manifests/a", "releases/white",
                                  "_setid", "healthz/x/y"])
def test_names_that_caches_and_origin_answer_themselves(published, name):
    o = published
    before = snapshot(o.root)
    path = o.write(name, b"x")
    p = publish_set(o.dir, o.root)
    assert p.returncode == 65 and p.stdout == ""
    assert f"publish-set: {o.dir}: {name.split('/')[0]}: the caches or" in p.stderr
    assert snapshot(o.root) == before
    os.rename(path, os.path.join(o.dir, "kept"))
    if "/" in name:
        os.removedirs(os.path.dirname(path))
    for near in ("pool/" + name, "healthz2", "setss/x", "Sets/x"):      # these are any file's
        o.write(near, b"x")
    o.publish()


def test_lengths_of_names(origin):
    """The longest name that is taken is one that a cache looks for, in a pinned set too."""
    o = origin
    parts = "p" * 255 + "/" + "q" * 255 + "/" + "r" * 255 + "/"
    longest = parts + "s" * (985 - len(parts))
    o.write(longest, b"x")
    target = f"/sets/{o.publish()}/{longest}"
    with open(os.path.join(ROOT, "deploy", "cache", "nginx.conf")) as f:
        pinned = re.search(r'location ~ "(\^\S+/sets/\S+)" {', f.read())[1]
    pinned = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", pinned)
    assert re.match(pinned, target) and not re.match(pinned, target + "t")
    before = snapshot(o.root)
    o.write(longest + "t", b"x")
    p = publish_set(o.dir, o.root)
    assert p.returncode == 65 and "ppp...: longer than 985 characters" in p.stderr
    assert snapshot(o.root) == before
    # so deep that no program can say its whole name
    shutil.rmtree(os.path.join(o.dir, "p" * 255))
    o.write("a", b"x")
    deep = os.open(o.dir, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=deep)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(os.open("\n", os.O_WRONLY | os.O_CREAT, dir_fd=deep))
    os.close(deep)
    p = publish_set(o.dir, o.root)
    assert p.returncode == 65 and "ddd...: longer than" in p.stderr
    assert snapshot(o.root) == before


@pytest.mark.parametrize("words, code, message", [
    (["{dir}/none", "{root}"], 66, "no such directory"),
    (["{dir}/a", "{root}"], 66, "no such directory"),
    (["{folder}/empty", "{root}"], 65, "has no file"),
    (["{folder}/zeros", "{root}"], 65, "holds no octet"),
    (["{root}", "{root}"], 64, "lies in"),
    (["{root}/sets/{first}", "{root}"], 64, "lies in"),
    (["{dir}", "{dir}/pool/root"], 64, "lies in"),
    (["{folder}", "{root}"], 64, "lies in"),
    (["{dir}", "{folder}/no/such/root"], 73, "cannot be made"),
    (["{dir}", "{dir}/a/root"], 73, "cannot be made"),
    (["{dir}"], 64, "publish-set ["), ([], 64, "publish-set ["),
    (["{dir}", "{root}", "3"], 64, "publish-set ["), (["--what", "{dir}", "{root}"], 64, "--what"),
    (["--keep", "0", "{dir}", "{root}"], 64, "0"), (["--keep", "x", "{dir}", "{root}"], 64, "x"),
    (["--keep-for", "-1", "{dir}", "{root}"], 64, "-1"), (["--keep"], 64, "--keep"),
    (["--expect", "xyz", "{dir}", "{root}"], 64, "xyz"),
    (["--expect", "0" * 32, "{dir}", "{root}"], 65, "not what was announced, " + "0" * 32),
    (["--rollback", "{root}"], 65, "no set older than"),
    (["--rollback", "f" * 32, "{root}"], 65, "no set ffff"),
    (["--rollback", "../x", "{root}"], 65, "no set's ID"),
    (["--remove", "{first}", "{root}"], 65, "is current"),
    (["--remove", "{root}"], 64, "publish-set ["), (["--list", "{dir}"], 66, "holds no sets"),
    (["--list", "{folder}/none"], 66, "holds no sets"), (["{dir}", "/"], 64, "/"),
])
def test_wrong_words(published, words, code, message):
    o = published
    os.mkdir(os.path.join(o.folder, "empty"))
    os.mkdir(os.path.join(o.folder, "zeros"))
    open(os.path.join(o.folder, "zeros", "f"), "w").close()
    before = snapshot(o.folder)
    p = publish_set(*(w.format(dir=o.dir, root=o.root, folder=o.folder, first=o.first)
                      for w in words))
    assert p.returncode == code and message in p.stderr and p.stdout == "", p
    assert snapshot(o.folder) == before


@pytest.mark.skipif(os.getuid() != 0, reason="whoever is not root reads all of its own")
@pytest.mark.parametrize("what", ["a", "pool"])
def test_what_cannot_be_read(published, what):
    o = published
    for at, folders, names in os.walk(o.folder):
        for name in folders + names:
            os.lchown(os.path.join(at, name), 65534, 65534)
    os.chown(o.folder, 65534, 65534)
    os.chmod(os.path.join(o.dir, what), 0)
    before = snapshot(o.root)
    p = publish_set(o.dir, o.root, user=65534, group=65534, extra_groups=[])
    assert p.returncode == 66 and what in p.stderr and "cannot be read" in p.stderr, p
    assert snapshot(o.root) == before


# ---- a bad moment

def shim(o, tool, text):
    """A tool of the script's that does something else first, once."""
    folder = os.path.join(o.folder, "shims")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, tool)
    real = shutil.which(tool)
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\nif mkdir {folder}/{tool}.done 2>/dev/null; then\n{text}\nfi\n"
                f'exec {real} "$@"\n')
    os.chmod(path, 0o755)
    return {**os.environ, "PATH": folder + ":" + os.environ["PATH"]}


@pytest.mark.parametrize("change", [
    "echo longer >>{dir}/new", "printf N >{dir}/new", "rm {dir}/new", "mv {dir}/pool {dir}/pool9",
    "rm {dir}/new; ln -s /etc/passwd {dir}/new", "rm {dir}/new; mkdir {dir}/new",
    "rm {dir}/new; mkfifo {dir}/new",
])
def test_source_that_changes_while_it_is_read(published, change):
    o = published
    o.write("new", b"n")
    o.write("pool/b.deb", b"changed too")
    before = snapshot(o.root)
    p = publish_set(o.dir, o.root, env=shim(o, "cp", change.format(dir=o.dir)))
    assert p.returncode == 75 and "changed while it was read" in p.stderr, p
    assert snapshot(o.root) == before
    p = publish_set(o.dir, o.root)			# or is refused, as it is now
    assert p.returncode in (0, 65)
    o.check()


def test_one_at_a_time(published):
    o = published
    o.write("a", b"b")
    with open(os.path.join(o.root, ".lock")) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        for words in ([o.dir], ["--rollback"], ["--remove", o.first]):
            p = publish_set(*words, o.root)
            assert p.returncode == 75 and "another publication is running" in p.stderr
        assert publish_set("--list", o.root).returncode == 0	# to look is always allowed
    assert publish_set(o.dir, o.root).returncode == 0


def test_no_room(published):
    """ROOT's file system is full: nothing is switched, and what was half written is gone."""
    o = published
    small = os.path.join(o.folder, "small")
    os.mkdir(small)
    big = os.path.join(o.folder, "big")
    os.mkdir(big)
    with open(os.path.join(big, "a"), "wb") as f:
        f.write(os.urandom(3 << 20))
    p = subprocess.run(
        ["unshare", "-rm", "sh", "-c",
         f"mount -t tmpfs -o size=2m none {small} || exit 99; "
         f"{PUBLISH} {o.dir} {small}/root; {PUBLISH} {big} {small}/root; echo $?; "
         f"ls -A {small}/root {small}/root/sets; readlink {small}/root/current; "
         f"dd if=/dev/zero of={small}/fill bs=1k 2>/dev/null; "
         f"echo zz >{o.dir}/a; {PUBLISH} {o.dir} {small}/root; echo $?; "
         f"rm {small}/fill; {PUBLISH} {o.dir} {small}/root; echo $?; "
         f"{PUBLISH} --verify {small}/root"], capture_output=True, text=True)
    if p.returncode == 99:
        pytest.skip("may mount nothing")
    out = p.stdout.split()
    second = manifest_of(o.dir)[1]
    assert out == [o.first, "74", f"{small}/root:", ".lock", "current", "manifests", "sets", "tags",
                   f"{small}/root/sets:", o.first, f"sets/{o.first}", "74", second, "0",
                   second, "true", o.first, "true"], p
    assert "No space left on device" in p.stderr


def test_killed_at_any_moment(origin):
    """The current set is whole after each kill, of the script alone or with its children, and the
    next run clears what was left."""
    o, rng = origin, random.Random(11)
    for i in range(40):
        o.write(f"p{i % 5}/f{i}", rng.randbytes(2000))
    o.publish()
    began = time.monotonic()
    o.write("p0/f0", b"first")
    o.publish()
    usual = time.monotonic() - began
    killed = finished = 0
    while killed < (100 if LONG else 25):
        before = o.current()
        for i in rng.sample(range(40), 5):
            o.write(f"p{i % 5}/f{i}", rng.randbytes(2000), rng.choice([None, 1600000000]))
        run = subprocess.Popen([PUBLISH, "--keep", "2", "--keep-for", "0", o.dir, o.root],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
        try:
            run.wait(rng.random() * usual * 1.1)
            finished += run.returncode == 0
            assert run.returncode in (0, 75)	# a killed run's children hold the lock
        except subprocess.TimeoutExpired:
            killed += 1
            (os.killpg if rng.random() < 0.5 else os.kill)(run.pid, signal.SIGKILL)
            run.wait()
        text, found = manifest_of(os.path.join(o.root, "sets", o.current()))
        assert found == o.current() and found in (before, manifest_of(o.dir)[1])
        with open(os.path.join(o.root, "manifests", found), "rb") as f:
            assert f.read() == text
    end = time.monotonic() + 20			# children of a killed run hold the lock
    while (p := publish_set("--keep", 2, "--keep-for", 0, o.dir, o.root)).returncode == 75:
        assert time.monotonic() < end
    assert p.returncode == 0 and o.current() == manifest_of(o.dir)[1]
    o.check()
    assert len(o.kept()) == 2 and set(os.listdir(o.root)) == {
        ".lock", "current", "manifests", "sets", "tags"}
    assert sorted(os.listdir(os.path.join(o.root, "manifests"))) == o.kept()
    print(f"killed {killed} times, finished {finished} times")


def test_current_is_there_all_the_time(published):
    """Whatever program runs, before it and after it."""
    o = published
    log = os.path.join(o.folder, "gone")
    for tool in ("mv", "ln", "rm", "touch", "sync"):
        env = watched(o, tool, f'[ -d {o.root}/current/ ] || echo "{tool} $*" >>{log}')
    for content in (b"1", b"2", b"1"):
        o.write("new", content)
        p = publish_set("--keep", "1", "--keep-for", "0", o.dir, o.root, env=env)
        assert p.returncode == 0, p
    assert not os.path.exists(log), open(log).read()


def test_leftovers_of_a_killed_run(published):
    o = published
    for path in ("sets/.new/pool/x", "sets/.old-" + "1" * 32, "sets/.damaged", ".work"):
        os.makedirs(os.path.join(o.root, path))
    for path in ("manifests/.new", "tags/.new", "manifests/" + "2" * 32, ".work/want"):
        with open(os.path.join(o.root, path), "w") as f:
            f.write("junk")
    os.symlink("sets/none", os.path.join(o.root, ".current"))
    os.makedirs(os.path.join(o.root, "sets", "by-hand"))	# somebody's own stays
    o.write("a", b"2")
    second = o.publish()
    assert o.kept() == sorted([o.first, second, "by-hand"])
    assert sorted(os.listdir(os.path.join(o.root, "manifests"))) == sorted([o.first, second])
    assert set(os.listdir(o.root)) == {".lock", "current", "manifests", "sets", "tags"}


# ---- what a loss of power leaves

def watched(o, tool, text):
    """A tool of the script's that does something else first, each time."""
    folder = os.path.join(o.folder, "watched")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, tool), "w") as f:
        f.write(f'#!/bin/sh\n{text}\nexec {shutil.which(tool)} "$@"\n')
    os.chmod(os.path.join(folder, tool), 0o755)
    return {**os.environ, "PATH": folder + ":" + os.environ["PATH"]}


@pytest.mark.parametrize("options", [(), ("--link",)])
def test_on_the_disk_before_the_switch(published, options):
    """Each new file, each folder and the manifest are synced while the old set is current, the
    names they get then too, and the link's folder last; what others wrote is waited for by none."""
    o = published
    o.write("new/file", b"1")
    o.write("old", b"2", mtime=1600000000)
    log = os.path.join(o.folder, "synced")
    p = publish_set(*options, o.dir, o.root, env=watched(o, "sync", f"""
        [ "$1" != -- ] || shift
        for f; do
            echo $(readlink {o.root}/current) $(realpath "$f")
        done >>{log}"""))
    assert p.returncode == 0, p
    with open(log) as f:
        synced = [line.split() for line in f]
    new = [os.path.relpath(path, o.root) for set_, path in synced if set_ == f"sets/{o.first}"]
    assert synced[len(new):] == [[f"sets/{o.current()}", os.path.realpath(o.root)]]
    assert new[-2:] == ["manifests", "sets"]
    assert sorted(new[:-2]) == [
        "manifests/.new", "sets/.new", "sets/.new/new", "sets/.new/new/file", "sets/.new/old",
        "sets/.new/pool", "sets/.new/pool/x"]


def test_the_disk_says_no(published):
    """An error of the disk that only sync sees: 74, and nothing is switched."""
    o = published
    o.write("new", b"1")
    before = snapshot(o.root)
    p = publish_set(o.dir, o.root, env=watched(o, "sync", "exit 1"))
    assert p.returncode == 74 and "cannot be written to the disk" in p.stderr, p
    assert snapshot(o.root) == before


def test_a_link_is_hashed_once_unless_it_changed(published):
    """The file that was hashed is linked; one that was written to meanwhile is no such file."""
    o = published
    o.write("new", b"n", mtime=1600000000)
    log = os.path.join(o.folder, "hashed")
    env = watched(o, "openssl", f'echo "$@" >>{log}')
    assert publish_set("--link", o.dir, o.root, env=env).returncode == 0
    with open(log) as f:
        assert f.read().split().count("./new") == 1
    o.write("new", b"m")				# too young for its time to be believed
    os.unlink(log)
    assert publish_set("--link", o.dir, o.root, env=env).returncode == 0
    with open(log) as f:
        assert f.read().split().count("./new") == 2
    path = o.write("new", b"o", mtime=1600000000)
    before = o.current()
    p = publish_set("--link", o.dir, o.root, env=shim(o, "cp", f"printf p >{path}"))
    assert p.returncode == 75 and "changed while it was read" in p.stderr, p
    assert o.current() == before


# ---- what was kept

def test_how_many_are_kept_and_for_how_long(published):
    o = published
    idents = [o.first]
    for i in range(5):
        o.write("a", b"%d" % i)
        idents.append(o.publish())
    assert o.kept() == sorted(idents)			# all were current a moment ago
    o.write("a", b"x")
    idents.append(o.publish("--keep-for", 0))
    assert o.kept() == sorted(idents[-3:])		# three, when nothing else is said
    for ident in idents[-3:-1]:
        os.utime(os.path.join(o.root, "sets", ident), (time.time() - 700, time.time() - 700))
    o.publish("--keep", 1)				# nothing new, but less is to be kept
    assert o.kept() == [idents[-1]]
    assert sorted(os.listdir(os.path.join(o.root, "manifests"))) == o.kept()


def test_one_step_back_and_another(published):
    o = published
    idents = [o.first]
    for content in b"23":
        o.write("a", bytes([content]))
        idents.append(o.publish())
    for expected in (idents[1], idents[0]):
        p = publish_set("--rollback", o.root)
        assert (p.returncode, p.stdout) == (0, expected + "\n") and o.current() == expected
    assert publish_set("--rollback", o.root).returncode == 65	# there is none older
    assert publish_set("--rollback", idents[2][:6], o.root).returncode == 0
    assert o.current() == idents[2]
    publish_set("--rollback", o.root)
    lines = publish_set("--list", o.root).stdout.splitlines()
    assert [line[:34] for line in lines] == [f"  {idents[2]}", f"* {idents[1]}", f"  {idents[0]}"]
    assert all(re.fullmatch(r"[* ] [0-9a-f]{32} published \S+Z 3 files", line) for line in lines)
    assert o.publish() == idents[2] == o.current()	# as it was published before
    o.write("a", b"4")
    os.utime(os.path.join(o.root, "sets", idents[0]), (1, 1))
    publish_set("--rollback", idents[0], o.root)
    o.write("a", b"5")
    last = o.publish("--keep", 1)
    assert idents[0] in o.kept() and o.current() == last	# it was current until just now


def test_a_kept_set_that_is_not_whole_does_not_become_current(published):
    o = published
    o.write("a", b"2")
    second = o.publish()
    os.unlink(os.path.join(o.root, "sets", o.first, "pool/b.deb"))
    p = publish_set("--rollback", o.root)
    assert p.returncode == 65 and "does not hold the names of its manifest" in p.stderr
    assert o.current() == second
    p = publish_set("--verify", o.root)
    assert p.returncode == 65 and "pool/b.deb" in p.stderr and f"{second} true" in p.stdout
    o.write("a", b"a", mtime=1600000000)
    p = publish_set(o.dir, o.root)			# but may be published again
    assert p.returncode == 0 and "made again" in p.stderr and o.current() == o.first
    o.check()
    assert publish_set("--remove", second[:8], o.root).returncode == 0
    assert o.kept() == [o.first]


def test_a_kept_file_that_was_damaged_is_not_handed_on(published):
    o = published
    path = os.path.join(o.root, "sets", o.first, "pool/b.deb")
    times = os.stat(path).st_mtime
    os.chmod(path, 0o644)
    with open(path, "wb") as f:
        f.write(b"pool/b.deX")
    os.utime(path, (times, times))
    o.write("a", b"2")
    p = publish_set(o.dir, o.root)
    assert p.returncode == 0 and "pool/b.deb: the kept file is not what its manifest" in p.stderr
    with open(os.path.join(o.root, "current", "pool/b.deb"), "rb") as f:
        assert f.read() == b"pool/b.deb"
    assert tag(o, o.current(), "pool/b.deb") != tag(o, o.first, "pool/b.deb")


def test_a_kept_set_with_a_damaged_file_is_made_again(published):
    """It is hashed before it becomes current once more: its names alone say nothing."""
    o = published
    o.write("more", b"2")
    o.publish()
    path = os.path.join(o.root, "sets", o.first, "pool/b.deb")
    os.unlink(path)
    with open(path, "wb") as f:
        f.write(b"pool/b.deX")
    os.unlink(os.path.join(o.dir, "more"))
    p = publish_set(o.dir, o.root)
    assert p.returncode == 0 and o.current() == o.first
    assert "not what its manifest says, made again" in p.stderr
    with open(os.path.join(o.root, "current", "pool/b.deb"), "rb") as f:
        assert f.read() == b"pool/b.deb"


def test_what_is_current_is_never_the_old_one_that_goes(published):
    """After a step back the current set is not the one that was published last."""
    o = published
    o.write("more", b"2")
    o.publish()
    assert publish_set("--rollback", o.root).returncode == 0 and o.current() == o.first
    os.unlink(os.path.join(o.dir, "more"))
    for ident in o.kept():
        os.utime(os.path.join(o.root, "sets", ident), (1, 1))
    assert publish_set("--keep", "1", "--keep-for", "0", o.dir, o.root).returncode == 0
    assert o.current() == o.first and os.path.exists(os.path.join(o.root, "current/pool/b.deb"))


def test_current_that_is_no_link_or_leads_nowhere(published):
    o = published
    link = os.path.join(o.root, "current")
    os.unlink(link)
    os.symlink("sets/" + "3" * 32, link)
    o.write("a", b"2")
    second = o.publish()
    assert o.current() == second
    os.unlink(link)
    os.mkdir(link)
    o.write("a", b"3")
    p = publish_set(o.dir, o.root)
    assert p.returncode == 65 and f"{link}: not a link to sets/ID" in p.stderr
