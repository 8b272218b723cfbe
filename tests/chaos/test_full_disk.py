"""A disk that fills up on the way: the same bytes in the end."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.command import main
from tests.committed import committed_objects
from tests.reports_corpus import reports_corpus

DIFFCXR = Path(sys.executable).with_name("diffcxr")
CORPUS = "corpus source=phantom source.images=false source.rows=120 shard_rows=10 workers=1"
GENERATE = "generate model=null corpus={reports} steps=1 batch_size=4 images_per_shard=10 workers.max=2"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("command", "room"), [(CORPUS, "200k"), (GENERATE, "400k")])
def test_a_disk_that_fills_up_is_exit_3_in_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, command: str, room: str
) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None, "util-linux"
    disk, reports = tmp_path / "disk", tmp_path / "reports"
    disk.mkdir()
    reports_corpus(str(reports), reports=120, shard_rows=30)
    job, *options = command.format(reports=reports).split()
    same = " ".join([str(DIFFCXR), job, *options, f"output={disk}/out"])
    script = f"""
        mount -t tmpfs -o size={room} none {disk} || exit 99
        {same}; first=$?
        echo "held $(find {disk}/out -name '*.parquet' | wc --lines) shards:" $(ls {disk}/out)
        mount -o remount,size=40m {disk}
        {same}; second=$?
        cp -r {disk}/out {tmp_path}/out
        echo "exits $first $second"
    """
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.splitlines()[-1] == "exits 3 0", done.stdout + done.stderr
    held = done.stdout.splitlines()[0]
    assert held.startswith("held ") and int(held.split()[1]) > 0 and "corpus.json" not in held
    complaints = [line for line in done.stderr.splitlines() if line.startswith(f"diffcxr {job}:")]
    assert len(complaints) == 1 and "disk full" in complaints[0] and "same command again" in complaints[0]
    assert main([job, *options, f"output={tmp_path}/undisturbed"]) == 0
    assert committed_objects(tmp_path / "out") == committed_objects(tmp_path / "undisturbed")
