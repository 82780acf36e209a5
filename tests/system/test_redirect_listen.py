"""Where redirectd listens: a socket's path, and listeners of files alone."""
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
