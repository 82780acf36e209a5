"""deploy/distribute when something is not as it should be: what was current stays current, and
what is wrong is said.

NEARCAST_LONG=1 kills fifty times instead of eight.
"""
import glob
import hashlib
import os
import random
import signal
import time

import pytest

from distribute_world import DOWNLOAD, HERE, NEEDS, World, call, fill, set_id, shipped, wait_for

pytestmark = NEEDS
LONG = bool(os.environ.get("NEARCAST_LONG"))
TAKE = os.path.join(HERE, "take-release")


@pytest.fixture(scope="module")
def net():
    """Three sites of two endpoints each, on which nothing runs yet."""
    w = World(sites=3, endpoints=2).start(endpoints=False)
    yield w
    w.close()


@pytest.fixture
def w(net):
    yield net
    for endpoint in net.all:
        net.wipe(endpoint)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def spoil(w, site):
    """Seven octets of one file in the site's cache become others."""
    for path in glob.glob(w.path(site, "obj/*/*/*")):
        if os.path.getsize(path) > 900_000:
            with open(path, "r+b") as f:
                f.seek(500_000)
                f.write(b"CORRUPT")
            return
    raise AssertionError("nothing in the cache")


def test_corrupt_cache(w, tmp_path):
    """Its endpoints never install and say why; the other site's do; and so do its own when the
    cache gives out the right octets again."""
    tree = fill(tmp_path / "tree", {"f": 6_000_000, "g": 100})
    ident = w.publish(tree)
    assert w.get("s1", f"{DOWNLOAD}/sets/{ident}/f")[0] == 200
    spoil(w, "s1")
    w.make(tree)
    for endpoint in ("s1e1", "s1e2", "s2e1"):
        w.take(endpoint)
    w.wait_current(ident, ["s2e1"])
    for endpoint in ("s1e1", "s1e2"):
        w.wait_status(endpoint, "^spoiled .* no piece as announced: corrupt at", 45)
        assert w.current(endpoint) is None
    w.stop("s1e1")
    w.fresh_cache("s1")
    w.take("s1e1")
    w.wait_current(ident, ["s1e1"])
    assert w.current("s1e1") == ident


def test_one_source_each(w, tmp_path):
    """Without the tracker the cache alone is enough; without the web seed, the neighbour."""
    tree = fill(tmp_path / "tree", {"f": 5_000_000, "d/g": 70_000})
    w.net.stop("s2", "tracker")
    ident = w.release(tree)
    w.take("s1e1")
    w.take("s2e1")
    w.wait_current(ident, ["s1e1", "s2e1"])
    w.tracker("s2")

    w.net.stop("s1", "nginx")               # in its place one that says what is current, no more
    try:
        w.nginx("s1", NO_SEED.format(d=w.path("s1"), root=w.root, ident=ident))
        w.take("s1e2")
        w.wait_current(ident, ["s1e2"])
        assert w.current("s1e2") == ident
        with open(w.path("s1", "refused.log")) as f:
            assert "/sets/" in f.read()
    finally:
        w.fresh_cache("s1")


NO_SEED = """
user root; pid {d}/pid; error_log {d}/error.log; events {{ }}
http {{ access_log off; server {{ listen 10.77.0.1:80;
  location = /healthz {{ add_header X-Set-Id {ident}; return 204; }}
  location /releases/ {{ root {root}; }}
  location / {{ access_log {d}/refused.log; return 503; }} }} }}
"""


SEEDER = """
import libtorrent as lt, time
s = lt.session({{"listen_interfaces": "10.77.0.12:6881", "enable_dht": False,
                 "disable_hash_checks": True}})
p = lt.add_torrent_params()
p.ti = lt.torrent_info("{papers}.torrent")
p.save_path = "{folder}"
p.flags = lt.torrent_flags.seed_mode | lt.torrent_flags.upload_mode
h = s.add_torrent(p)
while True:
    time.sleep(0.5)
    h.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)
    print(h.status().current_tracker, "sent", h.status().total_payload_upload, flush=True)
"""


def test_neighbour_that_gives_bad_pieces(w, tmp_path):
    """A program that calls itself an endpoint and sends other octets costs some, and no more."""
    tree = fill(tmp_path / "tree", {"f": 5_000_000})
    ident = w.make(tree)
    os.makedirs(tmp_path / "bad" / ident)
    fill(tmp_path / "bad" / ident, {"f": 5_000_000})
    (tmp_path / "seeder.py").write_text(
        SEEDER.format(papers=f"{w.root}/releases/{ident}", folder=tmp_path / "bad"))
    w.net.start("s1e2", "bad", "/usr/bin/python3", str(tmp_path / "seeder.py"))
    try:
        assert wait_for(lambda: "/announce" in w.net.log("s1e2", "bad"), 20)
        w.publish(tree)
        w.take("s1e1", "--download", "1M")
        w.wait_current(ident, ["s1e1"])
        assert w.current("s1e1") == ident
        sent = int(w.net.log("s1e2", "bad").split()[-1])
        assert sent > 500_000, "it was not asked"
    finally:
        w.net.stop("s1e2", "bad")


def test_origin_away_in_the_middle(w, tmp_path):
    """The origin ends while a release comes: the endpoint goes on when it is back, from where it
    was; and one that is restarted meanwhile does so too."""
    tree = fill(tmp_path / "tree", {f"f{n}": 1_500_000 for n in range(16)})
    before = w.sent()
    ident = w.release(tree)
    for endpoint in ("s1e1", "s2e1"):
        w.take(endpoint, "--download", "1M")
    for endpoint in ("s1e1", "s2e1"):
        w.wait_status(endpoint, r"fetching [1-9]\d?%")
    w.net.stop("o", "nginx")
    try:
        for endpoint in ("s1e1", "s2e1"):   # on without a limit, with what the cache has
            w.killed(endpoint)
        time.sleep(3)
        assert w.named("s1e1") is None and w.named("s2e1") is None
    finally:
        w.origin()                          # the tests that follow need it
    w.wait_current(ident, ["s1e1", "s2e1"], 60)
    copies = (w.sent() - before) / 24_000_000
    print(f"{copies:.3f} copies")
    assert copies < 2.15


def test_disk_full(w, tmp_path):
    """Too small a disk: said with figures before a piece is fetched, and the old set stays."""
    folder = w.path("s1e1", "srv")
    os.makedirs(folder)
    call("mount", "-t", "tmpfs", "-o", "size=40m,mode=755", "none", folder)
    try:
        first = w.release(fill(tmp_path / "first", {"f": 1_000_000}))
        w.take("s1e1")
        w.wait_current(first, ["s1e1"])
        second = w.release(fill(tmp_path / "second", {"f": 40_000_000}))
        w.wait_status("s1e1", r"full .*incoming: needs \d+ octets, has \d+; again in")
        assert w.current("s1e1") == first
        call("mount", "-o", "remount,size=200m", folder)
        w.wait_current(second, ["s1e1"])
    finally:
        w.stop("s1e1")
        time.sleep(0.5)
        call("umount", "-l", folder)


def test_bad_papers(w, tmp_path):
    """A torrent that is cut short, a list of other files, or files that are not what the id says:
    nothing is switched, and the reason is in the status."""
    first = w.release(fill(tmp_path / "first", {"f": 100_000}))
    w.take("s1e1")
    w.wait_current(first, ["s1e1"])
    tree = fill(tmp_path / "tree", {"f": 2_000_000})
    ident = w.make(tree)
    papers = f"{w.root}/releases/{ident}"
    with open(papers + ".torrent", "rb") as f:
        torrent = f.read()
    with open(papers + ".torrent", "wb") as f:
        f.write(torrent[:len(torrent) // 2])
    w.publish(tree)
    w.wait_status("s1e1", r"waiting .*\.torrent: truncated or changed")
    assert w.current("s1e1") == first

    # a list that is not the manifest of the id, announced as if it were right
    with open(papers + ".torrent", "wb") as f:
        f.write(torrent)
    with open(papers + ".files") as f:
        listed = f.read()
    with open(papers + ".release") as f:
        release = f.read()
    false = listed[:-2] + ("0" if listed[-2] != "0" else "1") + "\n"
    with open(papers + ".files", "w") as f:
        f.write(false)
    with open(papers + ".release", "w") as f:
        f.write(release.replace(sha256(listed), sha256(false)))
    w.wait_status("s1e1", r"refused .*\.files: not the manifest of")
    assert w.current("s1e1") == first
    with open(papers + ".files", "w") as f:
        f.write(listed)
    with open(papers + ".release", "w") as f:
        f.write(release)

    # the torrent of other files under this name, announced as if it were right
    other = fill(tmp_path / "other", {"f": 2_000_000})
    w.make(other)
    false = f"{w.root}/releases/{set_id(other)}"
    with open(false + ".torrent", "rb") as f:
        torrent = f.read().replace(set_id(other).encode(), ident.encode())
    os.makedirs(f"{w.root}/sets", exist_ok=True)
    with open(papers + ".torrent", "wb") as f:
        f.write(torrent)
    digest = call("sha256sum", papers + ".torrent").stdout.split()[0]
    with open(papers + ".release") as f:
        lines = [f"torrent {digest}\n" if line.startswith("torrent ") else line for line in f]
    with open(papers + ".release", "w") as f:
        f.writelines(lines)
    os.rename(f"{w.root}/sets/{ident}/f", f"{w.root}/sets/{ident}/g")
    call("cp", f"{other}/f", f"{w.root}/sets/{ident}/f")
    w.fresh_cache("s1")
    w.wait_status("s1e1", "refused .*not what was announced", 30)
    assert w.current("s1e1") == first
    assert not os.path.exists(w.path("s1e1", f"srv/incoming/{ident}"))
    # and not fetched over and over
    times = w.net.log("s1e1", "take").count(": fetching")
    time.sleep(3)
    assert w.net.log("s1e1", "take").count(": fetching") == times

    os.rename(f"{w.root}/sets/{ident}/g", f"{w.root}/sets/{ident}/f")
    w.fresh_cache("s1")
    w.make(tree)                            # the right one after all
    w.wait_current(ident, ["s1e1"])


def test_overtaken(w, tmp_path):
    """A release that is announced while another comes: the other is left, and swept away."""
    w.take("s1e1", "--download", "300K")        # for more than a minute
    slow = w.release(fill(tmp_path / "slow", {"f": 20_000_000}))
    w.wait_status("s1e1", "^fetching")
    quick = w.release(fill(tmp_path / "quick", {"f": 300_000}))
    w.wait_current(quick, ["s1e1"], seconds=12)      # before --stall would end it
    assert w.current("s1e1") == quick
    assert w.kept("s1e1", slow) == []


def test_killed(w, tmp_path):
    """aria2, the hook and take-release killed at any moment: current is always whole."""
    rng = random.Random(7)
    # the release of another test may still be announced, and would come first
    previous, killed = w.release(fill(tmp_path / "first", {"f": 1000})), {}
    w.take("s1e1")
    w.wait_current(previous, ["s1e1"])
    for n in range(50 if LONG else 8):
        tree = fill(tmp_path / f"t{n % 2}", {f"d/f{m}": 300_000 for m in range(20)})
        ident = w.release(tree)
        target = ("aria2c", "install-release", "take-release", "publish-set")[n % 4]
        victims = wait_for(lambda: w.pids("s1e1", target), 4, 0.01)
        time.sleep(rng.random() * (1 if target == "take-release" else 0.2))
        for pid in victims or ():
            try:
                os.kill(pid, signal.SIGKILL)
                killed[target] = killed.get(target, 0) + 1
            except ProcessLookupError:
                pass
        if target == "take-release":
            w.killed("s1e1")
        assert w.current("s1e1") in (previous, ident)
        w.wait_current(ident, ["s1e1"])
        previous = w.current("s1e1")
        assert previous == ident
    print(killed)
    assert len(killed) == 4 and sum(killed.values()) >= (40 if LONG else 5)


def test_once(w, tmp_path):
    """--once: the announced release and no more; its exit says what became of it."""
    folder = w.path("s1e1", "srv")
    ident = w.release(fill(tmp_path / "tree", {"f": 500_000}))
    p = w.net.call("s1e1", TAKE, "--once", "--interval", "1", DOWNLOAD, folder)
    assert p.returncode == 0, p.stderr
    assert w.current("s1e1") == ident
    assert w.net.call("s1e1", TAKE, "--once", DOWNLOAD, folder).returncode == 0
    assert w.pids("s1e1", "aria2c") == []
    w.take("s1e1")
    wait_for(lambda: w.pids("s1e1", "take-release"))
    time.sleep(0.5)
    p = w.net.call("s1e1", TAKE, "--once", DOWNLOAD, folder)
    assert p.returncode == 75 and "another take-release is at work" in p.stderr


@pytest.mark.parametrize("words, said", [
    ((), "usage"), (("http://x",), "usage"), (("--fast", "http://x", "D"), "usage"),
    (("ftp://x", "D"), "ftp://x: not a URL"),
    (("--seed", "ever", "http://x", "D"), "--seed ever: not a number"),
    (("--stall", "1", "http://x", "D"), "--stall 1: not from 12 to 86400"),
    (("--upload", "fast", "http://x", "D"), "--upload fast: not a rate"),
    (("--port", "0", "http://x", "D"), "--port 0: not from 1"),
    (("--keep",), "usage"),
])
def test_take_usage(tmp_path, words, said):
    p = call(TAKE, *(w.replace("D", str(tmp_path / "d")) if w == "D" else w for w in words),
             expect=64)
    assert said in p.stderr


def test_tracker(w, tmp_path):
    """It serves what make-release wrote and nothing else, follows without a restart, and keeps
    the last list when what comes is nonsense."""
    def answer(infohash):
        quoted = "".join(f"%{infohash[n:n + 2]}" for n in range(0, 40, 2))
        return w.net.call(
            "s3e1", "sh", "-c", f"curl -s 'http://10.77.0.1:6969/announce?info_hash={quoted}"
            "&peer_id=-AA0000-123456789012&port=6881&left=0&uploaded=0&downloaded=0' |"
            " tr -cd '[:print:]'").stdout

    def infohash(ident):
        with open(f"{w.root}/releases/{ident}.release") as f:
            return dict(line.split() for line in f)["infohash"]

    first = infohash(w.make(fill(tmp_path / "first", {"f": 10})))
    wait_for(lambda: "complete" in answer(first))
    assert "complete" in answer(first) and "not authorized" in answer("ab" * 20)
    pid = w.pids("s3", "opentracker")
    second = infohash(w.make(fill(tmp_path / "second", {"f": 10})))
    assert wait_for(lambda: "complete" in answer(second))
    white = f"{w.root}/releases/white"
    with open(white) as f:
        good = f.read()
    for nonsense, said in (("", "nothing"), ("<html>no</html>\n", "<html>"), (good + "zz\n", "zz")):
        with open(white + ".new", "w") as f:
            f.write(nonsense)
        os.rename(white + ".new", white)
        assert wait_for(lambda: f"not an info-hash: {said}" in w.net.log("s3", "tracker"))
        assert "complete" in answer(first)
    assert w.pids("s3", "opentracker") == pid
    with open(white + ".new", "w") as f:
        f.write(good)
    os.rename(white + ".new", white)


@pytest.mark.parametrize("conf, code, said", [
    (None, 66, "cannot be read"),
    ("access.whitelist white\n", 65, "tracker.rootdir is missing"),
    ("tracker.rootdir /none\naccess.whitelist white\n", 65, "/none: no such directory"),
    ("tracker.rootdir /tmp\naccess.whitelist /etc/white\n", 65, "/etc/white: not a name in /tmp"),
])
def test_tracker_conf(tmp_path, conf, code, said):
    if conf:
        (tmp_path / "conf").write_text(conf)
    p = call(os.path.join(HERE, "run-tracker"), "http://127.0.0.1:1", tmp_path / "conf",
             expect=code)
    assert said in p.stderr


def test_shipped_settings():
    """release.conf is what the unit reads, and its options are take-release's."""
    text = shipped("distribute/release.conf")
    options = [line for line in text.splitlines() if line.startswith("OPTIONS=")][0].split("=")[1]
    p = call(TAKE, *options.split(), "ftp://no", "/none", expect=64)
    assert "ftp://no: not a URL" in p.stderr
