"""A connection to Ray: a private cluster on this machine, or somebody's cluster at an address."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ray
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError

from cluster.control_store import watched_store
from cluster.events import log_event
from cluster.storage_location import encryption_settings
from diffcxr.errors import FailingError, IncompleteError, InputError

_TIMED_OUT = "timed out during startup"
_STARTS = 3  # a machine with all cores taken starts Ray in more than the 30 s that Ray gives itself
_TELL_SECONDS = 10.0
_AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")


@contextlib.contextmanager
def connect(address: str | None = None, num_cpus: int | None = None) -> Iterator[None]:
    """A Ray session, shut down at the end; entered while one is open, it joins that one and leaves it open.

    Args:
        address: a cluster's; None takes RAY_ADDRESS (set inside a submitted job), else starts a private
            cluster, never one that happens to run on this machine. The private one asks for a token, has no
            dashboard, and leaves no file behind, but its logs where its workers keep failing; workers of the
            others encrypt as this process is told to.
        num_cpus: the private cluster's cores; None counts the machine's.

    Raises InputError where the cluster does not answer or refuses the token, and IncompleteError where its
    control store goes away.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_temporary_folder())
        stack.enter_context(_kept_logs(folder))
        stack.enter_context(_authentication(private=address is None))
        # Ray writes the traceback of an error that nobody fetched to standard error, report text and all.
        stack.enter_context(_said("RAY_IGNORE_UNHANDLED_ERRORS"))
        stack.callback(ray.shutdown)
        with _standing_in(folder), _own_signal_handler():
            if address is None:
                _start(folder, num_cpus)
            else:
                _join(address)
        with watched_store(ray.get_runtime_context().gcs_address):
            yield


def is_private(address: str | None) -> bool:
    """Whether `connect(address)` starts a cluster of its own, which has what it has and grows by nothing."""
    return not (address or os.environ.get("RAY_ADDRESS"))


@dataclass(frozen=True, slots=True)
class Resources:
    """What the session's cluster has now; one that scales up may have more later."""

    cpus: int
    gpus: int


def resources() -> Resources:
    """The resources of the cluster of the open session."""
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return Resources(int(found.get("CPU", 0)), int(found.get("GPU", 0)))


def awaited_resources() -> Resources:
    """`resources`, once there are any: a cluster whose machines come with work is asked for a core, and it is
    told now and then that they are waited for."""
    found = resources()
    if not found.cpus and not found.gpus:
        asked, seconds = ray.remote(num_cpus=1)(lambda: None).remote(), 0.0
        while not ray.wait([asked], timeout=_TELL_SECONDS)[0]:
            seconds += _TELL_SECONDS
            log_event("waiting", what="a machine", seconds=round(seconds))
        found = resources()
    return found


def _start(folder: Path, num_cpus: int | None) -> None:
    for attempt in range(_STARTS):
        try:
            ray.init(
                "local",
                num_cpus=num_cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder / str(attempt)),
            )
        except Exception as error:  # Ray raises Exception itself when its node is not there after 30 s
            if _TIMED_OUT not in str(error):
                raise
        else:
            return
    fix = "Run the same command again, when less else is running."
    raise IncompleteError("Ray did not start: this machine is too busy", fix=fix)


def _join(address: str) -> None:
    settings = encryption_settings()
    try:
        with _said("RAY_OVERRIDE_JOB_RUNTIME_ENV"):  # a submitted job may name the same variables
            ray.init(
                address,
                runtime_env={"env_vars": settings} if settings else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except AuthenticationError as error:
        fix = "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's token."
        raise InputError("Ray cluster refuses the token", address, fix) from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        fix = "Check the address, RAY_AUTH_TOKEN, and that the cluster runs this version of Ray and Python."
        raise InputError("Ray cluster cannot be joined", address, fix) from error


@contextlib.contextmanager
def _authentication(private: bool) -> Iterator[None]:
    """RAY_AUTH_MODE said explicitly: Ray's own default differs between ray.init and `ray start`.

    A private cluster has a token of its own in the environment, which its processes inherit, unless the
    person has one already; left to itself, Ray would write one into their home.
    """
    before = {name: os.environ.get(name) for name in _AUTH}
    has_token = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    if private and not has_token and before["RAY_AUTH_MODE"] != "disabled":
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.setdefault("RAY_AUTH_MODE", "token" if private or has_token else "disabled")
    _reread_environment()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _reread_environment()


def _reread_environment() -> None:
    # Ray keeps what it read of these variables when it was imported.
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def _said(name: str) -> Iterator[None]:
    """An environment variable by which Ray asks for a yes, set unless the person has set it."""
    own = name not in os.environ
    os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        if own:
            del os.environ[name]


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    # Not below TMPDIR: the path of a Unix socket has 107 characters, and Ray adds some 65.
    folder = Path(tempfile.mkdtemp(prefix="cxr-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _kept_logs(folder: Path) -> Iterator[None]:
    """Where workers keep failing, a private cluster's logs outlive it, for the person alone to read."""
    try:
        yield
    except FailingError as error:
        logs = [found for found in folder.glob("*/session_*/logs") if not found.parent.is_symlink()]
        if not logs:
            raise
        kept = Path(tempfile.mkdtemp(prefix="diffcxr-logs-"))
        try:
            shutil.copytree(logs[-1], kept / "logs", ignore_dangling_symlinks=True)  # its mode is Ray's
        except OSError:  # the disk may be why they failed
            raise error from error.__cause__
        raise FailingError(error.what, error.where, f"{error.fix} They are kept in {kept}.") from error


@contextlib.contextmanager
def _own_signal_handler() -> Iterator[None]:
    """Puts the program's own handler of SIGTERM back: Ray sets two over it, and one prints a C++ stack."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if callable(before) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    """Ray's `connect` hands the driver's current folder to every worker, which puts it first on its sys.path
    (`py_driver_sys_path`). Where a person has folders `eval`, `jobs` or `cluster`, workers would import
    those. So the session is opened from an empty folder; whoever reads relative paths makes them absolute.
    """
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
