"""A connection to the store of a folder, which asks again where asking once more is safe and may help.

obstore asks again by itself after 5xx answers, and for reads after resets too. It gives up at once where a
put was sent and its answer did not come, for it cannot know that our creates say what they met: the second
one finds the first one's object. Nor does it know that S3 says 409, and not "exists", of a create that meets
another one under way; that the credentials of an hour ago are not those of now; and that a listing was cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cluster.storage_errors import Action, BrokenOffError, CredentialsError, explained
from cluster.storage_location import Location, connect

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

_WAITS = (0.1, 0.3, 1.0, 2.0, 4.0)  # seconds before each further attempt
_PATIENCE = 30.0  # seconds, after which there is none: a call that hung as long is not begun again


class Connection:
    """The store that holds a location, connected with the credentials of now."""

    def __init__(self, location: Location) -> None:
        """Contacts nobody. Raises InputError for settings that cannot be right."""
        self._location = location
        self._store = connect(location)

    def ask(self, where: str, action: Action, call: Callable[[ObjectStore], T]) -> T:
        """What `call` says of the store; it may be made several times. Raises as Storage's methods do."""
        begun = time.monotonic()
        waits = iter(_WAITS)
        renewed = False
        while True:
            try:
                with explained(where, action):
                    return call(self._store)
            except CredentialsError:
                if renewed:
                    raise
                self._store = connect(self._location)  # profile files and roles are read anew
                renewed = True
            except BrokenOffError:
                wait = next(waits, None)
                if wait is None or time.monotonic() - begun > _PATIENCE:
                    raise
                time.sleep(wait)
