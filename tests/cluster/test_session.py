"""The session: private, quiet, and blind to the folder it is started from."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

PROBE = """
    import os
    import ray
    from cluster.session import connect

    @ray.remote(num_cpus=0.5)
    def worker_sees():
        import cluster.plan, eval.features, jobs.summary, os, sys
        foreign = [m for m in (cluster.plan, eval.features, jobs.summary) if "foreign" in (m.__file__ or "")]
        return foreign, [p for p in sys.path if "foreign" in p], os.environ["RAY_AUTH_MODE"]

    home = os.getcwd()
    for _ in range(2):
        with connect(num_cpus=1):
            assert os.getcwd() == home
            foreign, paths, mode = ray.get(worker_sees.remote())
            assert not foreign, foreign
            assert not paths, paths
            assert mode == "token", mode
        assert not ray.is_initialized()
        assert "RAY_AUTH_TOKEN" not in os.environ
    print("fine")
"""


def test_workers_import_our_packages_from_a_folder_that_holds_foreign_ones(tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    for package in ("eval", "jobs", "cluster"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise RuntimeError('a foreign package')\n")
    script = tmp_path / "probe.py"
    script.write_text(textwrap.dedent(PROBE))
    home = tmp_path / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"HOME": str(home)}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "fine", done.stderr
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*auth_token*")), "Ray wrote a token into the person's home"
