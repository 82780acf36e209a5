"""A BIRD socket that floods, in all the ways it may, costs healthd at most 5 % of a core."""
import os
import socket
import threading
import time

import pytest

from ctl_world import Pair

LAST = b"0000 \n"


def endless(c):
    """One reply without end."""
    c.sendall(b"1000-x\n" * 9000)


def answers(c):
    """Replies without end, read or not: each is the answer to the next command."""
    c.sendall(LAST * 10000)


def polite(c):
    """The same from one who takes the commands."""
    c.setblocking(False)
    try:
        while c.recv(65536):
            pass
    except BlockingIOError:
        pass
    c.setblocking(True)
    c.sendall(LAST * 10000)


def protocols(c):
    c.sendall(b"1002-x BGP master up 12:00:00 Established\n" * 2000 + LAST)


def blank(c):
    """No line at all."""
    c.sendall(b"x" * 65536)


def newlines(c):
    c.sendall(b"\n" * 65536)


def trickle(c):
    """Small pieces, each a turn of the loop."""
    c.sendall(b" ")


def ends(c):
    """Greets and closes: the next connection at once."""
    c.sendall(b"0001 BIRD 2.0.12 ready.\n" * 3)
    raise OSError


KINDS = [endless, answers, polite, protocols, blank, newlines, trickle, ends]


class Flood:
    def __init__(self, path, kind):
        self.kind, self.live = kind, True
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.live:
            try:
                c = self.listener.accept()[0]
            except OSError:
                return
            c.settimeout(5)
            try:
                while self.live:
                    self.kind(c)
            except OSError:
                pass
            c.close()

    def end(self):
        self.live = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_flood(tmp_path, dnsd_factory, kind):
    path = str(tmp_path / "bird.ctl")
    flood = Flood(path, kind)
    pair = Pair(dnsd_factory, f'announce {{ prefix = "127.0.0.0/24"  via = "bird-socket"  '
                f'router-id = "127.0.0.1"  bird-socket = "{path}"  '
                f'neighbor "rt" {{ address = "10.0.0.1"  as = 65100 }} }}')
    try:
        time.sleep(0.5)
        before, began = cpu_seconds(pair.healthd.process.pid), time.monotonic()
        time.sleep(2)
        used = cpu_seconds(pair.healthd.process.pid) - before
        share = used / (time.monotonic() - began)
        print(f"{kind.__name__}: {100 * share:.1f} %")
        assert share < 0.05
        with open(f"{pair.folder}/run/posture") as f:
            assert "serving" in f.read()         # it does its work meanwhile
    finally:
        flood.end()
        pair.stop()
