"""The proxy knows who asks, and holds a request for whoever watches it."""

import http.client
import os
import subprocess
import sys
import threading

from cluster.storage import Storage
from tests.chaos.faulty_proxy import TELL, Seen, faulty_proxy, no_faults
from tests.s3_server import S3Server


def test_a_watcher_sees_each_request_before_and_after_the_store_and_whose_it_is(
    s3: S3Server, s3_uri: str
) -> None:
    watched: list[tuple[str, int, int]] = []
    with faulty_proxy(s3.endpoint, no_faults) as proxy:
        proxy.watcher = lambda seen: watched.append((seen.method, seen.status, seen.pid))
        create = f"from cluster.storage import Storage; Storage.at({s3_uri!r}).create('new', b'new')"
        environment = os.environ | {"AWS_ENDPOINT_URL": proxy.endpoint}
        other = subprocess.Popen([sys.executable, "-c", create], env=environment)
        assert other.wait(120) == 0
    assert watched == [("PUT", 0, other.pid), ("PUT", 200, other.pid)]
    assert Storage.at(s3_uri).read("new") == b"new"


def test_who_tells_where_it_is_waits_for_leave(s3: S3Server) -> None:
    leave, told = threading.Event(), threading.Event()

    def watch(seen: Seen) -> None:
        assert (seen.method, seen.path, seen.pid) == (TELL, "/encode", os.getpid())
        told.set()
        leave.wait(60)

    with faulty_proxy(s3.endpoint, no_faults) as proxy:
        proxy.watcher = watch
        connection = http.client.HTTPConnection(proxy.endpoint.removeprefix("http://"))
        connection.request(TELL, "/encode")
        assert told.wait(60)
        threading.Timer(0.2, leave.set).start()
        assert connection.getresponse().status == 204 and leave.is_set()
