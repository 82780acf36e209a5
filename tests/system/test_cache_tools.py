"""deploy/cache: its scripts, units, TLS, and what happens on a full disk."""
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time

import pytest
from cache_world import CACHE, World, raw
from conftest import ROOT

SWEEP, WARM = f"{CACHE}/nearcast-cache-sweep", f"{CACHE}/warm-cache"
MIB = 1 << 20


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60,
                          **options)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=download.example.org", "-keyout", f"{folder}/tls.key",
                    "-out", f"{folder}/tls.crt", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    w = World(folder, tls=True, rate="50r/s")
    for name in ("tls.key", "tls.crt"):
        shutil.copy(f"{folder}/{name}", f"{folder}/edge/{name}")
    with w:
        w.url = f"http://127.0.0.1:{w.cache.port}"
        yield w


def test_papers_of_a_release_are_kept_for_a_second(world):
    """What make-release writes anew is what endpoints are given soon."""
    os.makedirs(f"{world.origin.folder}/www/releases", exist_ok=True)
    for text in (b"one\n", b"another\n"):
        with open(f"{world.origin.folder}/www/releases/white", "wb") as f:
            f.write(text)
        end = time.monotonic() + 4
        while (answer := world.get("/releases/white")).body != text and time.monotonic() < end:
            time.sleep(0.1)
        assert answer.status == 200 and answer.body == text


# -- the sweep --

def test_sweep(tmp_path):
    """Temporary files that nobody has written to for an hour, and nothing else."""
    key = "0123456789abcdef" * 2
    gone = ["a/bc/" + key + ".0000000123", "a/" + key + ".9999999999"]
    stay = ["a/bc/" + key, "a/bc/" + key + ".000000012", "a/bc/" + key + ".00000001234",
            "a/bc/x" + key[1:] + ".0000000123", "a/bc/" + key + ".000000012a", "0000000123",
            "a/bc/" + key.upper() + ".0000000123"]
    young = "a/bc/" + key[::-1] + ".0000000124"
    for name in [*gone, *stay, young]:
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (1, 1))
    os.utime(tmp_path / "cache" / young)
    other = tmp_path / "other"
    other.mkdir()
    (other / (key + ".0000000123")).write_bytes(b"x")
    os.utime(other / (key + ".0000000123"), (1, 1))
    (tmp_path / "cache" / "link").symlink_to(other)
    folder = f"{tmp_path}/cache"
    told = run(SWEEP, "-n", folder)
    assert told.stdout == f"{folder}: 2 files, 200 octets would be removed\n"
    assert os.path.exists(f"{folder}/{gone[0]}")
    done = run(SWEEP, folder)
    assert (done.returncode, done.stdout) == (0, f"{folder}: 2 files, 200 octets removed\n")
    for name in gone:
        assert not os.path.exists(f"{folder}/{name}")
    for name in [*stay, young]:
        assert os.path.exists(f"{folder}/{name}")
    assert (other / (key + ".0000000123")).exists()


def test_sweep_refuses(tmp_path):
    for argv, code, word in [(["-x"], 64, "usage"), (["-m", "ten", tmp_path], 64, "ten"),
                             (["-m", "", tmp_path], 64, "minutes"),
                             ([f"{tmp_path}/none"], 66, "none")]:
        done = run(SWEEP, *argv)
        assert done.returncode == code and word in done.stderr, done


def test_sweep_of_a_worker_that_was_killed(world):
    """The leftover is there after a kill, and the name is what the sweep looks for."""
    world.origin.publish({"big": os.urandom(8 * MIB)})
    world.origin.write(files="limit_rate 2m;")
    world.origin.reload()
    time.sleep(0.3)
    reader = threading.Thread(target=lambda: raw(world.cache.port, b"GET /big HTTP/1.0\r\n\r\n"))
    folder = f"{world.cache.folder}/cache/obj"

    def leftovers():
        return [f for _, _, files in os.walk(folder) for f in files if "." in f]

    reader.start()
    end = time.monotonic() + 5
    while not leftovers() and time.monotonic() < end:
        time.sleep(0.002)
    world.cache.kill()
    reader.join()
    left = leftovers()
    world.cache.start()
    world.origin.write(files="")
    world.origin.reload()
    time.sleep(0.2)
    assert left and leftovers() == left
    for where, _, files in os.walk(folder):
        for f in files:
            os.utime(os.path.join(where, f), (1, 1))
    done = run(SWEEP, folder)
    assert f"{len(left)} files" in done.stdout, done
    assert leftovers() == []


# -- warming --

def test_warm(world):
    files = {f"w/{n % 7}/f{n}": os.urandom(500 + n) for n in range(300)}
    files["w/big+~@:,=-."] = os.urandom(3 * MIB + 5)
    ident = world.origin.publish(files)
    world.wait_set(ident)
    world.origin.log()
    names = run(WARM, "--names", world.url)
    assert names.returncode == 0, names
    assert names.stdout == f"set {ident} at {world.url}: 301 of 301 files\n"
    log = world.origin.log()
    assert sum(1 for line in log if line[0] == "HEAD") == 301
    assert sum(line[3] for line in log if "big" in line[1]) == MIB
    done = run(WARM, world.url)
    assert done.returncode == 0, done
    log = [line for line in world.origin.log() if line[1] != "/_setid"]
    assert [line[3] for line in log] == [MIB, MIB, 5], log
    again = run(WARM, "-j", "3", "--check", world.url + "/")
    assert again.returncode == 0, again
    assert [line for line in world.origin.log() if line[1] != "/_setid"] == []


def test_warm_a_set_before_the_switch(world):
    old = world.origin.publish({"s/x": b"old"})
    world.wait_set(old)
    new = world.origin.publish({"s/x": b"new", "t/y": b"other"}, switch=False)
    done = run(WARM, "-s", new, "-p", "/s/", world.url)
    assert done.stdout == f"set {new} at {world.url}: 1 of 1 files\n", done
    assert world.get("/s/x").body == b"old"
    world.origin.switch(new)
    world.wait_set(new)
    world.origin.log()
    answer = world.get("/s/x")
    assert answer.body == b"new" and answer.headers["X-Cache"] == "HIT"
    assert [line for line in world.origin.log() if line[1] != "/_setid"] == []


def test_warm_says_what_is_wrong(world):
    ident = world.origin.publish({"good": b"g", "bad": b"b", "gone": b"n"})
    world.wait_set(ident)
    with open(world.origin.path(ident, "bad"), "wb") as f:
        f.write(b"X")
    done = run(WARM, "--check", world.url)
    assert done.returncode == 65 and "differs: bad\n" in done.stderr, done
    assert "good" not in done.stderr
    os.unlink(world.origin.path(ident, "gone"))
    ident = world.origin.publish({"fine": b"f", "missing": b"m"})
    os.unlink(world.origin.path(ident, "missing"))
    world.wait_set(ident)
    done = run(WARM, world.url)
    assert done.returncode == 75 and re.search("failed: 404 .*missing", done.stderr), done
    assert done.stdout == f"set {ident} at {world.url}: 1 of 2 files\n"


@pytest.mark.parametrize("argv, code, word", [
    (["-j", "0"], 64, "-j 0"), (["-j", "9999"], 64, "9999"), (["-j"], 64, "-j"),
    (["what"], 64, "what"), (["-s", "../x"], 64, "../x"), (["-s", "0" * 32], 69, "0" * 32),
    (["-p", "nobody/"], 64, "nobody/"),
    (["http://127.0.0.1:1"], 69, "healthz")], ids=str)
def test_warm_refuses(world, argv, code, word):
    world.wait_set(world.origin.publish({"x": b"x"}))
    if not any(str(a).startswith("http") for a in argv):
        argv = [*argv, world.url] if argv != ["-j"] else argv
    done = run(WARM, *argv)
    assert done.returncode == code and word in done.stderr, done


def test_warm_does_not_believe_a_false_manifest(world):
    """One that is not of that name, and one with names that would be options for curl."""
    for n, text in enumerate(['a\t"\noutput = "/etc/passwd"\n', "../x\t" + "0" * 64 + "\n",
                              "/x\t" + "0" * 64 + "\n", "x\n", "x\ty\tz\n"]):
        ident = hashlib.sha256(text.encode()).hexdigest()[:32]
        with open(f"{world.origin.folder}/www/manifests/{ident}", "w") as f:
            f.write(text)
        done = run(WARM, "-s", ident, world.url)
        assert done.returncode == 69 and "not a manifest" in done.stderr, (n, done)
    with open(f"{world.origin.folder}/www/manifests/{'1' * 32}", "w") as f:
        f.write("x\t" + "0" * 64 + "\n")
    done = run(WARM, "-s", "1" * 32, world.url)
    assert done.returncode == 69 and "not the manifest of that name" in done.stderr


def test_warm_sees_what_is_cut_short():
    """200, and then half of it: curl's own word counts, too."""
    manifest = b"cut\t" + b"0" * 64 + b"\nwhole\t" + b"0" * 64 + b"\n"
    ident = hashlib.sha256(manifest).hexdigest()[:32]
    bodies = {f"/manifests/{ident}": manifest, f"/sets/{ident}/whole": b"12345",
              f"/sets/{ident}/cut": b"123"}

    class Cache(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            body = bodies[self.path]
            self.send_header("Content-Length", str(len(body) + self.path.endswith("cut")))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run(WARM, "-s", ident, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 75 and "1 of 2 failed" in done.stderr, done
    assert "cut" in done.stderr and "1 of 2 files" in done.stdout, done


# -- TLS --

def test_tls(world):
    """The option as shipped: HTTP/1.1 and HTTP/2, no old protocol, the same files."""
    world.wait_set(world.origin.publish({"x": b"hello", "big": b"b" * (3 * MIB)}))
    context = ssl.create_default_context(cafile=f"{world.cache.folder}/tls.crt")
    c = http.client.HTTPSConnection("127.0.0.1", world.cache.tls_port, context=context, timeout=10)
    c.request("GET", "/x")
    assert c.getresponse().read() == b"hello"
    c.close()
    url = f"https://127.0.0.1:{world.cache.tls_port}"
    trust = ["--cacert", f"{world.cache.folder}/tls.crt"]
    done = run("curl", "-q", "-sS", "--http2", *trust,
               "-w", "%{http_version} %{http_code} %{size_download}", "-o", "/dev/null",
               url + "/big")
    assert done.stdout == f"2 200 {3 * MIB}", done
    part = run("curl", "-q", "-sS", "--http2", *trust, "-r", "2097150-2097153", url + "/big")
    assert part.stdout == "bbbb"
    old = run("curl", "-q", "-sS", "--tls-max", "1.1", *trust, url + "/x")
    assert old.returncode == 35, old
    assert run("curl", "-q", "-sS", f"{url.replace('https', 'http')}/x").stdout.count("400 Bad") > 0


def test_origin_over_tls(tmp_path):
    """With the certificate checked: the right one, and then none that could be believed."""
    def certificate(name, subject):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={subject}", "-keyout", f"{tmp_path}/{name}.key", "-out",
                        f"{tmp_path}/{name}.crt", "-addext", f"subjectAltName=DNS:{subject}"],
                       check=True, capture_output=True)

    certificate("right", "download.example.org")
    certificate("other", "evil.example.org")
    w = World(tmp_path, rate="50r/s")
    w.cache.write((r"default http;", "default https;"), (r"#tls-origin ", ""),
                  (r"/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/right.crt"))
    w.origin.write(extra=f"ssl_certificate {tmp_path}/right.crt;"
                         f"ssl_certificate_key {tmp_path}/right.key;")
    with open(w.origin.conf) as f:
        text = f.read()
    with open(w.origin.conf, "w") as f:
        f.write(text.replace(" backlog=4096;", " ssl;"))
    with w:
        w.origin.publish({"x": b"over TLS", "big": b"b" * (2 * MIB)})
        assert w.get("/x").body == b"over TLS"
        assert len(w.get("/big").body) == 2 * MIB
        with open(w.origin.conf, "w") as f:
            f.write(text.replace(" backlog=4096;", " ssl;").replace("/right.", "/other."))
        w.origin.stop()
        w.origin.start()
        time.sleep(0.1)
        assert w.get("/x").body == b"over TLS"               # held
        assert w.get("/not-held").status == 503
        assert "certificate verify" in w.cache.errors()


# -- the log for the collectors --

def test_log_as_shipped(tmp_path):
    """With deploy/logs' file included, every request is a line, whatever became of it."""
    spool = tmp_path / "spool"
    spool.mkdir()
    with open(f"{ROOT}/deploy/logs/nginx-log.conf") as f:
        text = f.read().replace("/var/spool/nearcast/log", str(spool))
    w = World(tmp_path)
    text = text.replace("127.0.0.1:8099", f"127.0.0.1:{w.cache.tls_port}")
    (tmp_path / "nginx-log.conf").write_text(text)
    w.cache.write((r"^access_log off;", ""), (r"#include /etc/nearcast/nginx-log.conf",
                                              f"include {tmp_path}/nginx-log.conf"))
    with w:
        ident = w.origin.publish({"x": b"hello"})
        for target in ("/x", "/x", f"/sets/{ident}/x", "/none", "/", "/a%0ab", "/healthz"):
            w.get(target)
        w.get("/x", method="PUT")
        time.sleep(0.2)
        lines = [json.loads(line) for f in spool.iterdir() for line in f.read_text().splitlines()]
        assert sorted(line["s"] for line in lines) == [200, 200, 200, 204, 404, 404, 404, 405]
        assert {line["set"] for line in lines if line["s"] < 300} == {ident}
        assert sorted(line["x"] for line in lines if line["s"] == 200) == ["HIT", "HIT", "MISS"]


# -- a full disk --

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a file system of its own")
@pytest.mark.parametrize("obj, free", [("30m", "1m"), ("1g", "30m")])
def test_disk_is_bounded(tmp_path, obj, free):
    """By its size, or by what is to stay free.  More than fits: with room for what arrives until
    nginx looks again, nothing is cut.  It looks every ten seconds; here every second, because
    files are old after one."""
    world = World(tmp_path, obj=obj, free=free, inactive="1s")
    folder = f"{world.cache.folder}/cache"
    world.cache.before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                          f"mount -t tmpfs -o size=60m none {folder} && exec \"$@\"", "sh"]
    files = {f"f{n}": os.urandom(700_000 + n) for n in range(90)}
    with world:
        world.wait_set(world.origin.publish(files))
        wrong, used = [], []

        def client(names):
            for name in names:
                try:
                    answer = world.get("/" + name)
                    if answer.status != 200 or answer.body != files[name]:
                        wrong.append(name)
                except (OSError, http.client.HTTPException) as e:
                    wrong.append(f"{name}: {e!r}")
                time.sleep(0.15)                         # three clients, 14 MB a second

        names = sorted(files)
        clients = [threading.Thread(target=client, args=(names[n::3],)) for n in range(3)]
        for c in clients:
            c.start()
        # nginx looks when it starts, finds nothing, and looks again after ten seconds: begun anew
        # with files there, it looks every second
        time.sleep(0.5)
        world.cache.reload()
        while any(c.is_alive() for c in clients):
            v = os.statvfs(f"/proc/{world.cache.process.pid}/root{folder}")
            used.append((v.f_blocks - v.f_bavail) * v.f_frsize)
            time.sleep(0.05)
        assert not wrong, wrong[:5]
        assert 10 * MIB < max(used) < 60 * MIB


# -- units --

def test_unit_lets_nginx_work(world, tmp_path):
    """Every system call of start, work, reload and end passes the unit's filter."""
    from test_deploy_units import group, strace, traced
    with open(f"{CACHE}/nearcast-cache.service") as f:
        unit = f.read()
    words = re.findall(r"^SystemCallFilter=(.*)$", unit, re.M)
    allowed = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "execve"}
    for line in words:
        named = set()
        for word in line.lstrip("~").split():
            named |= group(word) if word.startswith("@") else {word}
        allowed = allowed - named if line.startswith("~") else allowed | named
    w = World(tmp_path)
    w.cache.before = strace(f"{tmp_path}/trace", [])
    with w:
        w.origin.publish({"x": b"x", "big": os.urandom(2 * MIB)})
        assert w.get("/big").status == 200 and w.get("/none").status == 404
        w.cache.reload()
        time.sleep(0.5)
        w.get("/x")
        w.cache.process.send_signal(3)
        w.cache.process.wait(10)
    time.sleep(0.3)
    calls = traced(f"{tmp_path}/trace")
    assert {"sendfile", "epoll_wait", "rename"} <= calls
    # as root it changes to its user; the unit starts it as that user
    assert calls - {"setuid", "setgid", "setgroups", "chown"} <= allowed, calls - allowed


def test_units_name_what_is_there():
    """Paths in units, and the page, against what the folder holds."""
    with open(f"{CACHE}/nearcast-cache-sweep.service") as f:
        assert "/usr/lib/nearcast/nearcast-cache-sweep " in f.read()
    with open(f"{CACHE}/README.md") as f:
        page = f.read()
    for name in os.listdir(CACHE):
        assert name in page or name == "README.md", name
    assert os.path.exists(f"{ROOT}/deploy/cache/README.md")
