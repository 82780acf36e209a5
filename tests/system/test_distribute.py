"""deploy/distribute: a release to two sites of three endpoints each, and what may go wrong."""
import os

import pytest

from distribute_world import NEEDS, World, fill, set_id

pytestmark = NEEDS
LONG = bool(os.environ.get("NEARCAST_LONG"))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("d"), sites=2, endpoints=3).start()
    yield w
    w.close()


def test_two_sites(two, tmp_path):
    """Six endpoints come to one release within 15 s, and the origin sends a copy a site."""
    size = 200_000_000 if LONG else 60_000_000
    tree = fill(tmp_path / "tree", {"big": size})
    before = two.sent()
    ident = two.release(tree)
    took = two.wait_current(ident, seconds=15)
    copies = (two.sent() - before) / size
    print(f"{len(two.all)} endpoints in {took:.1f} s, {copies:.3f} copies")
    assert ident == set_id(tree)
    assert [two.current(e) for e in two.all] == [ident] * 6
    assert copies <= 2.05
