"""healthd's prober against HTTP servers, good and hostile."""
import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from probe_world import OK, Http, Server, World, read_request, reply

FAST = 'interval = "150ms"  timeout = "120ms"  rise = 2  fall = 2'


def http(more="", url="http://www.example.org/healthz", speed=FAST):
    return f'kind = "http"  url = "{url}"  {speed}  {more}'


def test_up_down_up(world):
    server, other = Http(), Http()
    w = world({"a1": ("fra", server.where), "a2": ("fra", other.where)}, check=http())
    w.wait("a1", "up")
    assert server.requests[0].startswith(b"HEAD /healthz HTTP/1.1\r\nHost: www.example.org")
    began = time.monotonic()
    server.close()
    down = w.wait("a1", "down")
    # fall x interval + 100 ms, on a busy machine
    assert time.monotonic() - began < 2 * 0.15 + 1.0
    assert "connect" in down["reason"]
    w.stays("a2", "up", 0.3)
    server.back()
    assert w.wait("a1", "up")["since"] > down["since"]


def test_one_failure_is_not_down(world):
    n = [0]

    def every_third(request):
        n[0] += 1
        return reply(500) if n[0] % 3 == 0 else OK

    server = Http(every_third)
    w = world({"a1": ("fra", server.where)}, check=http())
    w.wait("a1", "up")
    w.stays("a1", "up", 2)
    assert n[0] > 6


def endless(connection, data, pause=0):
    end = time.monotonic() + 3
    while time.monotonic() < end:
        connection.sendall(data)
        if pause:
            time.sleep(pause)


def says(data, without_end=None, pause=0):
    """Reads the request and answers `data`, then `without_end` over and over."""
    def serve(connection):
        read_request(connection)
        connection.sendall(data)
        if without_end:
            endless(connection, without_end, pause)
    return serve


def resets(connection):
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def redirects_to_itself(connection):
    while read_request(connection):
        connection.sendall(reply(302, Location="/healthz"))


HEAD = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    # what the server does: the reason expected
    "answers nothing": ("timeout", lambda c: read_request(c) and time.sleep(5)),
    "closes at once": ("cut|protocol|connect", lambda c: None),
    "resets": ("cut", resets),
    "sends garbage": ("protocol", says(os.urandom(2000))),
    "speaks SSH": ("protocol", lambda c: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "sends an unexpected code": ("code: HTTP 503", says(reply(503))),
    "redirects to itself": ("code: HTTP 302", redirects_to_itself),
    "redirects elsewhere": ("code: HTTP 301", says(reply(301, Location="http://127.0.0.1:1/"))),
    "cuts the body short": ("cut|timeout", says(HEAD + b"Content-Length: 100\r\n\r\nfew")),
    "sends an endless body": ("size", says(HEAD + b"\r\n", b"x" * 1000)),
    "sends a body a little too large": ("size", says(reply(200, b"x" * 1025))),
    "sends an endless chunked body": (
        "size", says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
                     b"3e8\r\n" + b"x" * 1000 + b"\r\n")),
    "drips headers": ("timeout", says(HEAD, b"X-A: b\r\n", 0.01)),
    "bombs with many headers": ("size|protocol", says(HEAD, b"X-Bomb: " + b"y" * 500 + b"\r\n")),
    "bombs with one header": ("size|protocol", says(HEAD + b"X-Bomb: ", b"y" * 4096)),
    "continues for ever": ("size|protocol|timeout", says(
        b"", b"HTTP/1.1 100 Continue\r\nX-Pad: " + b"z" * 200 + b"\r\n\r\n")),
    "drips the body": ("timeout", says(HEAD + b"Content-Length: 900\r\n\r\n", b"x", 0.01)),
    "has a negative length": ("protocol|cut|timeout", says(HEAD + b"Content-Length: -5\r\n\r\n")),
    "has a huge length": ("size|cut|timeout|protocol", lambda c: (
        says(HEAD + b"Content-Length: 99999999999999999999\r\n\r\nxx")(c), time.sleep(1))),
    "speaks HTTP/0.9": ("protocol", says(b"<html>ok</html>")),
}


def test_hostile_servers(world):
    """All at once: each is down for its own reason, and the good one beside them is up."""
    servers, conf = {}, {"good": ("fra", Http(reply(200, b"x" * 1024)).where)}
    for i, (what, (_, serve)) in enumerate(HOSTILE.items()):
        servers[f"h{i}"] = Server(serve)
        conf[f"h{i}"] = ("fra", servers[f"h{i}"].where)
    continuing = Http(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)
    conf["continuing"] = ("fra", continuing.where)
    w = world(conf, check=http('method = "GET"  max-size = 1024',
                               speed='interval = "400ms"  timeout = "350ms" rise = 2 fall = 2'))
    w.wait("good", "up")
    w.wait("continuing", "up")
    for i, (what, (reason, _)) in enumerate(HOSTILE.items()):
        found = w.wait(f"h{i}", "down")
        assert any(found["reason"].startswith(r) for r in reason.split("|")), \
            (what, found["reason"])
    assert w.health()["good"]["state"] == "up"
    assert len(w.status()["servers"]) == len(conf)


def test_matches(world):
    body, header, both = Http(reply(200, b"all is well\n")), \
        Http(reply(200, b"x", X_State="fine-7")), Http(reply(200, b"all is well", X_State="fine-8"))
    w = world({"body": ("fra", body.where), "header": ("fra", header.where),
               "both": ("fra", both.where)},
              check=http(
                  'match-body = "^all is (well|good)$"  match-header = "x-state: ^fine-[0-9]$"'))
    w.wait("both", "up")
    assert both.requests[0].startswith(b"GET ")
    assert w.wait("body", "down")["reason"].startswith("header")
    assert w.wait("header", "down")["reason"].startswith("body")
    body.answer = reply(200, b"so so", X_State="fine-1")
    w.until(lambda: w.status()["servers"][0]["checks"][0]["result"] == "body", "the body's reason")
    body.answer = both.answer
    w.wait("body", "up")


@pytest.mark.parametrize("size, max_size", [(65000, "64k"), (3000000, "4m")])
@pytest.mark.parametrize("pattern", [
    "[a-z]+ready", "(a+)+$", "(a|aa)+$", r"(a+)\\1+b", "([a-z]+.)+ready", "[a-z]+1"])
def test_body_of_one_letter_stops_nothing(world, pattern, size, max_size):
    """What a cache sends costs the loop some milliseconds, not seconds: health goes on."""
    good, bad = Http(reply(200, b"aaready 1aaab")), Http(reply(200, b"a" * size + b"!"))
    w = world({"good": ("fra", good.where), "bad": ("fra", bad.where), "b1": ("nyc", good.where)},
              check=http(f'match-body = "{pattern}|ready"  max-size = {max_size}',
                         speed='interval = "200ms"  timeout = "190ms"  rise = 2  fall = 2'))
    w.wait("good", "up")
    prober = w.prober_pid()
    found = w.wait("bad", "down")
    assert found["reason"].startswith("body: "), found
    w.stays("good", "up", 1)
    assert w.prober_pid() == prober
    assert not [a for a in w.status()["alarms"] if "late" in a["text"]], w.status()["alarms"]


def test_header_of_one_letter_stops_nothing(world):
    """All lines of one answer share the time: sixteen of 4 KiB cost no more than one."""
    fine = Http(reply(200, X_State="fine"))
    bad = Http(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" +
               b"".join(b"X-State: " + b"a" * 3900 + b"\r\n" for _ in range(15)) + b"\r\n")
    w = world({"good": ("fra", fine.where), "bad": ("fra", bad.where)},
              check=http('match-header = "X-State: ^fine$|(a|aa)+$b"'))
    w.wait("good", "up")
    assert w.wait("bad", "down")["reason"] == "header: X-State: match too expensive"
    w.stays("good", "up", 1)


def test_codes(world):
    teapot, fine = Http(reply(418)), Http(OK)
    w = world({"teapot": ("fra", teapot.where), "fine": ("fra", fine.where)},
              check=http("codes = { 418, 204 }"))
    w.wait("teapot", "up")
    assert w.wait("fine", "down")["reason"] == "code: HTTP 200"


def test_families_apart(world):
    v4, v6 = Http(), Http(address="::1")
    w = world({"a1": ("fra", v4.where, v6.where), "a2": ("fra", Http().where)}, check=http())
    w.wait("a1", "up", v4="up", v6="up")
    v6.close()
    found = w.wait("a1", "up", v4="up", v6="down")
    assert "v6 connect" in found["reason"]
    v4.close()
    w.wait("a1", "down", v4="down", v6="down")
    v6.back()
    w.wait("a1", "up", v4="down", v6="up")


def test_load_scales_the_weight(world):
    server = Http(reply(200, X_Load="10"))
    w = world({"a1": ("fra", server.where)}, check=http())
    w.wait("a1", "up", weight=100)
    server.answer = reply(200, X_Load="97")
    w.wait("a1", "up", weight=25)
    server.answer = reply(200, X_Load="80")		# hysteresis: 25 is left below 75
    time.sleep(1)
    assert w.health()["a1"]["weight"] == 25
    server.answer = reply(200, X_Load="20")
    w.wait("a1", "up", weight=100)
    server.answer = reply(200, X_Load="nonsense")
    time.sleep(0.5)
    assert w.health()["a1"]["weight"] == 100


@pytest.mark.parametrize("load", ["0.9", "101", "-1", "", "50%", "1000"])
def test_load_that_is_none_says_so(world, load):
    w = world({"a1": ("fra", Http(reply(200, X_Load=load)).where)}, check=http())
    w.wait("a1", "up", weight=100)
    w.until(lambda: w.status()["servers"][0]["checks"][0]["detail"] ==
            f'X-Load "{load}" is no whole number from 0 to 100', "the detail")


def test_slow_server_loses_weight(world):
    server = Http()
    w = world({"a1": ("fra", server.where)},
              check=http('slow-at = "200ms"',
                         speed='interval = "250ms"  timeout = "1s"  rise = 2  fall = 2'))
    w.wait("a1", "up", weight=100)
    server.delay = 0.25
    w.wait("a1", "up", weight=25)
    server.delay = 1.5
    assert w.wait("a1", "down")["reason"].startswith("timeout")


def test_connections_are_kept_or_not(world):
    kept, fresh = Http(), Http()
    w = world({"a1": ("fra", kept.where)}, check=http("keepalive = yes"))
    w.until(lambda: len(kept.requests) >= 16, "16 requests")
    # up to `rise` to begin with, every second one since, as fall is 2
    assert len(kept.requests) // 2 - 1 <= kept.count <= len(kept.requests) // 2 + 3
    w.stop()
    w.servers, w.check = {"a1": ("fra", fresh.where)}, http("keepalive = no")
    w.write()
    w.start()
    w.until(lambda: len(fresh.requests) >= 6, "6 requests")
    assert fresh.count >= 6


def test_dead_listener_is_found_behind_a_kept_connection(world):
    """The port refuses, the old connection lives on: down within `fall` more checks."""
    server = Http()
    w = world({"a1": ("fra", server.where), "a2": ("fra", Http().where)},
              check=http("keepalive = yes",
                         speed='interval = "150ms"  timeout = "120ms"  rise = 2  fall = 3'))
    w.wait("a1", "up")
    time.sleep(1)
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    began = time.monotonic()
    assert "connect" in w.wait("a1", "down")["reason"]
    assert time.monotonic() - began < 6 * 0.15 + 1.0


@pytest.mark.parametrize("pause", [0, 0.05])
def test_body_sent_to_head_does_not_fail_the_next_check(world, pause):
    def chatty(connection):
        while read_request(connection) is not None:
            connection.sendall(reply(200).split(b"\r\n\r\n")[0] + b"\r\n\r\n" +
                               (b"" if pause else b"ok"))
            if pause:
                time.sleep(pause)
                connection.sendall(b"ok")

    server = Server(chatty)
    w = world({"a1": ("fra", server.where), "a2": ("fra", Http().where)}, check=http())
    w.wait("a1", "up")
    for _ in range(20):
        status = [s for s in w.status()["servers"] if s["name"] == "a1"][0]
        assert status["checks"][0]["result"] == "ok", status
        time.sleep(0.05)
    assert "a1: down" not in w.log()


def test_peer_that_closes_an_idle_connection_fails_nothing(world):
    def once(connection):
        read_request(connection)
        connection.sendall(OK.split(b"ok")[0])
        connection.recv(1)		# closes as the next request comes in

    server = Server(once)
    w = world({"a1": ("fra", server.where), "a2": ("fra", Http().where)}, check=http())
    w.wait("a1", "up")
    for _ in range(20):
        status = [s for s in w.status()["servers"] if s["name"] == "a1"][0]
        assert status["checks"][0]["result"] == "ok", status
        time.sleep(0.05)


def test_environment_and_proxies_do_not_matter(world, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    server = Http()
    w = world({"a1": ("fra", server.where)}, check=http())
    w.wait("a1", "up")
    assert server.requests[0].startswith(b"HEAD /healthz ")


def test_request_headers_and_password(world, tmp_path):
    (tmp_path / "secret").write_text("monitor:p:w d\n")
    os.chmod(tmp_path / "secret", 0o600)
    asked = Http()
    w = world({"a1": ("fra", asked.where)}, check=http(
        f'basic-auth-file = "{tmp_path}/secret"  request-header = {{ "X-Probe: yes", '
        '"Accept: text/plain" }'))
    w.wait("a1", "up")
    assert b"\r\nX-Probe: yes\r\n" in asked.requests[0]
    assert b"\r\nAccept: text/plain\r\n" in asked.requests[0]
    assert b"\r\nAuthorization: Basic bW9uaXRvcjpwOncgZA==\r\n" in asked.requests[0]


def test_certificate_that_ends_soon_is_an_alarm(world, tmp_path):
    """Made for two days: warned 14 days ahead, not one."""
    pair = certificate(tmp_path, "soon", "www.example.org")
    server = Server(tls(*pair))
    speed = 'interval = "500ms"  timeout = "450ms"  rise = 2  fall = 2'
    check = f'ca-file = "{pair[1]}"  certificate-days = '
    w = world({"a1": ("fra", server.where)},
              check=http(check + "14", url="https://www.example.org/", speed=speed))
    w.wait("a1", "up")
    w.until(lambda: [a for a in w.status()["alarms"] if re.fullmatch(
        "certificate of server a1 ends in [12] days?", a["text"])], "an alarm")
    w.stop()
    w.check = http(check + "1", url="https://www.example.org/", speed=speed)
    w.write()
    w.start()
    w.wait("a1", "up")
    time.sleep(1)
    assert not w.status()["alarms"]


def test_client_certificate(world, tmp_path):
    ours, theirs = (certificate(tmp_path, n, "www.example.org") for n in ("ours", "theirs"))
    os.chmod(ours[0], 0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs[1], theirs[0])
    context.load_verify_locations(ours[1])
    context.verify_mode = ssl.CERT_REQUIRED

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as c:
            while read_request(c) is not None:
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    speed = 'interval = "500ms"  timeout = "450ms"  rise = 2  fall = 2'
    check = f'ca-file = "{theirs[1]}"  certificate-days = 0 '
    w = world({"a1": ("fra", Server(serve).where)}, check=http(
        check + f'client-cert = "{ours[1]}"  client-key = "{ours[0]}"',
        url="https://www.example.org/", speed=speed))
    w.wait("a1", "up")
    w.stop()
    w.check = http(check, url="https://www.example.org/", speed=speed)
    w.write()
    w.start(wait=False)
    w.wait("a1", "down")


def certificate(folder, name, host):
    key, crt = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "2", "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=DNS:{host}"], check=True, capture_output=True)
    return key, crt


def tls(server_key, server_crt, seen=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_crt, server_key)
    if seen is not None:
        context.sni_callback = lambda sock, name, ctx: seen.append(name)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as c:
            while read_request(c) is not None:
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return serve


def test_tls(world, tmp_path):
    """The certificate must be the service's, though the address is the server's own."""
    right = certificate(tmp_path, "right", "www.example.org")
    wrong = certificate(tmp_path, "wrong", "www.example.net")
    names = []
    servers = {"good": Server(tls(*right, names)), "untrusted": Server(tls(*wrong)),
               "plain": Server(lambda c: (c.recv(100), c.sendall(reply(400)))),
               "mute": Server(lambda c: time.sleep(5))}
    speed = 'interval = "500ms"  timeout = "450ms"  rise = 2  fall = 2'
    w = world({n: ("fra", s.where) for n, s in servers.items()},
              check=http(f'ca-file = "{right[1]}"', url="https://www.example.org/", speed=speed))
    w.wait("good", "up")
    assert names[0] == "www.example.org"
    assert w.wait("untrusted", "down")["reason"].startswith("tls")
    assert w.wait("plain", "down")["reason"].startswith("tls")
    assert w.wait("mute", "down")["reason"].startswith("timeout")


def test_ca_file_without_certificates_is_refused(tmp_path):
    (tmp_path / "text.pem").write_text("garbage\n")
    for name, reason in (("absent.pem", "No such file"), ("text.pem", "PEM form were expected"),
                         (".", "PEM form were expected")):
        w = World(tmp_path, {"a1": ("fra", "127.0.0.1")},
                  check=http(f'ca-file = "{tmp_path}/{name}"', url="https://www.example.org/"))
        p = subprocess.run([*w.daemon.argv, "-t"], capture_output=True, text=True, timeout=20,
                           check=False)
        assert p.returncode == 1 and reason in p.stderr and "nearcast.conf:" in p.stderr, p.stderr


def test_tls_not_verified_and_wrong_name(world, tmp_path):
    wrong = certificate(tmp_path, "wrong", "www.example.net")
    server = Server(tls(*wrong))
    speed = 'interval = "500ms"  timeout = "450ms"  rise = 2  fall = 2'
    w = world({"a1": ("fra", server.where)},
              check=http(f'ca-file = "{wrong[1]}"', url="https://www.example.org/", speed=speed))
    assert w.wait("a1", "down")["reason"].startswith("tls")	# trusted, but for another name
    w.stop()
    w.check = http("verify = no", url="https://www.example.org/", speed=speed)
    w.write()
    w.start(wait=False)
    w.wait("a1", "up")
