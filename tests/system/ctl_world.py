"""A dnsd and a healthd of one configuration, for the tests of nearctl's commands about both."""
import os
import re
import socket
import subprocess
import time

from conftest import BUILD, Daemon, nearctl
from probe_world import Http

ZONE = "$TTL 60\n@ SOA ns admin 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.53\n"


class Pair:
    """A dnsd and a healthd of one configuration, which announces nothing."""

    def __init__(self, make, extra=""):
        self.cache = Http(address="127.1.0.3")
        self.dnsd = make(zones={"example.org": ZONE}, start=False)
        self.folder, self.conf = self.dnsd.folder, self.dnsd.argv[2]
        self.extra = extra
        self.write(0)
        self.dnsd.start()
        self.healthd = Daemon(self.folder, "healthd", "-c", self.conf)
        self.healthd.start()
        self.wait(lambda: os.path.exists(self.folder + "/run/healthd.sock"))

    def write(self, serial, extra=""):
        """Another configuration for each serial."""
        self.dnsd.write(f'''# {serial}
check "c" {{ kind = "tcp"  interval = "200ms"  timeout = "100ms" }}
site "fra" {{ location = {{ 50.1, 8.7 }} }}
here = "fra"
pool "p" {{ check = "c"
  server "f1" {{ site = "fra"  address = {{ "{self.cache.where}" }} }}
}}
{self.extra}
{extra}''')

    @staticmethod
    def wait(test, seconds=10):
        end = time.monotonic() + seconds
        while not test():
            assert time.monotonic() < end
            time.sleep(0.02)

    def ctl(self, *words):
        return nearctl(self.conf, *words)


    def start_reload(self):
        return subprocess.Popen([os.path.join(BUILD, "nearctl"), "-c", self.conf, "reload"],
                                stderr=subprocess.PIPE, text=True)

    def pids(self):
        pid = self.healthd.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]

    def stop(self):
        self.healthd.stop()


def in_force(p, daemon):
    """The digest that a daemon says it runs."""
    line = {"dnsd": b"status\n", "keeper": b"digest\n"}[daemon]
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(f"{p.folder}/run/{daemon}.sock")
        s.sendall(line)
        text = b""
        while got := s.recv(65536):
            text += got
    return re.search(r"\b[0-9a-f]{16}\b", text.decode())[0]
