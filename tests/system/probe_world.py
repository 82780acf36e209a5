"""healthd without a route: its prober against servers of the tests.

    w = World(folder, check='kind = "http"  url = "http://www.example.org/"',
              servers={"a1": ("fra", "127.0.0.1@8080"), "b1": ("nyc", "127.0.0.1@8081")})
    w.start()
    w.wait("a1", "up")

Server() is a TCP server with one function per connection, for the hostile ones.
"""
import json
import os
import re
import socket
import threading
import time

from conftest import Daemon, nearctl

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LINE = re.compile(
    r'server (\S+) (\S+) v4=(\S+) v6=(\S+) since=([0-9.]+) weight=(\d+) ttl=(\d+) set=(\S+) '
    r'reason="([^"]*)"')


class World:
    def __init__(self, folder, servers, check="", conf="", pool="", here="fra",
                 listen="127.9.9.9@1"):
        self.listen = listen
        self.folder = str(folder)
        self.servers, self.check, self.extra, self.pool, self.here = servers, check, conf, pool, \
            here
        self.conf_path = os.path.join(self.folder, "nearcast.conf")
        self.health_path = os.path.join(self.folder, "run", "health")
        self.state_path = os.path.join(self.folder, "state", "healthd.state")
        self.daemon = Daemon(self.folder, "healthd", "-c", self.conf_path)
        self.write()

    def write(self):
        sites = {}
        for site, *_ in self.servers.values():
            sites[site] = True
        sites.setdefault(self.here, True)
        lines = [f'here = "{self.here}"', f'listen = {{ "{self.listen}" }}',
                 f'run-dir = "{self.folder}/run"',
                 f'state-dir = "{self.folder}/state"']
        if "site \"" not in self.extra:
            lines += [f'site "{s}" {{ location = {{ 1.0, {i}.0 }} }}' for i, s in enumerate(sites)]
        lines.append(self.extra)
        if self.check:
            lines.append(f'check "c" {{ {self.check} }}')
        lines.append('pool "p" {' + (' check = "c" ' if self.check else " ") + self.pool)
        for name, (site, *addresses) in self.servers.items():
            more = " ".join(a for a in addresses if "=" in a)
            plain = ", ".join(f'"{a}"' for a in addresses if "=" not in a)
            lines.append(f'  server "{name}" {{ site = "{site}"  address = {{ {plain} }} {more} }}')
        lines.append("}")
        with open(self.conf_path, "w") as f:
            f.write("\n".join(lines) + "\n")

    def start(self, wait=True):
        after = len(self.log()) if os.path.exists(self.daemon.log_path) else 0
        began = time.time()
        self.daemon.start(ready=None)
        self.daemon.wait_log(r"probing \d+ target", after)
        if wait:
            self.until(lambda: os.path.exists(self.health_path) and
                       float(self.head()["stamp"]) >= began,
                       "a health file")
        return self

    def stop(self):
        self.daemon.stop()

    def log(self):
        return self.daemon.log()

    def prober_pid(self):
        path = f"/proc/{self.daemon.process.pid}/task/{self.daemon.process.pid}/children"
        with open(path) as f:
            return int(f.read().split()[0])

    def health(self):
        """name -> (state, v4, v6, since, weight, ttl, set, reason); the file must be whole."""
        with open(self.health_path) as f:
            text = f.read()
        lines = text.splitlines()
        assert lines and lines[0].startswith("nearcast-health 1 "), text
        assert lines[-1] == f"end {len(lines) - 2}", text
        found = {}
        for line in lines[1:-1]:
            m = LINE.fullmatch(line)
            if m:
                name, state, v4, v6, since, weight, ttl, ident, reason = m.groups()
                found[name] = dict(state=state, v4=v4, v6=v6, since=float(since),
                                   weight=int(weight),
                                   ttl=int(ttl), set=ident, reason=reason)
        return found

    def head(self):
        with open(self.health_path) as f:
            return dict(w.split("=", 1) for w in f.readline().split()[2:])

    @staticmethod
    def until(test, what, seconds=15):
        end = time.monotonic() + seconds
        while True:
            found = test()
            if found:
                return found
            assert time.monotonic() < end, f"waited {seconds} s for {what}"
            time.sleep(0.01)

    def wait(self, name, state, seconds=15, **fields):
        """Waits until the health file says so; what it says of the server."""
        last = {}

        def there():
            last.update(self.health().get(name, {}))
            return last.get("state") == state and all(last.get(k) == v for k, v in fields.items())

        try:
            self.until(there, f"{name} {state} {fields}", seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}; it is {last}\n{self.log()[-2000:]}") from None
        return dict(last)

    def stays(self, name, state, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.health()[name]["state"] == state, (self.health()[name], self.log()[-2000:])
            time.sleep(0.02)

    def ctl(self, *args, ok=True, timeout=30):
        p = nearctl(self.conf_path, *args, timeout=timeout)
        if ok:
            assert p.returncode == 0, p.stdout + p.stderr
        return p

    def status(self):
        first, _, rest = self.ask(b"status json").partition(b"\n")
        assert first == b"ok", first
        return json.loads(rest)

    def ask(self, line):
        """One raw line to the control socket; the answer's text."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect(os.path.join(self.folder, "run", "healthd.sock"))
            s.sendall(line + b"\n")
            data = b""
            while chunk := s.recv(65536):
                data += chunk
        return data

    def verdict(self, want, seconds=15):
        return self.until(lambda: (s := self.status())["verdict"] == want and s, f"verdict {want}",
                          seconds)


class Server:
    """Listens on 127.0.0.1 (or `address`); `serve(connection)` runs in a thread for each."""

    def __init__(self, serve, address="127.0.0.1", port=0):
        self.serve, self.address = serve, address
        self.count = 0
        self.open(port)

    def open(self, port=0):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, port))
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1]
        self.live = set()
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    @property
    def where(self):
        return f"{self.address}@{self.port}"

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        self.live.add(connection)
        try:
            connection.settimeout(20)
            self.serve(connection)
        except OSError:
            pass
        finally:
            self.live.discard(connection)
            connection.close()

    def close(self):
        """As when the process dies: the port refuses, connections are cut."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for c in list(self.live):
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def back(self):
        self.open(self.port)


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(4096)
        if not chunk:
            return None
        data += chunk
        assert len(data) < 65536
    return data


class Http(Server):
    """A kept-alive server; .answer is sent for every request (bytes, or a function of the
    request that returns bytes).  A HEAD gets the headers only."""

    def __init__(self, answer=OK, **options):
        self.answer, self.requests = answer, []
        self.delay = 0
        super().__init__(self.talk, **options)

    def talk(self, connection):
        while (request := read_request(connection)) is not None:
            self.requests.append(request)
            del self.requests[:-50]
            time.sleep(self.delay)
            data = self.answer(request) if callable(self.answer) else self.answer
            if request.startswith(b"HEAD"):
                data = data.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
            connection.sendall(data)


def reply(code=200, body=b"ok", **headers):
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
