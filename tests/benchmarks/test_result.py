import json

from benchmarks.result import at_least, at_most, parse_arguments, write_result


def test_a_result_holds_bars_machine_versions_and_what_explains_it(tmp_path, capsys):
    path = write_result(
        "speed", [at_least("ratio", 0.97, 0.95), at_most("error", 2, 1)], tmp_path / "a" / "r.json", n=7
    )
    result = json.loads(path.read_text())
    assert result["bars"] == [
        {"name": "ratio", "value": 0.97, "bar": 0.95, "ok": True},
        {"name": "error", "value": 2, "bar": 1, "ok": False},
    ]
    assert result["n"] == 7
    assert {"name", "date", "commit", "machine", "versions"} <= result.keys()
    assert result["machine"].keys() == {"processor", "cores", "memory", "gpu"}
    assert "numpy" in result["versions"]
    assert "MISSED" in capsys.readouterr().out


def test_arguments_are_quick_and_output(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["speed", "--quick", "--output", str(tmp_path)])
    arguments = parse_arguments("How fast.")
    assert (arguments.quick, arguments.output) == (True, tmp_path)
