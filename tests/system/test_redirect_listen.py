"""Where redirectd listens: a socket's path, and listeners of files alone."""
import http.client
import os
import socket
import stat
import subprocess

from conftest import BUILD, free_port
from redirect_world import World

FILES = {"pool/a.deb": b"0123456789" * 10}
MIRROR = """
mirror "no" {
	url = "http://no.example/pub/"
	location = { 60.4, 5.3 }
}
"""


def start_fails(w, conf="nearcast.conf"):
    p = subprocess.run([os.path.join(BUILD, "redirectd"), "-c", w.path(conf)],
                       capture_output=True, text=True, timeout=30)
    assert p.returncode != 0
    return p.stderr


def test_a_file_that_is_no_socket_is_never_removed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("of somebody else")
    w = World(tmp_path, FILES, MIRROR, listen=str(precious))
    assert f"listen: {precious}: exists and is not a socket" in start_fails(w)
    assert precious.read_text() == "of somebody else"


def test_a_dead_daemons_socket_makes_way_and_a_living_ones_does_not(tmp_path):
    path = str(tmp_path / "redirectd.listen")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    w = World(tmp_path, FILES, MIRROR, held={"no": "all"}, listen=path)
    with w:
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        assert w.where("/pool/a.deb") == "no.example"
        with open(w.path("nearcast.conf")) as f, open(w.path("other.conf"), "w") as other:
            other.write(f.read().replace('run-dir = "run"', 'run-dir = "other"'))
        assert "another process answers there" in start_fails(w, "other.conf")
        assert w.where("/pool/a.deb") == "no.example"
    assert not os.path.exists(path)


def test_another_listener_of_a_file_alone_takes_a_restart(tmp_path):
    first, second = free_port(), free_port()
    alone = 'one-file "netinst" {{ path = "/x.iso"; listen = "127.0.0.1@{}" }}'
    w = World(tmp_path, FILES, MIRROR, alone.format(first), held={"no": "all"})
    with w:
        assert w.ctl("reload").returncode == 0
        w.write(redirect=alone.format(second))
        p = w.ctl("reload")
        assert "restart needed: listen" in p.stdout + p.stderr


def ask(port, target="/pool/a.deb", host="localhost"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    c.request("GET", target, headers={"Host": host})
    r = c.getresponse()
    r.read()
    c.close()
    return r.status, r.getheader("Location")


def test_a_listener_whose_file_is_gone_redirects_nothing(tmp_path):
    """It follows the block of its name; without one it is 404 for everything, as the log says."""
    port, other = free_port(), free_port()
    alone = 'one-file "netinst" {{ path = "/pool/a.deb"; listen = "127.0.0.1@{}" }}'
    one = """
mirror "iso" {{
	url = "http://iso.example/{}"
	one-file = "netinst"
	country = "NO"
}}
"""
    w = World(tmp_path, FILES, MIRROR + one.format("x.iso"), alone.format(port),
              held={"no": "all"})
    with w:
        assert ask(port, "/whatever") == (302, "http://iso.example/x.iso")
        # moved, but to be had only after a restart: the old address goes on
        w.write(redirect=alone.format(other), mirrors=MIRROR + one.format("y.iso"))
        w.ctl("reload")
        assert ask(port, "/pool/a.deb") == (302, "http://iso.example/y.iso")
        assert "answers 404" not in w.daemon.log()
        w.write(redirect="", mirrors=MIRROR)
        p = w.ctl("reload")
        assert "restart needed: listen" in p.stdout + p.stderr
        for target in ("/pool/a.deb", "/", "/pool/a.deb?mirrorlist", "/pool/a.deb.meta4"):
            assert ask(port, target) == (404, None), target
        assert (f'listen "127.0.0.1@{port}": its one-file "netinst" is gone, '
                "it answers 404 until a restart") in w.daemon.log()
        assert w.where("/pool/a.deb") == "no.example"
        # and back
        w.write(redirect=alone.format(port), mirrors=MIRROR + one.format("z.iso"))
        assert w.ctl("reload").returncode == 0
        assert ask(port, "/") == (302, "http://iso.example/z.iso")


def test_a_listener_goes_by_itself_and_not_by_the_name_it_is_called(tmp_path):
    """A Host that is another block's does not count at a listener of one file."""
    port = free_port()
    w = World(tmp_path, FILES, MIRROR + """
mirror "a" { url = "http://a.example/a"; one-file = "first"; country = "NO" }
mirror "b" { url = "http://b.example/b"; one-file = "second"; country = "NO" }
""", f"""
one-file "first" {{ path = "/a"; host = {{ "a.test" }} }}
one-file "second" {{ path = "/b"; listen = "127.0.0.1@{port}" }}
""", held={"no": "all"})
    with w:
        assert ask(port, "/x", "a.test") == (302, "http://b.example/b")
        assert w.get("/x", Host="a.test").headers["location"] == "http://a.example/a"
