"""Two network namespaces joined by a veth pair, and running commands in them.  The names
carry this process's number; everything is removed at the end, also after a failure."""
import os
import subprocess
import sys

SERVER, CLIENT = "10.9.0.1", "10.9.0.2"
CLIENTS = ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5"]
SPREAD = "10.64.0.0/16"    # source addresses of the row "sources"


def ip(*args):
    subprocess.run(["ip", *args], check=True, capture_output=True)


class Loopback:
    """The host's own loopback: no namespaces."""
    server, clients, spread, name = "127.0.0.1", ["127.0.0.1", "127.0.0.2"], "127.64.0.0/16", \
        "loopback"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def in_server(self, command):
        return command

    def in_client(self, command):
        return command


class Veth:
    server, clients, spread, name = SERVER, CLIENTS, SPREAD, "veth"

    def __init__(self):
        self.s, self.c = f"nc{os.getpid()}-s", f"nc{os.getpid()}-c"

    def __enter__(self):
        try:
            for ns in (self.s, self.c):
                ip("netns", "add", ns)
                ip("-n", ns, "link", "set", "lo", "up")
            ip("link", "add", "veth0", "netns", self.s, "type", "veth", "peer", "name", "veth0",
               "netns", self.c)
            ip("-n", self.s, "addr", "add", SERVER + "/24", "dev", "veth0")
            for address in CLIENTS:
                ip("-n", self.c, "addr", "add", address + "/24", "dev", "veth0")
            for ns in (self.s, self.c):
                ip("-n", ns, "link", "set", "veth0", "up")
            ip("-n", self.s, "route", "add", SPREAD, "via", CLIENT)
            ip("-n", self.c, "route", "add", "local", SPREAD, "dev", "lo")
        except subprocess.CalledProcessError as e:
            self.__exit__()
            raise SystemExit(f"bench: {' '.join(e.cmd)}: {e.stderr.decode().strip()}") from e
        return self

    def __exit__(self, *_):
        for ns in (self.s, self.c):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)

    def receive_on(self, core):
        """Has the server's packets received on its own core (RPS).  Without this whoever sends does
        the receiving too: on a veth a packet is taken up where it was sent."""
        command = self.in_server(
            ["sh", "-c", f"echo {1 << int(core):x} >/sys/class/net/veth0/queues/rx-0/rps_cpus"])
        if subprocess.run(command, capture_output=True).returncode != 0:
            print("# rps_cpus cannot be written: the generator's core receives for the server",
                  file=sys.stderr)

    def in_server(self, command):
        return ["ip", "netns", "exec", self.s, *command]

    def in_client(self, command):
        return ["ip", "netns", "exec", self.c, *command]
