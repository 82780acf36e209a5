"""No kind of question takes more than 2 % more instructions than recorded
(tests/bench/instructions.txt)."""
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT


def test_no_answer_takes_more_instructions_than_recorded():
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind")
    if os.path.basename(BUILD) != "build":
        pytest.skip("recorded for the build as it is shipped")
    programs = [os.path.join(BUILD, "tests/bench", p) for p in ("instructions", "database")]
    subprocess.run(["make", "-s", "-C", ROOT, *(os.path.relpath(p, ROOT) for p in programs)],
                   check=True, capture_output=True)
    check = subprocess.run([os.path.join(ROOT, "tests/bench/instructions"), "check"],
                           capture_output=True, text=True)
    if check.stdout.startswith("instructions: skipped"):
        pytest.skip(check.stdout.strip())
    assert check.returncode == 0, check.stdout + check.stderr
