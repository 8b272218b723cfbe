"""Other people's films become a corpus in one command."""

import json
from pathlib import Path

import datasets
import pytest
import webdataset

from cluster.corpus import Corpus
from cluster.schema import rows_from_table
from cluster.shard import read_footer
from cluster.storage import Storage
from diffcxr.sources.row import Row
from jobs.command import main
from tests.cluster.films import write_films
from tests.cluster.rows import png, rows
from tests.diffcxr.sources.trees import write
from tests.jobs.corpora import one_line

FILMS = 6


def folder_of(root: Path) -> Path:
    for number in range(FILMS):
        write(root / f"study-{number:05d}.png", png(number))
    return root


def archives_of(root: Path) -> Path:
    root.mkdir()
    with webdataset.ShardWriter(str(root / "set-%03d.tar"), maxcount=4, verbose=0) as writer:
        for number in range(FILMS):
            writer.write({"__key__": f"study-{number:05d}", "png": png(number), "json": {"seed": number}})
    return root


def saved_by_datasets(root: Path) -> Path:
    features = datasets.Features({"film": datasets.Image(), "study_id": datasets.Value("string")})
    films = [{"bytes": png(number), "path": None} for number in range(FILMS)]
    columns = {"film": films, "study_id": [f"study-{number:05d}" for number in range(FILMS)]}
    datasets.Dataset.from_dict(columns, features=features).save_to_disk(root)
    return root


def rows_of(uri: str | Path) -> list[Row]:
    return [row for table in Corpus.open(uri).tables() for row in rows_from_table(table)]


@pytest.mark.parametrize(
    ("source", "write_set"),
    [("folder", folder_of), ("webdataset", archives_of), ("huggingface", saved_by_datasets)],
)
def test_films_of_others_get_the_texts_labels_and_patients_of_their_reports(
    tmp_path: Path, source: str, write_set
) -> None:
    reports = write_films(tmp_path / "reports", rows(9, images=False), [4])
    root = write_set(tmp_path / "set")
    arguments = [f"source={source}", f"source.root={root}", f"source.reports={tmp_path / 'reports'}"]
    assert main(["corpus", *arguments, "name=theirs", f"output={tmp_path / 'out'}"]) == 0
    assert main(["verify", f"output={tmp_path / 'out'}"]) == 0
    of_reports = {row.report_id: row for row in rows(9, images=False)}
    found = rows_of(tmp_path / "out")
    assert [row.image for row in found] == [png(number) for number in range(FILMS)]
    for row in found:
        report = of_reports[row.report_id]
        assert (row.text, row.labels, row.patient_id) == (report.text, report.labels, report.patient_id)
    corpus = Corpus.open(tmp_path / "out")
    provenance = corpus.manifest["provenance"]
    assert isinstance(provenance, dict)
    assert provenance["imported"] is provenance["synthetic"] is True
    assert (provenance["source"], provenance["reports"]) == (source, reports.digest)
    assert read_footer(corpus.storage, corpus.shards[0].path).metadata == {"synthetic": "true"}
    assert "synthetic" in str(corpus.manifest["description"])


def test_films_are_called_synthetic_where_the_person_says_so_and_nowhere_else(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "set")
    for said in ("true", "false"):
        arguments = ["source=folder", f"source.root={root}", f"source.synthetic={said}"]
        assert main(["corpus", *arguments, f"output={tmp_path / said}"]) == 0
    generated, unsaid = (Corpus.open(tmp_path / said) for said in ("true", "false"))
    assert generated.digest == unsaid.digest
    assert generated.manifest["provenance"]["synthetic"] is True  # type: ignore[index]
    assert "synthetic" not in json.dumps(unsaid.manifest["provenance"])


def test_a_film_without_its_report_and_a_damaged_one_are_counted(tmp_path: Path) -> None:
    write_films(tmp_path / "reports", rows(FILMS - 1, images=False))
    root = folder_of(tmp_path / "set")
    write(root / "study-00001.png", png(1)[:-9])
    arguments = ["source=folder", f"source.root={root}", f"source.reports={tmp_path / 'reports'}"]
    assert main(["corpus", *arguments, f"output={tmp_path / 'out'}"]) == 0
    corpus = Corpus.open(tmp_path / "out")
    assert corpus.rows == FILMS - 2
    assert corpus.rejects == {"not in source.reports": 1, "unreadable image": 1}


def test_ids_that_no_report_has_are_an_error_that_says_so(tmp_path: Path, capsys) -> None:
    write_films(tmp_path / "reports", rows(3, start=100, images=False))
    root = folder_of(tmp_path / "set")
    arguments = ["source=folder", f"source.root={root}", f"source.reports={tmp_path / 'reports'}"]
    assert main(["corpus", *arguments, f"output={tmp_path / 'out'}"]) == 2
    line = one_line(capsys)
    assert f"no rows, and {FILMS} rejected (not in source.reports)" in line and "source.pattern" in line
    assert not (tmp_path / "out").exists()


def test_an_interrupted_import_goes_on_and_another_pattern_is_another_run(tmp_path: Path, capsys) -> None:
    root = archives_of(tmp_path / "set")
    source = ["source=webdataset", f"source.root={root}", "shard_rows=2"]
    arguments = ["corpus", *source, f"output={tmp_path / 'out'}"]
    assert main(arguments) == 0
    names = ("corpus.json", "shards/00001.parquet")
    whole = {name: (tmp_path / "out" / name).read_bytes() for name in names}
    for name in names:
        (tmp_path / "out" / name).unlink()
    assert main(arguments) == 0
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names} == whole
    capsys.readouterr()
    assert main([*arguments, "source.pattern={view}-{report_id}"]) == 4
    assert "pixels.pattern is absent there" in one_line(capsys)


def test_a_set_in_a_bucket_is_taken_from_there_also_by_a_glob(s3_uri: str, tmp_path: Path) -> None:
    root = archives_of(tmp_path / "set")
    for path in root.iterdir():
        Storage.at(f"{s3_uri}/set").create(path.name, path.read_bytes())
    for source, output in ((f"{s3_uri}/set/set-*.tar", f"{s3_uri}/out"), (root, tmp_path / "out")):
        assert main(["corpus", "source=webdataset", f"source.root={source}", f"output={output}"]) == 0
    assert Corpus.open(f"{s3_uri}/out").digest == Corpus.open(tmp_path / "out").digest
    one = f"{root}/set-001.tar"
    assert main(["corpus", "source=webdataset", f"source.root={one}", f"output={tmp_path / 'one'}"]) == 0
    assert [row.report_id for row in rows_of(tmp_path / "one")] == ["study-00004", "study-00005"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["source=table", "source.root={root}", "source.pattern={view}"],
            "source=table does not take it",
        ),
        (["source=phantom", "source.rows=1", "source.reports=x"], "source=phantom does not take it"),
        (["source=folder", "source.root={root}", "source.pattern=x"], "no column in it: source.pattern"),
        (["source=folder", "source.root={root}", "source.reports={root}"], "no corpus here"),
        (["source=folder", "source.root={root}/no-*.png"], "no files there"),
        (["source=webdataset", "source.root={root}"], "no .tar archives"),
        (["source=huggingface", "source.root={root}"], "no Parquet or Arrow files"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path: Path, capsys, arguments: list[str], words: str) -> None:
    root = folder_of(tmp_path / "set")
    given = [argument.replace("{root}", str(root)) for argument in arguments]
    assert main(["corpus", *given, f"output={tmp_path / 'out'}"]) == 2
    assert words in one_line(capsys)
    assert not (tmp_path / "out").exists()
