"""An evaluation whose driver is killed goes on where it was: no shard twice, and the same values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.corpus import Corpus
from cluster.exhibits import EXHIBITS_PATH
from cluster.film_slices import Selection, slice_names
from cluster.session import connect
from cluster.shard import shard_path
from diffcxr.errors import InputError
from jobs.command import main
from tests.chaos.processes import kill_driver, wait_for
from tests.cluster.films import film_rows, write_classifier, write_films
from tests.jobs.evaluations import command

DIFFCXR = Path(sys.executable).with_name("diffcxr")
FILMS, SHARDS = 8, {"real": 14, "synthetic": 6}  # a shard is one slice


def extracted(output: Path) -> dict[str, tuple[int, int, int]]:
    """Every object of the feature cache, and which file it is."""
    stats = {path: path.stat() for path in sorted(output.glob("features/**/*.parquet"))}
    folder = output / "features"
    return {str(p.relative_to(folder)): (s.st_ino, s.st_mtime_ns, s.st_size) for p, s in stats.items()}


def spoil_films(place: Path, side: str, shard: int) -> None:
    """Turns a byte of the films of a shard; its other columns stay whole."""
    path = place / side / shard_path(shard)
    metadata = pq.read_metadata(path)
    columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    films = next(column for column in columns if column.path_in_schema == "image.bytes")
    data = bytearray(path.read_bytes())
    data[films.data_page_offset + films.total_compressed_size // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.timeout(1800)  # two clusters start, which takes minutes where others need the cores too
def test_a_killed_evaluation_resumes_and_extracts_no_shard_again(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    corpora = {
        side: write_films(
            tmp_path / side,
            film_rows(FILMS * shards, seed=len(side), brightness=len(side)),
            range(FILMS, FILMS * shards, FILMS),
        )
        for side, shards in SHARDS.items()
    }
    write_classifier(tmp_path / "classifier")
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    driver = subprocess.Popen([DIFFCXR, *command(tmp_path, output="killed")], stderr=subprocess.DEVNULL)
    request.addfinalizer(driver.kill)
    wait_for(lambda: len(extracted(killed)) >= 8 or driver.poll() is not None, seconds=600)
    assert driver.poll() is None, "the driver ended by itself"
    kill_driver(driver)
    left = extracted(killed)
    extractors = {path.partition("/")[0] for path in left}
    assert len(extractors) == 2 and 8 <= len(left) < 2 * sum(SHARDS.values()), "killed on the way"
    assert not (killed / "metrics.json").exists()

    with connect(num_cpus=2):
        assert main(command(tmp_path, output="undisturbed")) == 0
        # A shard is extracted where all extractors have it. Whoever reads its films again is told of damage;
        # a corpus' first shard is opened by the census, which looks whether there are films at all.
        done = [
            (side, shard)
            for side, corpus in corpora.items()
            for shard in range(1, SHARDS[side])
            for (name,) in [slice_names(Selection(corpus), shard, FILMS)]
            if all(f"{extractor}/{name}.parquet" in left for extractor in extractors)
        ]
        for side, shard in done:
            spoil_films(tmp_path, side, shard)
            with pytest.raises(InputError):
                Corpus.open(tmp_path / side).read(shard, ["image"])
        assert done
        assert main(command(tmp_path, output="killed")) == 0

    now = extracted(killed)
    assert {path: now[path] for path in left} == left, "what was extracted is never written again"
    assert len(now) == 2 * sum(SHARDS.values())
    for path in ("metrics.json", "metrics.parquet", EXHIBITS_PATH):
        assert (killed / path).read_bytes() == (undisturbed / path).read_bytes()
