"""publish-set: a tool that fails where no shell looks, folders that nobody may enter, a clock that
was set back, and a list of sites as people write it."""
import os
import re
import shutil
import signal
import subprocess

import pytest
from conftest import ROOT
from origin_world import PUBLISH, Origin, manifest_of, publish_set

LONG = os.environ.get("NEARCAST_LONG") == "1"


@pytest.fixture
def origin():
    with Origin() as o:
        yield o


def failing(o, tool, number):
    """The environment in which the tool's call of that number fails and says nothing."""
    folder = os.path.join(o.folder, "shims")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, tool)
    with open(path, "w") as f:
        f.write(f"""#!/bin/sh
i=1
until mkdir {folder}/{tool}.$i 2>/dev/null; do i=$((i + 1)); done
[ $i != {number} ] || exit 1
exec {shutil.which(tool)} "$@"
""")
    os.chmod(path, 0o755)
    return {**os.environ, "PATH": folder + ":" + os.environ["PATH"]}


@pytest.mark.parametrize("tool, calls", [("find", 11), ("sort", 13), ("cut", 17), ("awk", 12)])
def test_a_tool_that_fails_in_a_pipe(origin, tool, calls):
    """One call of it, in a publication that must choose a later time: exit 0 means that the set is
    whole and its tags are new, anything else that the one before is current."""
    o, refused = origin, 0
    for number in range(1 if LONG else 3, calls + 1, 1 if LONG else 4):
        shutil.rmtree(o.dir)
        shutil.rmtree(o.root, ignore_errors=True)
        shutil.rmtree(os.path.join(o.folder, "shims"), ignore_errors=True)
        for name in ("a", "pool/b", "pool/c"):
            o.write(name, b"1", 1600000000)
        first = o.publish()
        o.write("a", b"2", 1600000000)
        o.write("new", b"n")
        p = publish_set(o.dir, o.root, env=failing(o, tool, number))
        o.check()
        wanted = manifest_of(o.dir)[1]
        if p.returncode == 0:
            assert o.current() == wanted, (tool, number, p)
        else:
            assert p.returncode in (66, 74, 75) and p.stderr, (tool, number, p)
            assert o.current() in (first, wanted), (tool, number, p)
            refused += 1
        assert o.publish() == wanted
        o.check()
        assert os.stat(f"{o.root}/sets/{wanted}/a").st_mtime == 1600000001, (tool, number, p)
    assert refused > 0


@pytest.mark.parametrize("mode", [0o700, 0o555, 0o2777])
def test_folders_have_modes_of_their_own(origin, mode):
    """A source for its owner alone is served all the same, and whoever publishes can remove it."""
    o = origin
    o.write("pool/deep/a", b"1")
    o.write("pool/b", b"1")
    for at, _, _ in os.walk(o.folder):
        os.chown(at, 65534, 65534)
    who = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    for data in (b"1", b"2", b"3"):
        os.chmod(os.path.join(o.dir, "pool"), 0o755)
        os.chmod(o.write("pool/b", data), 0o644)
        os.chmod(os.path.join(o.dir, "pool"), mode)
        os.chmod(os.path.join(o.dir, "pool/deep"), mode)
        if mode == 0o700:
            who = {}
        p = publish_set("--keep", 1, "--keep-for", 0, o.dir, o.root, **who)
        assert p.returncode == 0, p
        for at, _, _ in os.walk(os.path.join(o.root, "sets")):
            assert os.stat(at).st_mode & 0o777 == 0o755, at
    assert o.kept() == [o.current()]


def test_a_clock_that_was_set_back(origin):
    """The order of sets is that of their publication, whatever the clock said."""
    o, order = origin, []
    for number in range(4):
        o.write("a", b"%d" % number)
        order.append(o.publish())
        for folder in ("sets", "manifests"):
            os.utime(f"{o.root}/{folder}/{order[-1]}", (4000000000 - number, 4000000000 - number))
    o.write("a", b"last")
    last = o.publish("--keep", 9)
    listed = publish_set("--list", o.root).stdout.split("\n")
    assert last in listed[0] and order[0] in listed[1]
    back = publish_set("--rollback", o.root)
    assert back.stdout.strip() == order[0], back
    for ident in o.kept():
        os.utime(f"{o.root}/sets/{ident}", (4000000000, 4000000000))
    o.write("a", b"again")
    again = o.publish("--keep", 2)                    # and what is from the future goes as well
    assert o.kept() == sorted([again, last, order[0]])


def test_the_last_line_has_no_end(origin):
    """And an editor elsewhere has written CR LF: each site hears, of the very name."""
    o = origin
    o.write("a", b"1")
    o.publish()
    with open(f"{o.root}/notify", "w") as f:
        f.write(f"# sites\r\n\r\necho $ID >{o.folder}/one\r\necho $ID >{o.folder}/two")
    o.write("a", b"2")
    ident = o.publish()
    for site in ("one", "two"):
        with open(f"{o.folder}/{site}") as f:
            assert f.read() == ident + "\n"


def test_what_notify_leaves_behind_holds_no_lock(origin):
    """A program that goes on in the background: the next publication does not wait for it."""
    o = origin
    o.write("a", b"1")
    o.publish()
    with open(f"{o.root}/notify", "w") as f:
        f.write(f"sleep 20 >/dev/null 2>&1 & echo $! >{o.folder}/pid\n")
    try:
        for content in (b"2", b"3"):
            o.write("a", content)
            p = publish_set(o.dir, o.root)
            assert p.returncode == 0, p
    finally:
        with open(f"{o.folder}/pid") as f:
            os.kill(int(f.read()), signal.SIGKILL)


def test_touched_while_it_is_published(origin):
    """What the unit runs: the path unit does not see a touch while the service runs, so that the
    service looks by itself; a refusal ends it with its exit code."""
    o = origin
    mark = f"{o.folder}/outbox.ready"
    with open(os.path.join(ROOT, "deploy/origin/nearcast-publish.service")) as f:
        line = re.search(r"^ExecStart=/bin/sh -c '((?:.|\\\n)*?)'$", f.read(), re.M)[1]
    line = line.replace("\\\n", " ").replace("$$", "$").replace("%%", "%")
    for path, by in (("/srv/outbox.ready", mark), ("/srv/outbox ", o.dir + " "),
                     ("/srv/origin", o.root), ("/usr/bin/publish-set", PUBLISH)):
        assert path in line
        line = line.replace(path, by)
    o.write("a", b"0")
    o.publish()
    o.write("a", b"1")                                # by hand, without a mark
    assert subprocess.run(["sh", "-c", line], capture_output=True, timeout=60).returncode == 0
    assert o.current() == manifest_of(o.dir)[1]
    with open(mark, "w"):
        pass
    o.write("a", b"2")
    with open(f"{o.root}/notify", "w") as f:          # meanwhile somebody adds a file
        f.write(f"[ -e {o.dir}/late ] || {{ echo l >{o.dir}/late; touch {mark}; }}\n")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    assert len(done.stdout.split()) == 2
    assert o.current() == done.stdout.split()[1] == manifest_of(o.dir)[1]
    with open(f"{o.root}/notify", "w") as f:          # a failure is seen, also the first of two
        f.write(f"[ -e {o.dir}/later ] || {{ echo l >{o.dir}/later; touch {mark}; exit 3; }}\n")
    o.write("a", b"3")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 76 and "exit 3" in done.stderr and len(done.stdout.split()) == 2
    assert o.current() == done.stdout.split()[1] == manifest_of(o.dir)[1]
    o.write(".hidden", b"")
    assert subprocess.run(["sh", "-c", line], capture_output=True, timeout=60).returncode == 65
