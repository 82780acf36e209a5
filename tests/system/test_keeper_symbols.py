"""The wall of privileges, by the object files: what the keeper's room needs, and what that needs in
turn, is common/, message, the C library and the one that reads the configuration's patterns.  No
ldns, no libcurl, no file of the prober's side."""
import functools
import glob
import os
import subprocess

from conftest import BUILD

OBJECTS = os.path.join(BUILD, "o")
LIBRARIES = "libc.so.6", "libm.so.6", "libcap-ng.so", "libpcre2-8.so"


@functools.cache
def names(*argv):
    """(kind, name) of every line that nm prints."""
    listing = subprocess.run(["nm", *argv], check=True, capture_output=True, text=True).stdout
    found = (line.split()[-2:] for line in listing.splitlines() if line.strip())
    return {(kind, name.partition("@")[0]) for kind, name in found}


def needed(path):
    # compilers, linkers and sanitizers add names that begin with an underscore
    return {name for kind, name in names(path) if kind == "U" and not name.startswith("_")}


def closure(begin):
    """Our object files that these need, and the names that none of ours has."""
    ours = [path for part in ("common", "healthd", "dnsd")
            for path in glob.glob(f"{OBJECTS}/{part}/**/*.o", recursive=True)]
    home = {name: path for path in ours for kind, name in names(path) if kind in "TDBRVW"}
    taken, foreign, left = set(), set(), list(begin)
    while left:
        path = left.pop()
        if path in taken:
            continue
        taken.add(path)
        foreign |= {name for name in needed(path) if name not in home}
        left += [home[name] for name in needed(path) if name in home]
    return {os.path.relpath(path, OBJECTS) for path in taken}, foreign


def libraries():
    for library in LIBRARIES:
        path = subprocess.run(["gcc", f"-print-file-name={library}"], check=True,
                              capture_output=True, text=True).stdout.strip()
        yield from (name for kind, name in names("-D", path) if kind in "TWViBDA")


def test_the_keeper_needs_nothing_of_the_prober():
    files, foreign = closure(glob.glob(f"{OBJECTS}/healthd/route/*.o"))
    assert "healthd/route/keeper.o" in files and "common/loop.o" in files
    assert [f for f in sorted(files)
            if not f.startswith(("common/", "healthd/route/")) and f != "healthd/message.o"] == []
    assert sorted(foreign - set(libraries())) == []


def test_the_prober_would_be_noticed():
    files, foreign = closure([f"{OBJECTS}/healthd/prober/prober.o"])
    assert "healthd/check/checks.o" in files
    assert {name.partition("_")[0] for name in foreign} >= {"ldns", "curl"}
