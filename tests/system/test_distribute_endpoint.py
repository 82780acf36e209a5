"""deploy/distribute, an endpoint's life: what healthd sees of it, a disk that others fill, a lock
that is held, machines that have one family of addresses."""
import fcntl
import os

import pytest

from cache_world import Cache, Nginx
from conftest import free_port
from distribute_world import HERE, NEEDS, PUBLISH, World, call, fill, shipped, wait_for
from origin_world import Origin

pytestmark = NEEDS
NAMED = "http://download.example.org"
CHECK = ('kind = "content"  url = "http://www.example.org/healthz"  interval = "150ms"  '
         'timeout = "140ms"  rise = 2  fall = 2  set-header = "X-Set-Id"  '
         'origin = "http://127.0.0.1:{}/_setid"')


@pytest.fixture(scope="module")
def net():
    w = World(sites=1, endpoints=2).start(endpoints=False)
    yield w
    w.close()


@pytest.fixture
def w(net):
    yield net
    for endpoint in net.all:
        net.wipe(endpoint)


class Endpoint:
    """endpoint.conf and take-release as they ship, on a port and in a folder."""

    def __init__(self, folder, url):
        self.folder, self.url = str(folder), url
        os.makedirs(self.folder)
        self.nginx = Nginx(self.folder, f"{self.folder}/nginx.conf")
        self.nginx.port = free_port()
        with open(self.nginx.conf, "w") as f:
            f.write(shipped(
                "distribute/endpoint.conf", ("user www-data", "user root"),
                ("/run/nearcast-endpoint/", f"{self.folder}/"),
                ("/srv/nearcast", f"{self.folder}/srv"),
                ("listen 80 ", f"listen 127.0.0.1:{self.nginx.port} "),
                ("listen [::]:80 ", f"listen [::1]:{self.nginx.port} ")))
        self.nginx.start()

    def take(self):
        call(f"{HERE}/take-release", "--once", "--interval", "1", "--port", free_port(), self.url,
             f"{self.folder}/srv")


def test_handed_out_when_it_holds_the_release(world, tmp_path):
    """healthd, the origin, a cache and two endpoints, all as they ship: an endpoint without the
    release is up nowhere, one with it is; after the next release the one that has that."""
    with Origin() as o:
        o.write("f", os.urandom(300_000))
        o.start()
        (tmp_path / "cache").mkdir()
        cache = Cache(str(tmp_path / "cache"), o.port)
        made = [cache.start()]
        url = f"http://127.0.0.1:{cache.port}"

        def release():
            out = call(f"{HERE}/make-release", "--download", url, "--tracker",
                       "http://127.0.0.1:1/announce", "--publish", o.root, o.dir,
                       f"{o.root}/releases").stdout.split()[-1]
            assert wait_for(lambda: out in call("curl", "-si", url + "/healthz").stdout)
            return out

        try:
            first = release()
            a, b = (Endpoint(tmp_path / name, url) for name in "ab")
            made += [a.nginx, b.nginx]
            s = world({n: ("fra", f"127.0.0.1@{e.nginx.port}") for n, e in (("a", a), ("b", b))},
                      check=CHECK.format(o.port))
            s.wait("a", "down")
            s.wait("b", "down")
            a.take()
            s.wait("a", "up", set=first)
            s.stays("b", "down", 1)
            o.write("f", os.urandom(300_000))
            second = release()
            b.take()
            s.wait("b", "up", set=second)
            s.wait("a", "stale")
            a.take()
            s.wait("a", "up", set=second)
        finally:
            for nginx in made:
                nginx.stop()


def test_disk_fills_while_pieces_come(w, tmp_path):
    """aria2 ends with 9: said, what is current stays, and it goes on when there is room again."""
    folder = w.path("s1e1", "srv")
    os.makedirs(folder)
    call("mount", "-t", "tmpfs", "-o", "size=48m,mode=755", "none", folder)
    try:
        first = call(PUBLISH, fill(tmp_path / "first", {"f": 1000}),
                     f"{folder}/release").stdout.strip()
        second = w.release(fill(tmp_path / "second", {f"d/f{n}": 2_000_000 for n in range(3)}))
        w.take("s1e1", "--download", "1M")
        w.wait_status("s1e1", r"fetching [1-9]\d?%")
        call("dd", "if=/dev/zero", f"of={folder}/other", "bs=64k", expect=1)
        w.wait_status("s1e1", r"full .*incoming: no space for .*; again in \d+ s")
        w.wait_status("s1e1", r"full .*incoming: needs \d+ octets, has \d+; again in \d+ s")
        assert w.current("s1e1") == first
        os.unlink(f"{folder}/other")
        w.stop("s1e1")                      # begins at once, and has no limit any more
        w.take("s1e1")
        w.wait_current(second, ["s1e1"])
        assert w.current("s1e1") == second
    finally:
        w.stop("s1e1")
        wait_for(lambda: not w.pids("s1e1", "aria2c"))
        call("umount", "-l", folder)


def test_back_while_the_lock_is_held(w, tmp_path):
    """A set that is kept is waited for when another publish-set is at work, not fetched again."""
    first = w.release(fill(tmp_path / "first", {"f": 3_000_000}))
    w.take("s1e1")
    w.wait_current(first, ["s1e1"])
    second = w.release(fill(tmp_path / "second", {"f": 3_000_000}))
    w.wait_current(second, ["s1e1"])
    with open(w.path("s1e1", "srv/release/.lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call(PUBLISH, "--no-notify", "--rollback", first, w.root)
        w.wait_status("s1e1", "^waiting .*another publication is running")
        assert w.kept("s1e1", first) == []
    w.wait_current(first, ["s1e1"])
    w.wait_status("s1e1", "^holding")


@pytest.mark.parametrize("family", ["4", "6"] if os.environ.get("NEARCAST_LONG") else ["6"])
def test_one_family_of_addresses(w, tmp_path, family):
    """Names that have both kinds of addresses, and a machine that has one: with IPv6 alone there
    is no tracker, and the cache is enough."""
    ns = f"/etc/netns/{w.net.ns('s1e2')}"
    os.makedirs(ns, exist_ok=True)
    with open(f"{ns}/hosts", "w") as f:
        f.write("10.77.0.1 download.example.org tracker.example.org\n"
                "fd77::1 download.example.org\n")
    gone = {"4": "fd77::12/64", "6": "10.77.0.12/24"}[family]
    w.net.ip("s1e2", f"addr del {gone} dev lan")
    try:
        tree = fill(tmp_path / "tree", {"f": 5_000_000, "d/g": 70_000})
        ident = w.make(tree, "--download", NAMED, "--tracker",
                       "http://tracker.example.org:6969/announce")
        w.publish(tree)
        w.take("s1e2", url=NAMED)
        w.wait_current(ident, ["s1e2"])
        assert w.current("s1e2") == ident
    finally:
        w.net.ip("s1e2", f"addr add {gone} dev lan")
        os.unlink(f"{ns}/hosts")
        w.stop("s1e2")
