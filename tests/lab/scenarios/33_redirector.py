import hashlib
import os

import redirector
from inet import EYEBALLS

TITLE = "a redirector, four foreign mirrors: one lacks files, one is stale, one corrupt, one dies"


def everybody(lab, known):
    """Every file from every region: never to a mirror without it, and then the right octets."""
    count = {}
    for region in EYEBALLS:
        for n, path in enumerate(known):
            where = redirector.ask(lab, region, path, 10 + n)
            assert where in redirector.MIRRORS, f"{region} {path}: {where}"
            assert redirector.has(lab, where, path), f"{region} {path}: {where} has not got it"
            count[where] = count.get(where, 0) + 1
        path = [*known][-1]
        where = redirector.ask(lab, region, path)
        right = redirector.download(lab, region, path) == known[path]
        assert right == (where != "corrupt"), f"{region} {path} from {where}"
    assert set(count) == set(redirector.MIRRORS), count
    return count


def by_metalink(lab, path, digest):
    """aria2 ends with the right file, though one of the two near mirrors is corrupt."""
    folder = lab.path("eu", "aria2")
    out = lab.net.call("eu", "aria2c", "--no-conf", "-q", "--allow-overwrite=true",
                       "--follow-metalink=mem", "--min-split-size=1M", "--split=2", "--interface",
                       redirector.source("eu"), "-d", folder, redirector.url(path) + ".meta4")
    assert out.returncode == 0, out.stdout + out.stderr
    with open(os.path.join(folder, os.path.basename(path)), "rb") as f:
        assert hashlib.sha256(f.read()).hexdigest() == digest, "aria2 has another file"


def seen(lab, path):
    """The mirrors that clients all over eu are sent to."""
    return {redirector.ask(lab, "eu", path, n) for n in range(10, 22)}


def run(lab):
    known = redirector.start(lab)
    lab.time_until(lambda: redirector.ask(lab, "eu", [*known][0]) in redirector.MIRRORS, 10)
    count = everybody(lab, known)
    by_metalink(lab, [*known][1], [*known.values()][1])
    path = [*known][1]
    assert seen(lab, path) == {"corrupt", "dying"}
    with redirector.Asker(lab, "eu", known) as asker:
        lab.kill("dying", "nginx")
        out = lab.time_until(lambda: "dying" not in seen(lab, path), 15)
        redirector.start_mirror(lab, "dying")
        back = lab.time_until(lambda: "dying" in seen(lab, path), 15)
        lab.kill("redir", "redirectd")
        assert seen(lab, path) == {"home"}, "redirectd is dead, and files are not served from here"
        redirector.start_daemon(lab, "redirectd")
        lab.time_until(lambda: "home" not in seen(lab, path), 15)
    redirector.stop(lab)
    assert asker.result["failed"] == 0, asker.result["said"]
    return (f"{sum(count.values())} redirects, each to a mirror that has the file ({count}); "
            f"aria2 right in spite of the corrupt one; dead mirror out after {out:.0f} ms, back "
            f"after {back:.0f} ms, {asker.result['asked']} asked meanwhile, 0 failed")
