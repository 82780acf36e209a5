"""take-release and what an origin, or somebody on the way, may say of a release: numbers that the
shell cannot add to, another torrent.  All is refused at once, with a status that says why, and
nothing is fetched; a plain HTTP server is the site's cache."""
import functools
import hashlib
import http.server
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import free_port
from distribute_world import HERE, NEEDS, TRACKER, call, fill, wait_for

pytestmark = NEEDS


class Seed(http.server.SimpleHTTPRequestHandler):
    """/healthz as a cache answers it, and the files of a folder."""
    current = None

    def do_GET(self):
        if self.path == "/healthz":
            self.send_response(204)
            self.send_header("X-Set-Id", self.server.current)
            self.end_headers()
        elif self.server.silent and self.path.startswith("/sets/"):
            time.sleep(60)
        elif self.server.refusing and self.path.startswith("/sets/"):
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A release of two files, and a server with what make-release wrote about it."""
    folder = tmp_path_factory.mktemp("cache")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Seed, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.daemon_threads, server.silent, server.refusing = True, False, False
    tree = fill(folder / "tree", {"f": 70_000, "d/a,b": 3})
    server.current = call(f"{HERE}/make-release", "--download", server.url, "--tracker", TRACKER,
                          tree, folder / "releases").stdout.strip()
    os.makedirs(folder / "sets")
    os.rename(tree, folder / "sets" / server.current)
    server.papers = f"{folder}/releases/{server.current}"
    yield server
    server.shutdown()


@pytest.fixture
def papers(cache):
    """{kind: octets}, put back afterwards; write(cache, ...) changes them."""
    kept = {}
    for kind in ("release", "torrent", "files"):
        with open(f"{cache.papers}.{kind}", "rb") as f:
            kept[kind] = f.read()
    yield kept
    write(cache, kept)


def write(cache, papers):
    for kind, octets in papers.items():
        with open(f"{cache.papers}.{kind}", "wb") as f:
            f.write(octets)


def announce(papers, **fields):
    """The announcement with other fields, and with the digests of what it announces."""
    fields = {"torrent": hashlib.sha256(papers["torrent"]).hexdigest(),
              "list": hashlib.sha256(papers["files"]).hexdigest(), **fields}
    text = papers["release"].decode()
    for name, value in fields.items():
        line = "" if value is None else f"{name} {value}\n"
        text, n = re.subn(rf"(?m)^{name} .*\n", lambda _: line, text)
        assert n == 1
    return {**papers, "release": text.encode()}


def take(cache, folder):
    """Exit code, status and what was said; no more than a moment."""
    p = subprocess.run([f"{HERE}/take-release", "--once", "--interval", "1", cache.url,
                        str(folder)], capture_output=True, text=True, timeout=20,
                       stdin=subprocess.DEVNULL)
    with open(f"{folder}/status") as f:
        return p.returncode, dict(line.rstrip("\n").split(" ", 1) for line in f), p.stderr


def refused(cache, folder, words):
    code, status, said = take(cache, folder)
    assert (code, status["state"]) == (65, "refused"), (status, said)
    assert words in status["detail"], status
    assert status["current"] == "" and not os.path.exists(f"{folder}/incoming/{cache.current}")


@pytest.mark.parametrize("name, value", [
    *(("octets", value) for value in ("abc", "09", "9" * 30, "-1", "0", "", "1 2", None)),
    ("piece", "0x10"), ("piece", None)])
def test_numbers_that_are_none(cache, papers, tmp_path, name, value):
    write(cache, announce(papers, **{name: value}))
    shown = {None: "is missing", "": "is missing"}.get(value, value)
    refused(cache, tmp_path, f".release: {name} {shown}: not a number")


@pytest.mark.parametrize("change", [(b"name32:", b"name31:"), (b"f\t70000\t", b"f\t7e4\t"),
                                    (b"f\t70000\t", b"f\t$(id)\t"),
                                    (b"f\t70000\t", b"f\t" + b"7" * 40 + b"\t")])
def test_papers_that_no_set_has(cache, papers, tmp_path, change):
    """A torrent of another name or of other files, sizes that are none."""
    old, new = change
    if old.startswith(b"name"):
        at = papers["torrent"].index(old) + len(old)
        torrent = papers["torrent"][:at] + b"0" * 32 + papers["torrent"][at + 32:]
        changed, words = {**papers, "torrent": torrent}, ".torrent: not of the files of "
    else:
        assert old in papers["files"]
        changed = {**papers, "files": papers["files"].replace(old, new)}
        words = ".files: a name, size or time that no set has"
    write(cache, announce(changed))
    refused(cache, tmp_path, words)


@pytest.mark.parametrize("old, new", [
    (b"1:fe", b"1:ge"), (b"i70000e", b"i70001e"), (b"5:a,bee", b"5:../xe"), (b"", b"nonsense")])
def test_torrent_of_other_files(cache, papers, tmp_path, old, new):
    if not old:
        torrent = new
    elif old == b"5:a,bee":
        torrent = papers["torrent"].replace(b"1:d3:a,be", b"1:d3:..xe")
    else:
        torrent = papers["torrent"].replace(old, new)
    assert torrent != papers["torrent"]
    write(cache, announce({**papers, "torrent": torrent}))
    refused(cache, tmp_path, ".torrent: not of the files of ")


def test_the_right_one_after_all(cache, papers, tmp_path):
    """What was refused is taken when another release is announced under the same id."""
    write(cache, announce(papers, octets="09"))
    refused(cache, tmp_path, "octets 09")
    write(cache, papers)
    code, status, said = take(cache, tmp_path)
    assert code == 0 and status["current"] == cache.current, (status, said)


@pytest.mark.parametrize("how, words", [("silent", "timed out"), ("refusing", "answers 503")])
def test_a_cache_that_gives_no_piece(cache, tmp_path, how, words):
    """It says what is current and no more: the status tells soon what it answers for a file."""
    setattr(cache, how, True)
    p = subprocess.Popen([f"{HERE}/take-release", "--interval", "1", "--port", str(free_port()),
                          cache.url, str(tmp_path)], stdin=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        def told():
            with open(tmp_path / "status") as f:
                return f"/sets/{cache.current}/d/a,b: " in (text := f.read()) and words in text
        assert wait_for(lambda: os.path.exists(tmp_path / "status") and told(), 25), \
            (tmp_path / "status").read_text()
    finally:
        setattr(cache, how, False)
        p.terminate()
        p.wait(10)
