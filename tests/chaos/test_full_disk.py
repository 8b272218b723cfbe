"""A disk that fills up on the way: the same bytes in the end."""

import shutil
import subprocess
import sys
from pathlib import Path

from jobs.command import main
from tests.committed import committed_objects

DIFFCXR = Path(sys.executable).with_name("diffcxr")


def test_a_disk_that_fills_up_is_exit_3_in_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None, "util-linux"
    disk = tmp_path / "disk"
    disk.mkdir()
    corpus = f"{DIFFCXR} corpus source=phantom source.images=false source.rows=120 shard_rows=10 workers=1"
    script = f"""
        mount -t tmpfs -o size=200k none {disk} || exit 99
        {corpus} output={disk}/out; first=$?
        ls {disk}/out
        mount -o remount,size=40m {disk}
        {corpus} output={disk}/out; second=$?
        cp -r {disk}/out {tmp_path}/out
        echo "exits $first $second"
    """
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.splitlines()[-1] == "exits 3 0", done.stdout + done.stderr
    assert "corpus.json" not in done.stdout.partition("rows")[0]
    complaints = [line for line in done.stderr.splitlines() if line.startswith("diffcxr corpus:")]
    assert len(complaints) == 1 and "disk full" in complaints[0] and "same command again" in complaints[0]
    assert main([*corpus.split()[1:], f"output={tmp_path}/undisturbed"]) == 0
    assert committed_objects(tmp_path / "out") == committed_objects(tmp_path / "undisturbed")
