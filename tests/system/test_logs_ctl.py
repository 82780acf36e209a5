"""nearctl logcheck and logcat: every hole that nobody declared, and all lines by their time."""
import os
import subprocess
import time

import pytest
from conftest import BUILD, nearctl


def event(seq, boot="20261127T000000Z.1", host="fra1", t=None, **more):
    members = "".join(f',"{k}":' + (f'"{v}"' if isinstance(v, str) else str(v))
                      for k, v in more.items())
    return f'{{"host":"{host}","boot":"{boot}","seq":{seq},"t":{100 + seq if t is None else t}' \
           f'{members}}}\n'


def request(w, c, n, t=1, host="fra1"):
    return f'{{"host":"{host}","t":{t},"w":{w},"c":{c},"n":{n},"u":"/x","s":200}}\n'


class Folder:
    def __init__(self, path):
        self.path = path

    def put(self, name, *lines):
        p = self.path / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text("".join(lines))

    def check(self):
        p = nearctl(None, "logcheck", self.path)
        return p.returncode, p.stdout, p.stderr

    def cat(self, *options):
        p = nearctl(None, "logcat", *options, self.path)
        assert p.returncode == 0, p.stderr
        return p.stdout.splitlines(keepends=True)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "log")


A = "fra1/dnsd-20261127T000000Z.1-00000%d.log"


def test_whole(folder):
    folder.put(A % 0, *map(event, range(5)))
    folder.put(A % 1, *map(event, range(5, 9)))
    folder.put("nginx-2026-11-27T16:52:.log", request(1, 1, 1), request(1, 1, 2), request(2, 2, 1))
    status, out, _ = folder.check()
    assert status == 0 and "fra1 dnsd 20261127T000000Z.1: 0 to 8, 9 lines\n" in out
    assert "fra1 nginx: 3 lines of 2 connections\n" in out
    assert "3 files, 12 lines, 0 missing\n" in out


def test_one_line_deleted_is_named(folder):
    folder.put(A % 0, *map(event, range(100)))
    folder.put(A % 1, *[event(i) for i in range(100, 200) if i != 137])
    status, out, _ = folder.check()
    assert status == 1 and out.splitlines()[0].endswith("0 to 199, 199 lines, MISSING 137")


def test_declared_losses_are_no_fault(folder):
    folder.put(A % 0, event(0), event(1), event(10, ev="lost", **{"from": 2, "to": 9}), event(11))
    status, out, _ = folder.check()
    assert status == 0 and "declared lost 2-9\n" in out
    folder.put(A % 0, event(0), event(1), event(10, ev="lost", **{"from": 3, "to": 8}), event(11))
    status, out, _ = folder.check()
    assert status == 1 and "declared lost 3-8, MISSING 2, 9\n" in out


def test_a_lost_segment_and_one_that_expired(folder):
    folder.put(A % 0, event(0))
    folder.put(A % 2, event(9))
    status, out, _ = folder.check()
    assert status == 1 and "MISSING 1-8" in out
    os.unlink(folder.path / (A % 0))
    status, out, _ = folder.check()
    assert status == 0 and "9 to 9, 1 line, from segment 2 on" in out
    # the first segment, without its first line
    folder.put(A % 0, event(1))
    folder.put(A % 2, event(2))
    status, out, _ = folder.check()
    assert status == 1 and "MISSING 0" in out


def test_repeats_torn_lines_and_nonsense(folder):
    folder.put(A % 0, event(0), event(1), event(1), event(2)[:20])
    folder.put((A % 0) + ".65454a52", event(0), event(1))
    status, out, _ = folder.check()
    assert status == 0 and "0 to 1, 5 lines, 1 repeated, torn\n" in out
    assert f"{A % 0}:4: torn, 20 octets of a line" in out
    folder.put(A % 0, event(0), "nonsense\n", event(2))
    os.unlink(folder.path / ((A % 0) + ".65454a52"))
    status, out, _ = folder.check()
    assert status == 1 and f"{A % 0}:2: no line of a log" in out and "MISSING 1" in out


def test_how_processes_end(folder):
    """The first says so, the second was killed and the third says that, the third was killed and
    nobody says it; the fourth runs."""
    boots = ["20261127T00000%dZ.1" % i for i in range(4)]
    names = ["fra1/dnsd-%s-000000.log" % boot for boot in boots]
    folder.put(names[0], event(0, boots[0]), event(1, boots[0], ev="end"))
    folder.put(names[1], event(0, boots[1]), event(1, boots[1]))
    folder.put(names[2], event(0, boots[2], ev="cut", of=boots[1], last=1), event(1, boots[2]))
    status, out, _ = folder.check()
    assert status == 0, out
    assert f"fra1 dnsd {boots[0]}: 0 to 1, 2 lines\n" in out
    assert f"fra1 dnsd {boots[1]}: 0 to 1, 2 lines, killed\n" in out
    folder.put(names[3], event(0, boots[3]))
    status, out, _ = folder.check()
    assert status == 1 and out.endswith(", 0 missing, 1 cut off\n"), out
    assert f"fra1 dnsd {boots[2]}: 0 to 1, 2 lines, CUT OFF: neither an end, nor a word of the " \
        "next one\n" in out
    # what another kind or another machine says is nothing to it
    folder.put("nyc1/dnsd-x-000000.log", event(0, "x", "nyc1", ev="cut", of=boots[2]))
    folder.put("fra1/healthd-y-000000.log", event(0, "y", ev="cut", of=boots[2]))
    assert folder.check()[0] == 1
    # the next one has seen more than is there
    folder.put(names[3], event(0, boots[3], ev="cut", of=boots[2], last=4))
    status, out, _ = folder.check()
    assert status == 1 and f"{boots[2]}: 0 to 1, 2 lines, MISSING 2-4, killed\n" in out
    folder.put(names[3], event(0, boots[3], ev="cut", of="gone", last=4))
    folder.put(names[2], event(0, boots[2], ev="cut", of=boots[1]), event(1, boots[2], ev="end"))
    status, out, _ = folder.check()
    assert status == 0 and "gone" not in out, out
    folder.put(names[2], event(0, boots[2], ev="cut", of=boots[1]), event(1, boots[2], ev="end"),
               event(2, boots[2]))
    status, out, _ = folder.check()
    assert status == 1 and "GOES ON after its end, 1\n" in out


def test_two_machines_under_one_name(folder):
    """They would fill each other's holes."""
    folder.put("a/dnsd-20261127T000000Z.1-000000.log",
               *[event(i, pid=1) for i in range(200) if i != 70])
    folder.put("b/dnsd-20261127T000000Z.1-000000.log",
               *[event(i, pid=2) for i in range(200) if i != 80])
    status, out, _ = folder.check()
    assert status == 1 and "TWO LINES 0 that differ: two machines under one name?" in out
    # the same lines twice are no fault
    folder.put("b/dnsd-20261127T000000Z.1-000000.log",
               *[event(i, pid=1) for i in range(200) if i != 80])
    status, out, _ = folder.check()
    assert status == 0 and "0 to 199, 398 lines, 198 repeated\n" in out


@pytest.mark.parametrize("first, last", [(5, 2), (0, 10), (2, 2**64 - 1), (11, 12)])
def test_a_lost_line_that_makes_no_sense(folder, first, last):
    folder.put(A % 0, event(0), event(1), event(10, ev="lost", **{"from": first, "to": last}),
               event(13))
    status, out, _ = folder.check()
    assert status == 1 and f"{A % 0}:3: a `lost` line that makes no sense\n" in out
    assert "MISSING 2-9, 11-12\n" in out


def test_a_lost_line_for_what_is_there(folder):
    folder.put(A % 0, event(0), event(1), event(3), event(4, ev="lost", **{"from": 0, "to": 3}))
    status, out, _ = folder.check()
    assert status == 1 and "THERE and declared lost 0-1\n" in out


def test_names_are_printed_so_that_no_terminal_minds(folder):
    name = "fra1\x1b[2J/dnsd-\r\xe9-000000.log"
    folder.put(name, "nonsense\n", event(0, "b\x7f"))
    status, out, _ = folder.check()
    assert status == 1 and r"fra1\033[2J/dnsd-\015\303\251-000000.log:1: no line" in out
    assert r"fra1 dnsd b\177: 0 to 0" in out
    assert all(" " <= c <= "~" or c == "\n" for c in out)


def test_many_connections_pass_through_little_memory(tmp_path):
    """A quarter of a million within one hour, one with a hole, one that comes back late."""
    with open(tmp_path / "nginx-2026-11-27T16:52:.log", "w") as f:
        f.write(request(1, 1, 1))
    with open(tmp_path / "nginx-2026-11-27T16:53:.log", "w") as f:
        f.writelines(request(1, c, n) for c in range(2, 250002) for n in (1, 2)
                     if (c, n) not in ((777, 1), (200777, 1)))
    with open(tmp_path / "nginx-2026-11-27T16:54:.log", "w") as f:
        f.write(request(1, 1, 2) + request(1, 1, 4) + request(1, 300000, 1) +
                request(1, 300001, 3))
    # sanitizers have memory of their own
    limit = [] if "asan" in BUILD else ["prlimit", "--data=40000000"]
    p = subprocess.run([*limit, os.path.join(BUILD, "nearctl"), "logcheck", tmp_path],
                       capture_output=True, text=True)
    assert p.returncode == 1, p.stdout + p.stderr
    holes = [line for line in p.stdout.splitlines() if "MISSING" in line]
    assert holes == ["fra1 nginx w 1 c 1: MISSING 3", "fra1 nginx w 1 c 200777: MISSING 1",
                     "fra1 nginx w 1 c 300001: MISSING 1-2",
                     "fra1 nginx w 1 c 777: MISSING 1"], p.stdout
    assert "fra1 nginx: 500003 lines of 250003 connections\n" in p.stdout


def test_holes_of_nginx(folder):
    folder.put("nginx-2026-11-27T16:52:.log", request(1, 5, 7), request(1, 5, 9))
    folder.put("nginx-2026-11-27T16:53:.log", request(1, 6, 2), request(1, 7, 1))
    status, out, _ = folder.check()
    assert status == 1
    # connection 5 may have begun before the log did; 6 has not
    assert "fra1 nginx w 1 c 5: MISSING 8\n" in out
    assert "fra1 nginx w 1 c 6: MISSING 1\n" in out and "2 missing" in out


def test_what_cannot_be_read(folder):
    status, _, err = folder.check()
    assert status == 2 and "No such file or directory" in err
    assert nearctl(None, "logcheck").returncode == 2
    folder.put("README", "x")
    folder.put("dnsd-x.log", "x")
    folder.put("dnsd-x-1x.log", "x")
    assert folder.check()[:2] == (0, "0 files, 0 lines, 0 missing\n")


def test_cat_merges_by_time(folder):
    other = "20261127T000000Z.2"
    folder.put(A % 0, event(0, t=1), event(1, t=4))
    folder.put(A % 1, event(2, t=5))
    folder.put("nyc1/healthd-%s-000000.log" % other, event(0, other, "nyc1", t=2),
               event(1, other, "nyc1", t=4.5), event(2, other, "nyc1", t=9)[:-1])
    folder.put("fra1/nginx-2026-11-27T16:52:.log", request(1, 1, 1, t=3.25))
    # somebody's copy differed: only what is new there is printed
    folder.put((A % 1) + ".65454a52", event(2, t=5), event(3, t=6))
    lines = folder.cat()
    times = [float(line.split('"t":')[1].split(",")[0].rstrip("}\n")) for line in lines]
    assert times == [1, 2, 3.25, 4, 4.5, 5, 6]
    assert len(folder.cat("--host", "nyc1")) == 2
    assert len(folder.cat("--kind", "nginx")) == 1
    assert len(folder.cat("--since", "1970-01-01 00:00:04")) == 4
    assert folder.cat("--since", "1h") == []
    p = nearctl(None, "logcat", "--since", "yesterday", folder.path)
    assert p.returncode == 2 and '--since "yesterday"' in p.stderr


def test_cat_follows(folder):
    folder.put(A % 0, event(0), event(1)[:10])
    p = subprocess.Popen([os.path.join(BUILD, "nearctl"), "logcat", "--follow", folder.path],
                         stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == event(0)
        folder.put(A % 0, event(0), event(1))
        assert p.stdout.readline() == event(1)
        folder.put(A % 1, event(2))
        assert p.stdout.readline() == event(2)
    finally:
        p.terminate()
        p.wait()


@pytest.mark.skipif("asan" in BUILD, reason="sanitizers have memory of their own")
def test_much_passes_through_little_memory(tmp_path):
    """Sixty megabytes of two processes, with one hole, in less than twenty of memory."""
    lines = tmp_path / "log"
    os.mkdir(lines)
    for boot in ("20261127T000000Z.1", "20261127T000000Z.2"):
        for segment in range(4):
            first = segment * 50000
            with open(lines / f"dnsd-{boot}-{segment:06}.log", "w") as f:
                f.writelines(event(i, boot, pad="x" * 90) for i in range(first, first + 50000)
                             if (i, boot[-1]) != (123456, "2"))
    began = time.monotonic()
    p = subprocess.run(["prlimit", "--data=20000000", os.path.join(BUILD, "nearctl"), "logcheck",
                        lines], capture_output=True, text=True)
    assert p.returncode == 1 and "MISSING 123456\n" in p.stdout, p.stdout + p.stderr
    print(f"{time.monotonic() - began:.2f} s")
