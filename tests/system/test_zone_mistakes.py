"""All mistakes of a zone file are told once, in order: by dnsd -t, in the log, to who asks for the
reload.  What is served stays."""
import os
import re

from conftest import nearctl

HEAD = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n"
BAD = HEAD + "b A 192.0.2.x\nc CNAME a\nc TXT x\nd TXT \"x\ne AAA 1\n\tA 192.0.2.y\n"
PLACES = [5, 7, 8, 9, 10]


def lines_told(text, prefix=""):
    return [int(n) for n in re.findall(prefix + r"\S*example\.org\.zone:(\d+): ", text)]


def test_all_mistakes_of_a_zone_are_told(dnsd_factory):
    d = dnsd_factory(zones={"example.org": HEAD})
    d.write_file("example.org.zone", BAD)
    status, said = d.check()
    assert status == 1
    assert lines_told(said, "error: ") == PLACES == lines_told(said)
    before = len(d.log())
    p = nearctl(d.argv[2], "reload")
    assert p.returncode == 1
    assert lines_told(p.stdout + p.stderr) == PLACES
    assert lines_told(d.log()[before:], "error: ") == PLACES == lines_told(d.log()[before:])
    assert "the old version stays" in d.log()[before:]
    assert d.udp("a.example.org").answer[0][0].address == "192.0.2.1"


def test_more_than_twenty_mistakes_are_counted(dnsd_factory):
    d = dnsd_factory(zones={"example.org": HEAD})
    d.write_file("example.org.zone", HEAD + "".join(f"h{i} A 192.0.2.x\n" for i in range(33)))
    status, said = d.check()
    assert status == 1
    assert lines_told(said) == list(range(5, 25))
    assert "and 13 more mistakes" in said


def test_unknown_pools_are_told_with_the_other_mistakes(dnsd_factory):
    d = dnsd_factory(zones={"example.org": HEAD})
    d.write_file("example.org.zone", HEAD + "d A 192.0.2.1\n_steer.d TXT pool=p\n"
                 "e A 192.0.2.1\n_steer.e TXT pool=q\n")
    status, said = d.check()
    assert status == 1
    assert lines_told(said) == [6, 8]


def test_a_file_looked_for_in_vain_is_no_warning(dnsd_factory):
    """$INCLUDE from a folder below finds its neighbour, until there is one beside the zone."""
    d = dnsd_factory(zones={"example.org": HEAD}, start=False)
    os.mkdir(os.path.join(d.folder, "sub"))
    d.write_file("sub/one", "$INCLUDE two\n")
    d.write_file("sub/two", "b A 192.0.2.2\n")
    d.zones["example.org"] = HEAD + "$INCLUDE sub/one\n"
    d.write()
    d.start()
    assert "example.org.zone:" not in d.check()[1]
    assert d.udp("b.example.org").answer[0][0].address == "192.0.2.2"
    d.write_file("two", "b A 192.0.2.3\n")
    d.reload(r"generation \d+ in service")
    assert d.udp("b.example.org").answer[0][0].address == "192.0.2.3"
