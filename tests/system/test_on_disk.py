"""What is said to be kept is on the disk, in the right order: by the system calls."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT

EVENTS = os.path.join(BUILD, "tests/bench/events")
pytestmark = pytest.mark.skipif(not shutil.which("strace") or "san" in os.path.basename(BUILD),
                                reason="needs strace, and no sanitizer")


def traced(folder, calls, *argv):
    """(seconds, name, the rest) of each of these calls, descriptors with their paths."""
    out = os.path.join(folder, "trace")
    p = subprocess.run(["strace", "-f", "-y", "-qq", "-ttt", "-s", "0", "-e", f"trace={calls}",
                        "-e", "signal=none", "-o", out, *map(str, argv)],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p
    with open(out) as f:
        found = [re.match(r"\d+ +([\d.]+) (\w+)\((.*)", line) for line in f]
    return [(float(m[1]), m[2], m[3]) for m in found if m]


def test_lines_of_a_log(tmp_path):
    """Within about a second of being written; and the folder, which has the file's name."""
    subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(EVENTS, ROOT)], check=True)
    spool = tmp_path / "spool"
    spool.mkdir()
    calls = traced(tmp_path, "write,fdatasync,fsync", EVENTS, spool, "events", "h1", "100", "4",
                   str(16 << 20))
    calls = [c for c in calls if str(spool) in c[2]]
    written = [at for at, name, rest in calls if name == "write"]
    synced = [at for at, name, rest in calls if name == "fdatasync" and ".log>" in rest]
    folder = [at for at, name, rest in calls if name == "fsync" and f"<{spool}>" in rest]
    assert written and synced and folder and folder[0] - written[0] < 3
    for at in written:
        # what is written last waits for the end alone
        assert any(0 <= s - at < 3 for s in synced), (at, synced)


def test_a_catalogue(tmp_path):
    """The file, its new name, the folder: in this order."""
    manifest = tmp_path / "manifest"
    manifest.write_text("a\t5\t1700000000\t" + "ab" * 32 + "\n")
    path = tmp_path / "catalogue.db"
    calls = traced(tmp_path, "pwrite64,rename,renameat,renameat2,fsync", f"{BUILD}/nearctl",
                   "catalogue", "import", manifest, "--catalogue", path)
    calls = [(name, rest) for _, name, rest in calls if "journal" not in rest]
    last = max(i for i, (name, rest) in enumerate(calls) if name == "pwrite64")
    assert [name for name, rest in calls[last:]] == ["pwrite64", "fsync", "rename", "fsync"], calls
    assert f"<{path}.new>" in calls[last + 1][1] and f"<{tmp_path}>" in calls[last + 3][1]
