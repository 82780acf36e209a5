"""nearctl's command line: options stand anywhere, and what is wrong is said with the usage."""
import json
import os
import re
import subprocess

import pytest

from conftest import BUILD, nearctl


def said(*words):
    done = nearctl(None, *words)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def conf(tmp_path):
    """A configuration with no daemon behind it."""
    path = tmp_path / "nearcast.conf"
    path.write_text(f'listen = "127.0.0.1@5300"\nrun-dir = "{tmp_path}"\n')
    return str(path)


def test_common_options_stand_anywhere(conf):
    for words in (["-c", conf, "--json", "status"], ["--json", "status", "-c", conf],
                  ["status", "--json", "-c", conf], ["status", "-c" + conf, "--json"]):
        status, out, _ = said(*words)
        assert status == 2 and json.loads(out)["dnsd"] is None, words


@pytest.mark.parametrize("words", [["--for", "1x"], ["--for=1x"]])
@pytest.mark.parametrize("before", [True, False])
def test_values_of_options(conf, words, before):
    line = [*words, "drain", "fra"] if before else ["drain", "fra", *words]
    status, _, err = said("-c", conf, *line)
    assert status == 2 and err.startswith('nearctl: --for "1x": a duration like 90s')


@pytest.mark.parametrize("line, usage", [
    ("status again", "status [--all] [--json]"),
    ("status --wait", "status [--all] [--json]"),
    ("undrain fra --for 1h", "undrain SERVER|SITE|GLOB"),
    ("drain fra --for", "drain SERVER|SITE|GLOB "
     "[--all] [--at TIME] [--for T] [--reason TEXT] [--wait]"),
    ("watch --count 0", "watch [--all] [--count N] [--json]"),
    ("explain download.example.org", "explain NAME ADDRESS[/LEN] [--resolver] [--json]"),
    ("notify mirrors", "notify [ID | POOL SET] [--within T]"),
    ("notify mirrors 1 2", "notify [ID | POOL SET] [--within T]"),
])
def test_wrong_usage(line, usage):
    assert said(*line.split()) == (2, "", f"usage: nearctl [-c FILE] {usage}\n")


def test_help_version_and_no_command():
    status, out, _ = said("--help")
    assert status == 0 and "  verify-scope " in out
    assert said()[0] == 2 and said("-V")[0] == 0
    assert said("statsu")[2] == \
        'nearctl: there is no command "statsu"; `nearctl -h` lists them\n'


@pytest.mark.parametrize("program", ["dnsd", "healthd", "nearctl"])
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_of_each_program(program, word):
    p = subprocess.run([os.path.join(BUILD, program), word], capture_output=True, text=True)
    assert p.returncode == 0 and p.stdout.startswith(f"usage: {program} ") and p.stderr == ""
    assert len(p.stdout.splitlines()) > 5


def test_help_of_each_command():
    commands = re.findall(r"^  ([a-z-]+)", said("--help")[1], re.M)
    assert len(commands) >= 16
    for command in commands:
        for words in ([command, "--help"], [command, "-h"], ["--help", command]):
            status, out, err = said(*words)
            assert status == 0 and err == "", words
            assert re.match(rf"usage: nearctl .*{command}.*\n\n\S", out), out
