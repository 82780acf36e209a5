"""deploy/distribute: releases to two sites of three endpoints each.

NEARCAST_LONG=1 takes the sizes and counts of the acceptance runs.
"""
import os

import pytest

from distribute_world import NEEDS, ORIGIN, World, call, fill, set_id

pytestmark = NEEDS
LONG = bool(os.environ.get("NEARCAST_LONG"))


@pytest.fixture(scope="module")
def two():
    w = World(sites=2, endpoints=3).start()
    w.serve("s1e1")
    w.before = w.get("s1e1", "http://127.0.0.1/healthz")
    yield w
    w.close()


def test_two_sites(two, tmp_path):
    """Six endpoints come to one release within 15 s, and the origin sends a copy a site."""
    size = 200_000_000 if LONG else 40_000_000
    tree = fill(tmp_path / "tree", {"big": size})
    before = two.sent()
    ident = two.release(tree)
    took = two.wait_current(ident, seconds=15 if LONG else 30)
    copies = (two.sent() - before) / size
    print(f"{len(two.all)} endpoints in {took:.1f} s, {copies:.3f} copies")
    assert ident == set_id(tree)
    assert [two.current(e) for e in two.all] == [ident] * 6
    assert copies <= 2.05
    peers = two.get("s1", "http://10.77.0.1:6969/stats?mode=peer")
    assert peers[0] == 200                  # for people on this machine


def test_endpoint_nginx(two):
    """endpoint.conf: no set id before the first release; then the set's, and the origin's ETags."""
    assert two.before[0] == 503 and not two.before[1].get("x-set-id")
    ident = two.current("s1e1")
    status, head = two.get("s1e1", "http://127.0.0.1/healthz")
    assert (status, head["x-set-id"], head["cache-control"]) == (204, ident, "no-store")
    seen = [two.get(machine, url)[1] for machine, url in (
        ("s1e1", "http://127.0.0.1/big"), ("s1e1", f"http://127.0.0.1/sets/{ident}/big"),
        ("s1e1", f"http://10.77.0.1/sets/{ident}/big"), ("s1e1", "http://10.77.0.1/big"),
        ("o", f"http://{ORIGIN}/sets/{ident}/big"))]
    assert len({h["etag"] for h in seen}) == 1 and len({h["content-length"] for h in seen}) == 1
    assert seen[0]["x-set-id"] == ident
    for path in ("/", "/none", "/.status", "/sets/", f"/sets/{ident}/", "/../status", "/a%20b",
                 "/%2e%2e/status", "/sets/../current/big", "/sets/" + "0" * 32 + "/big"):
        found = call("ip", "netns", "exec", two.net.ns("s1e1"), "curl", "-s", "-o", "/dev/null",
                     "--path-as-is", "-w", "%{http_code}", "http://127.0.0.1" + path).stdout
        assert found in ("404", "403", "400"), path
    assert call("ip", "netns", "exec", two.net.ns("s1e1"), "curl", "-s", "-X", "DELETE", "-o",
                "/dev/null", "-w", "%{http_code}", "http://127.0.0.1/big").stdout == "405"


def test_small_files_and_back(two, tmp_path):
    """2,000 files are one set; of the next, only what changed is fetched; then back, from disk."""
    first = two.named("s1e1")
    names = {f"p{n // 100}/f{n}.deb": 1000 + n * 13 for n in range(2000)}
    tree = fill(tmp_path / "tree", names)
    before = two.sent()
    small = two.release(tree)
    two.wait_current(small)
    copies = (two.sent() - before) / sum(names.values())
    print(f"2,000 files: {copies:.3f} copies")
    # a HEAD, a GET and what TCP adds for each file and site, and the papers
    assert two.sent() - before < 2 * (1.01 * sum(names.values()) + 2000 * 1000 + 600_000)
    assert [two.current(e) for e in two.all] == [small] * 6

    fill(tree, {"p3/f300.deb": 100_000, "new": 3_000_000})
    os.unlink(f"{tree}/p4/f400.deb")
    before = two.sent()
    changed = two.release(tree)
    two.wait_current(changed)
    sent = two.sent() - before
    print(f"3.1 MB changed: {sent / 1e6:.1f} MB sent to two sites")
    assert [two.current(e) for e in two.all] == [changed] * 6
    assert sent < 2 * 3_100_000 + 12_000_000        # pieces are 1 MiB, manifests 0.2 MB

    before = two.sent()
    call(two.publish_set, "--no-notify", "--rollback", small, two.root)
    two.wait_current(small)
    assert two.sent() - before < 100_000
    assert two.make(tree) == changed                # the same release twice
    two.publish(tree)
    two.wait_current(changed)
    assert two.publish(tree) == changed
    assert first != changed
