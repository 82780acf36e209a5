"""Network namespaces, veth links and processes in them: the lab's carpentry.

Knows nothing of DNS or BGP.  All namespaces of one Net share a prefix, so that
everything can be found and removed again, by this process or by a later one.
"""
import os
import shutil
import signal
import subprocess
import sys
import time


def run(*argv, check=True, **kw):
    """Away from the terminal's Ctrl-C, which is for us: we end what we have started."""
    return subprocess.run(argv, check=check, text=True, capture_output=True,
                          start_new_session=True, **kw)


class Net:
    def __init__(self, prefix, folder):
        self.prefix = prefix            # of namespace names
        self.folder = folder            # configurations, logs, sockets
        self.processes = {}             # (ns, name) -> Popen

    def ns(self, name):
        return self.prefix + name

    # ---- namespaces and links

    def add(self, *names):
        for name in names:
            run("ip", "netns", "add", self.ns(name))
            self.ip(name, "link set lo up")
            self.sysctl(name, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                        "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0",
                        "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                        "net.ipv4.tcp_syn_retries=3")
            os.makedirs(f"{self.folder}/{name}", exist_ok=True)

    def ip(self, name, command, check=True):
        return run("ip", "-n", self.ns(name), *command.split(), check=check).stdout

    def sysctl(self, name, *settings):
        run("ip", "netns", "exec", self.ns(name), "sysctl", "-qw", *settings)

    def link(self, a, b, net4, net6):
        """A veth pair, `.1`/`::1` at a and `.2`/`::2` at b; named after the other end."""
        run("ip", "link", "add", f"to-{b}", "netns", self.ns(a),
            "type", "veth", "peer", "name", f"to-{a}", "netns", self.ns(b))
        for ns, dev, host in ((a, f"to-{b}", 1), (b, f"to-{a}", 2)):
            self.ip(ns, f"addr add {net4}.{host}/30 dev {dev}")
            self.ip(ns, f"addr add {net6}::{host}/64 dev {dev} nodad")
            self.ip(ns, f"link set {dev} up")

    def link_down(self, a, b):
        self.ip(a, f"link set to-{b} down")

    def link_up(self, a, b):
        self.ip(a, f"link set to-{b} up")

    def resolver(self, name, address):
        """Whom programs in a namespace ask for names: `ip netns exec` shows them this file."""
        folder = f"/etc/netns/{self.ns(name)}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/resolv.conf", "w") as f:
            f.write(f"nameserver {address}\noptions timeout:1 attempts:5\n")

    # ---- processes

    def argv(self, name, argv):
        return ["ip", "netns", "exec", self.ns(name), *argv]

    def start(self, ns, name, *argv, env=None):
        """Starts a daemon in the foreground in a namespace, its output in NS/NAME.log."""
        log = open(f"{self.folder}/{ns}/{name}.log", "ab")
        p = subprocess.Popen(self.argv(ns, argv), stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log, start_new_session=True,
                             env={**os.environ, **(env or {})})
        log.close()
        self.processes[ns, name] = p
        return p

    def call(self, ns, *argv, check=False, timeout=20):
        return run(*self.argv(ns, argv), check=check, timeout=timeout)

    def popen(self, ns, *argv, **kw):
        """A program whose output the caller waits for."""
        return subprocess.Popen(self.argv(ns, argv), stdout=subprocess.PIPE, text=True,
                                start_new_session=True, **kw)

    def kill(self, ns, name, sig):
        """To the process itself: `ip netns exec` has become it by exec."""
        self.processes[ns, name].send_signal(sig)

    def stop(self, ns, name, sig=signal.SIGTERM, wait=5):
        p = self.processes.pop((ns, name), None)
        if p is None or p.poll() is not None:
            return
        p.send_signal(signal.SIGCONT)
        p.send_signal(sig)
        try:
            p.wait(wait)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()

    def log(self, ns, name):
        try:
            with open(f"{self.folder}/{ns}/{name}.log", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # ---- the end

    def remove(self):
        """Kills what runs in our namespaces, and deletes them.  Safe to call twice, and
        from another process than the one that made them."""
        ours = [n.split()[0] for n in run("ip", "netns", "list").stdout.splitlines()
                if n.startswith(self.prefix)]
        busy = [ns for ns in ours if not wait_for(lambda: self.empty(ns), 10)]
        for p in self.processes.values():
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self.processes.clear()
        for ns in ours:
            if ns in busy:              # without its name nobody would find what is left in it
                print(f"namespace {ns}: a process does not end; try again", file=sys.stderr)
                continue
            shutil.rmtree(f"/etc/netns/{ns}", ignore_errors=True)
            wait_for(lambda: run("ip", "netns", "del", ns, check=False).returncode == 0, 2, 0.1)

    @staticmethod
    def empty(ns):
        """Kills what runs in a namespace.  True once nothing was left to kill: what is killed may
        just have started another."""
        pids = run("ip", "netns", "pids", ns, check=False).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids


def wait_for(what, seconds=10.0, every=0.05):
    """Calls `what` until it is true; its value, or None after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(every)
