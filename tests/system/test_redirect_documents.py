"""What redirectd gives beside files, as programs that read it see it: scripts, xmllint, aria2c,
sha256sum, a BitTorrent library, browsers."""
import base64
import hashlib
import html.parser
import json
import os
import re
import subprocess
import urllib.parse

import libtorrent
import pytest

from conftest import HERE
from documents_world import World

SIZE = 2_500_000
ISO = bytes(i * i % 251 for i in range(1000)) * (SIZE // 1000)
ODD = [b"a b+c%20.bin", b"K\xc3\xb6ln.bin", b"<x>&\"'.bin", b"x\xff\x01\xe2\x82.bin",
       b"a\\b\tc.bin", b"-.bin", b"a;b,c(d)[e]#f?g.bin", b"]]>&amp;.bin"]
FILES = {b"iso/b.iso": ISO, b"iso/c.iso": ISO[::-1], b"iso/c.iso.torrent": b"d4:infodee" * 500,
         b"iso/c.iso.zsync": b"zsync: 0.6.2\n" * 500, b"iso/c.iso.md5": b"its own " * 1000,
         b"iso/b.iso.asc": b"-----BEGIN PGP SIGNATURE-----", b"iso/alone.iso": ISO[5:],
         **{b"odd/" + name: name * 1000 for name in ODD}}
META4 = "application/metalink4+xml"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("documents"), FILES,
              redirect='tracker = { "http://tracker.example/announce" }')
    held = {k: v for k, v in FILES.items() if k != b"iso/alone.iso"}
    w.mirror("good", held, country='"NO"', location="{ 59.9, 10.7 }")
    # 7 octets in the second piece are others, of the same size and time
    corrupt = dict(held)
    corrupt[b"iso/b.iso"] = ISO[:1_500_000] + b"CORRUPT" + ISO[1_500_007:]
    w.mirror("corrupt", corrupt, country='"NO"', location="{ 59.9, 10.8 }")
    w.mirror("far", held, country='"AU"', location="{ -33.9, 151.2 }")
    w.mirror("few", {b"iso/c.iso": ISO[::-1]}, country='"NO"', location="{ 60.4, 5.3 }")
    w.mirror("off", held, country='"NO"', enabled="no")
    w.start("--pieces", "--md5")
    yield w
    w.stop()


def target(path):
    return "/" + urllib.parse.quote(path)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def every_word(w, path, data):
    """{word: (status, type, body)} where the body is the same for everyone."""
    name = path.decode().split("/")[-1]
    return {
        "sha256": (200, "text/plain; charset=UTF-8", f"{sha256(data)}  {name}\n"),
        "md5": (200, "text/plain; charset=UTF-8", f"{hashlib.md5(data).hexdigest()}  {name}\n"),
        "sha1": (404, "text/plain; charset=UTF-8",
                 "no SHA-1 of this file is known; ask for its SHA-256\n"),
        "zsync": (404, "text/plain; charset=UTF-8", "there is no zsync file for this file\n"),
        "meta4": (200, META4 + "; charset=UTF-8", None),
        "metalink": (200, "application/metalink+xml; charset=UTF-8", None),
        "mirrorlist": (200, "text/html; charset=UTF-8", None),
        "torrent": (200, "application/x-bittorrent", None),
        "magnet": (200, "text/plain; charset=UTF-8", None),
        "btih": (200, "text/plain; charset=UTF-8", None),
    }


def test_every_suffix_and_query(world):
    for word, (status, kind, body) in every_word(world, b"iso/b.iso", ISO).items():
        for asked in ("/iso/b.iso." + word, "/iso/b.iso?" + word, "/iso/b.iso?x=1&" + word + "=1",
                      "/iso/./b%2Eiso." + word):
            a = world.get(asked)
            assert (a.status, a.head("content-type")) == (status, kind), asked
            assert body is None or a.body.decode() == body, asked
            head = world.get(asked, "HEAD")
            assert (head.status, head.head("content-type"), head.body) == (status, kind, b""), asked
            if not re.search("meta|torrent", word):        # they tell the time, or may
                assert head.head("content-length") == str(len(a.body)), asked
        for asked in ("/iso/none.iso." + word, "/iso/." + word, "/iso." + word, "/" + word):
            assert world.get(asked).status == 404, asked


def test_only_the_hash(world):
    assert world.get("/iso/b.iso.sha256?only_hash").body.decode() == sha256(ISO) + "\n"
    assert world.get("/iso/b.iso?md5&only_hash").body.decode() == \
        hashlib.md5(ISO).hexdigest() + "\n"


def test_a_file_of_that_name_goes_first(world):
    """.md5 is a file here, so it is sent as files are, to a mirror or from here."""
    a = world.get("/iso/c.iso.md5")
    assert a.status == 302 and a.head("location").endswith("/iso/c.iso.md5")
    assert world.get("/iso/c.iso?md5").body.decode() == \
        hashlib.md5(ISO[::-1]).hexdigest() + "  c.iso\n"
    for word in ("torrent", "zsync"):          # ready ones are sent, from here
        a = world.get("/iso/c.iso?" + word)
        assert (a.status, a.body) == (200, FILES[b"iso/c.iso." + word.encode()]), word


def test_what_is_read_back_by_checksum_programs(world, tmp_path):
    for name in ODD:
        data = FILES[b"odd/" + name]
        (tmp_path / os.fsdecode(name)).write_bytes(data)
        for word in ("sha256", "md5"):
            a = world.get(target(b"odd/" + name) + "." + word)
            assert a.status == 200, name
            done = subprocess.run([word + "sum", "-c", "-"], input=a.body, cwd=tmp_path,
                                  capture_output=True)
            assert done.returncode == 0, (name, a.body, done.stderr)


def xmllint(body, *options):
    done = subprocess.run(["xmllint", "--noout", "--nonet", *options, "-"], input=body,
                          capture_output=True)
    return done.returncode, done.stderr.decode()


def test_metalinks_are_what_the_schema_says(world):
    schema = ["--relaxng", os.path.join(HERE, "metalink4.rng")]
    for path in [b"iso/b.iso"] + [b"odd/" + name for name in ODD]:
        a = world.get(target(path) + ".meta4")
        assert (a.status, xmllint(a.body, *schema)[0]) == (200, 0), (path, xmllint(a.body, *schema))
        assert a.head("vary") == "Accept" and "no-store" in a.head("cache-control")
        a = world.get(target(path) + ".metalink")
        assert (a.status, xmllint(a.body)[0]) == (200, 0), (path, xmllint(a.body))
    # the schema is one that refuses
    broken = world.get("/iso/b.iso.meta4").body.replace(b'priority="1"', b'priority="0"', 1)
    assert xmllint(broken, *schema)[0] != 0


def urls(body, element="url"):
    """[(attributes, URL)] of a metalink."""
    import xml.etree.ElementTree as xml
    return [(e.attrib, e.text) for e in xml.fromstring(body).iter()
            if e.tag.rpartition("}")[2] == element]


def test_near_mirrors_and_home_are_equal(world):
    body = world.get("/iso/b.iso.meta4?country=no").body
    found = {url: int(a["priority"]) for a, url in urls(body)}
    assert found == {world.mirror_url("good", "iso/b.iso"): 1,
                     world.mirror_url("corrupt", "iso/b.iso"): 1,
                     world.url("/iso/b.iso?here"): 1,
                     world.mirror_url("far", "iso/b.iso"): 2}
    found = {url: int(a["preference"]) for a, url in
             urls(world.get("/iso/b.iso.metalink?country=no").body)}
    assert sorted(found.values()) == [99, 100, 100, 100]


def test_the_copy_at_home_is_never_redirected(world):
    a = world.get("/iso/b.iso?here")
    assert (a.status, a.body) == (200, ISO)
    a = world.get("/iso/b.iso?here", Range="bytes=10-19")
    assert (a.status, a.body) == (206, ISO[10:20])


def test_without_mirrors(world):
    assert world.get("/iso/alone.iso.meta4").status == 404
    a = world.get("/iso/alone.iso", Accept=META4)
    assert (a.status, a.body) == (200, FILES[b"iso/alone.iso"])
    assert world.get("/iso/alone.iso.sha256").body.decode() == sha256(ISO[5:]) + "  alone.iso\n"


def test_accept(world):
    a = world.get("/iso/b.iso", Accept=META4)
    assert (a.status, a.head("content-type")) == (200, META4 + "; charset=UTF-8")
    assert a.head("vary") == "Accept"
    assert a.head("content-disposition") == 'attachment; filename="b.iso.meta4"'
    for accept in ("*/*", "application/*", META4 + ";q=0", "*/*, " + META4 + ";q=0.9", ""):
        assert world.get("/iso/b.iso", Accept=accept).status == 302, accept
    a = world.get("/iso/b.iso", Accept="*/*,application/metalink+xml")
    assert a.head("content-type") == "application/metalink+xml; charset=UTF-8"
    # a file that stays at home stays there
    a = world.get("/iso/b.iso.asc", Accept=META4)
    assert (a.status, a.body) == (200, FILES[b"iso/b.iso.asc"])


def test_names_of_downloads(world):
    wanted = {
        b"a b+c%20.bin": "attachment; filename=\"a b+c_20.bin.meta4\"; "
                         "filename*=UTF-8''a%20b+c%2520.bin.meta4",
        b"<x>&\"'.bin": "attachment; filename=\"<x>&_'.bin.meta4\"; "
                        "filename*=UTF-8''%3Cx%3E&%22%27.bin.meta4",
        b"-.bin": 'attachment; filename="-.bin.meta4"',
    }
    for name, value in wanted.items():
        assert world.get(target(b"odd/" + name) + ".meta4").head("content-disposition") == value


def test_fields_of_a_redirect(world):
    a = world.get("/iso/b.iso?country=no")
    assert a.status == 302
    first = a.head("location")
    names = [name for name in ("good", "corrupt") if world.mirror_url(name, "iso/b.iso") == first]
    links = [v for n, v in a.heads if n == "link"]
    site = world.url("/iso/b.iso")
    assert links[:3] == [f'<{site}.meta4>; rel=describedby; type="application/metalink4+xml"',
                         f'<{site}.asc>; rel=describedby; type="application/pgp-signature"',
                         f'<{site}.torrent>; rel=describedby; type="application/x-bittorrent"']
    assert sorted(links[3:]) == sorted(
        f"<{world.mirror_url(name, 'iso/b.iso')}>; rel=duplicate; pri={pri}; geo={geo}"
        for name, pri, geo in (("good", 1, "no"), ("corrupt", 1, "no"), ("far", 2, "au")))
    assert links[3].startswith(f"<{first}>")
    digest = base64.b64encode(hashlib.sha256(ISO).digest()).decode()
    md5 = base64.b64encode(hashlib.md5(ISO).digest()).decode()
    assert a.head("digest") == f"MD5={md5}, SHA-256={digest}"
    assert a.head("repr-digest") == f"sha-256=:{digest}:"
    assert [a.head("x-mirrorbrain-mirror")] == names
    assert a.head("x-mirrorbrain-realm") in ("region", "country")


def test_odd_names_in_links(world):
    for name in ODD:
        a = world.get(target(b"odd/" + name) + "?country=no")
        assert a.status == 302, name
        links = [v for n, v in a.heads if n == "link"]
        for url in [a.head("location")] + [v[1:v.index(">")] for v in links]:
            path = urllib.parse.unquote_to_bytes(urllib.parse.urlsplit(url).path)
            assert path in (b"/odd/" + name, b"/odd/" + name + b".meta4",
                            b"/odd/" + name + b".torrent"), url


# ---- programs that download ----

def aria2(folder, *argv):
    return subprocess.run(["aria2c", "--no-conf", "-q", "--enable-dht=false",
                           "--bt-enable-lpd=false", "-d", str(folder), *argv],
                          timeout=60).returncode


def test_aria2_leaves_a_corrupt_mirror(world, tmp_path):
    for word in ("meta4", "metalink"):
        file = tmp_path / ("b." + word)
        # the copy at home is there as well: without it, that is the good mirror's work alone
        body = world.get(f"/iso/b.iso.{word}?country=no").body
        body = re.sub(rb"<url [^>]*>[^<]*(here|127\.77\.0\.3)[^<]*</url>", b"", body)
        assert len(urls(body)) == 2
        file.write_bytes(body)
        assert aria2(tmp_path / word, "--min-split-size=1M", "--split=2", "-M", str(file)) == 0
        assert (tmp_path / word / "b.iso").read_bytes() == ISO


def test_aria2_by_accept(world, tmp_path):
    """As it comes from the network: aria2 asks for the file and is given the metalink."""
    assert aria2(tmp_path, "--header=Accept: " + META4, "--min-split-size=1M", "--split=2",
                 world.url("/iso/b.iso?country=no")) == 0
    assert (tmp_path / "b.iso").read_bytes() == ISO


def test_torrents(world, tmp_path):
    (tmp_path / "b.iso").write_bytes(ISO)
    subprocess.run(["mktorrent", "-l", "20", "-a", "http://tracker.example/announce", "-o",
                    "theirs.torrent", "b.iso"], cwd=tmp_path, check=True, capture_output=True)
    theirs = libtorrent.torrent_info(str(tmp_path / "theirs.torrent"))
    (tmp_path / "ours.torrent").write_bytes(world.get("/iso/b.iso.torrent?country=no").body)
    ours = libtorrent.torrent_info(str(tmp_path / "ours.torrent"))
    assert ours.info_hash() == theirs.info_hash()
    assert [t.url for t in ours.trackers()] == ["http://tracker.example/announce"]
    assert {seed["url"] for seed in ours.web_seeds()} == {
        world.mirror_url("good", "iso/b.iso"), world.mirror_url("corrupt", "iso/b.iso"),
        world.url("/iso/b.iso?here")}
    shown = subprocess.run(["aria2c", "-S", "ours.torrent"], cwd=tmp_path, capture_output=True,
                           text=True, check=True).stdout
    assert f"Info Hash: {theirs.info_hash()}" in shown
    assert world.get("/iso/b.iso.btih").body.decode() == f"{theirs.info_hash()}  b.iso\n"
    magnet = world.get("/iso/b.iso.magnet?country=no").body.decode().strip()
    read = libtorrent.parse_magnet_uri(magnet)
    assert (str(read.info_hash), read.name) == (str(theirs.info_hash()), "b.iso")
    assert read.trackers == ["http://tracker.example/announce"]
    assert set(read.url_seeds) == {s["url"] for s in ours.web_seeds()}


def test_torrents_of_odd_names(world, tmp_path):
    for i, name in enumerate(ODD):
        a = world.get(target(b"odd/" + name) + ".torrent")
        read = libtorrent.bdecode(a.body)
        assert read[b"info"][b"name"] == name
        assert read[b"info"][b"pieces"] == hashlib.sha1(FILES[b"odd/" + name]).digest()
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as f:
            f.write(FILES[b"odd/" + name])
        if name.startswith(b"-"):
            continue
        subprocess.run(["mktorrent", "-l", "20", "-o", f"{i}.torrent", name], cwd=tmp_path,
                       check=True, capture_output=True)
        theirs = libtorrent.bdecode((tmp_path / f"{i}.torrent").read_bytes())
        assert theirs[b"info"] == read[b"info"], name


# ---- the list of mirrors ----

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.text, self.tags = [], [], "", set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.links += [v for k, v in attrs if k in ("href", "src")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_mirrorlist_for_people(world):
    a = world.get("/iso/b.iso?mirrorlist&country=no", Accept="text/html,*/*;q=0.8")
    page = Page(a.body.decode())
    assert page.open == [] and "script" not in page.tags
    assert "b.iso" in page.text and sha256(ISO) in page.text
    for words in ("it does not have this file", "it is not enabled", "farther away"):
        assert words in page.text
    assert world.mirror_url("good", "iso/b.iso") in page.links
    for name in ("off", "few"):
        assert not [u for u in page.links if world.mirror_url(name) in u]
    for name in ODD:
        a = world.get(target(b"odd/" + name) + ".mirrorlist")
        page = Page(a.body.decode())                           # it is UTF-8, in any case
        assert page.open == [], name
        assert page.tags <= {"html", "head", "meta", "title", "style", "body", "h1", "ul", "li",
                             "code", "a", "p", "table", "tr", "th", "td"}, name


def test_mirrorlist_for_programs(world):
    a = world.get("/iso/b.iso?mirrorlist&country=no&format=json")
    assert a.head("content-type") == "application/json"
    said = json.loads(a.body)
    assert said["file"] == {"path": "/iso/b.iso", "size": SIZE, "mtime": 1764298800,
                            "sha256": sha256(ISO), "md5": hashlib.md5(ISO).hexdigest()}
    assert said["client"]["country"] == "NO" and said["client"]["known"] == "query"
    assert said["end"] == "mirror" and said["url"] == world.get(
        "/iso/b.iso?country=no").head("location")
    whys = {m["name"]: (m["taken"], m["why"]) for m in said["mirrors"]}
    assert whys["few"] == (False, "no-file") and whys["off"] == (False, "disabled")
    assert whys["good"] == (True, "near") and whys["far"] == (True, "far")
    assert world.get("/iso/b.iso.mirrorlist", Accept="application/json").head(
        "content-type") == "application/json"
    text = world.get("/iso/b.iso.mirrorlist?country=no", Accept="text/plain").body.decode()
    assert re.search(r"^- few NO \d+km http://\S+ no-file: it does not have this file$", text, re.M)
    assert re.search(r"^1 good NO \d+km http://\S+ near: ", text, re.M)


def test_mirrorlist_of_what_stays_at_home(world):
    said = json.loads(world.get("/iso/alone.iso?mirrorlist&format=json").body)
    assert (said["end"], said["url"], said["why"]) == ("home", None, "no-mirror")
    said = json.loads(world.get("/iso/b.iso.asc?mirrorlist&format=json").body)
    assert (said["end"], said["why"]) == ("home", "small")
    a = world.get("/iso/none.iso?mirrorlist&format=json")
    assert a.status == 404 and json.loads(a.body)["why"] == "not-catalogued"
