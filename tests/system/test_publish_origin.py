"""The nginx.conf of deploy/origin, started as it ships."""
import os
import subprocess

import pytest

from origin_world import Origin, publish_set


@pytest.fixture(scope="module")
def origin():
    with Origin() as o:
        o.write("a.txt", b"one")
        o.write("pool/x/b.deb", bytes(range(256)) * 4096)
        o.write("page.html", b"<p>")
        o.first = o.publish()
        o.start()
        yield o


def test_a_set(origin):
    o, at = origin, f"/sets/{origin.first}"
    status, headers, body = o.ask("/_setid")
    assert status == 204 and headers["X-Set-Id"] == o.first and body == b""
    assert o.ask("/_setid", "HEAD")[0] == 204
    status, headers, body = o.ask(at + "/a.txt")
    assert (status, body, headers["Content-Type"]) == (200, b"one", "text/plain")
    st = os.stat(os.path.join(o.dir, "a.txt"))
    assert headers["ETag"] == f'"{int(st.st_mtime):x}-{st.st_size:x}"'
    assert o.ask(at + "/a.txt", If_None_Match=headers["ETag"])[0] == 304
    status, headers, body = o.ask(at + "/pool/x/b.deb", Range="bytes=256-511",
                                  Accept_Encoding="gzip")
    assert status == 206 and body == bytes(range(256)) and "Content-Encoding" not in headers
    assert o.ask(at + "/a.txt", Range="bytes=3-")[0] == 416
    manifest = o.get(f"/manifests/{o.first}")
    with open(os.path.join(o.root, "manifests", o.first), "rb") as f:
        assert f.read() == manifest
    assert o.ask(f"/manifests/{o.first}")[1]["Content-Type"] == "text/plain"


@pytest.mark.parametrize("target, status", [
    ("/", 404), ("/sets/", 404), ("/sets", 404), ("/sets/{id}", 404), ("/sets/{id}/", 404),
    ("/sets/{id}/pool", 404), ("/sets/{id}/pool/", 404), ("/sets/{id}/none", 404),
    ("/manifests/", 404), ("/manifests/{id}x", 404), ("/manifests/../notify", 404),
    ("/notify", 404), ("/current/a.txt", 404), ("/tags/{id}", 404), ("/.lock", 404),
    ("/sets/.new/a.txt", 404), ("/sets/by-hand/a.txt", 404), ("/sets/{id}/.hidden", 404),
    ("/sets/{id}/../../notify", 404), ("/sets/{id}/..%2f..%2fnotify", 404),
    ("/sets/../../../../etc/passwd", 400), ("/sets/{id}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc", 400),
    ("/sets/{id}/link", 403), ("/sets/{id}/a%00.txt", 400), ("/sets/{id}/a.txt%0d%0aX:%20y", 404),
    ("/sets/{id}/a.txt%20", 404), ("/sets/{id}/a.txt?x=%0d%0a", 200), ("//sets/{id}//a.txt", 200),
    ("/sets/{id}/a%2etxt", 200), ("/_setid/", 404), ("/_setid/../_setid", 204),
])
def test_what_else_is_asked_for(origin, target, status):
    o = origin
    there = os.path.join(o.root, "sets", o.first)
    made = [os.path.join(o.root, "notify"), os.path.join(there, ".hidden")]
    for path in made:
        with open(path, "w") as f:
            f.write("secret")
    os.symlink("/etc/passwd", os.path.join(there, "link"))
    try:
        got, headers, body = o.ask(target.format(id=o.first))
    finally:
        for path in [*made, os.path.join(there, "link")]:
            os.unlink(path)
    assert got == status and b"secret" not in body and b"root:" not in body
    assert "X-Set-Id" not in headers or status == 204


def test_log(origin):
    """Each request is a line, but for the question that comes every second."""
    path = os.path.join(origin.folder, "access.log")
    with open(path) as f:
        before = len(f.readlines())
    for target in (f"/sets/{origin.first}/a.txt", f"/sets/{origin.first}/none", "/x", "/_setid",
                   f"/manifests/{origin.first}"):
        origin.ask(target)
    with open(path) as f:
        lines = f.readlines()[before:]
    assert [line.split('"')[1].split()[1].split("/")[-1] for line in lines] == \
        ["a.txt", "none", "x", origin.first], lines


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "X"])
def test_nothing_but_reading(origin, method):
    for target in ("/_setid", f"/sets/{origin.first}/a.txt", "/"):
        assert origin.ask(target, method)[0] == 405, target


def test_switch_without_a_reload(origin):
    """Over one connection that stays; the set that was is there on."""
    o = origin
    o.write("a.txt", b"two")
    second = o.publish()
    assert o.ask("/_setid")[1]["X-Set-Id"] == second
    assert o.get(f"/sets/{second}/a.txt") == b"two" and o.get(f"/sets/{o.first}/a.txt") == b"one"
    publish_set("--rollback", o.root)
    assert o.ask("/_setid")[1]["X-Set-Id"] == o.first


@pytest.mark.parametrize("make", [None, "sets/gone", "sets/.new", "/etc"])
def test_current_leads_nowhere(origin, make):
    link = os.path.join(origin.root, "current")
    was = os.readlink(link)
    os.unlink(link)
    os.makedirs(os.path.join(origin.root, "sets", ".new"), exist_ok=True)
    try:
        if make:
            os.symlink(make, link)
        status, headers, _ = origin.ask("/_setid")
        assert status == 503 and "X-Set-Id" not in headers
    finally:
        if make:
            os.unlink(link)
        os.symlink(was, link)
        os.rmdir(os.path.join(origin.root, "sets", ".new"))


def test_tls(tmp_path):
    """The lines marked #tls, with a certificate."""
    key, crt = tmp_path / "k", tmp_path / "c"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=origin.test",
                    "-addext", "subjectAltName=DNS:origin.test", "-days", "2", "-keyout", key,
                    "-out", crt], check=True, capture_output=True)
    with Origin() as o:
        plain = o.port
        o.sed = [(r"#tls ", ""), (r"listen 443 ", f"listen 127.0.0.2:{plain} "),
                 (r"\tlisten \[::\]:443 .*\n", ""), (r"/etc/nearcast/origin\.key", str(key)),
                 (r"/etc/nearcast/origin\.crt", str(crt))]
        o.write("a", b"a")
        ident = o.publish()
        o.start()
        out = subprocess.run(
            ["curl", "-sS", "--cacert", crt, "--connect-to", f"origin.test:443:127.0.0.2:{plain}",
             f"https://origin.test/sets/{ident}/a"], capture_output=True, text=True, check=True)
        assert out.stdout == "a" and o.get(f"/sets/{ident}/a") == b"a"


def test_only_the_nets_that_are_named():
    with Origin(sed=[(r"#nets allow 192\.0\.2\.0/24;", "allow 127.0.0.9;"), ("#nets ", "")]) as o:
        o.write("a", b"a")
        ident = o.publish()
        o.start()
        for target in ("/_setid", f"/sets/{ident}/a", f"/manifests/{ident}"):
            assert o.ask(target)[0] == 403, target
            out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                  "--interface", "127.0.0.9",
                                  f"http://127.0.0.1:{o.port}{target}"], capture_output=True,
                                 text=True)
            assert out.stdout == ("204" if target == "/_setid" else "200"), target
