"""Looks out for changes of the registry: whether there are any, not what they are; the worker reads that itself."""

from registry.sidecar.store import Store, open_store
from registry.sqlite_file import DataVersion, path_of

SQLITE_SECONDS = 0.05  # between two looks
POSTGRES_SECONDS = 1.0


class Lookout:
    """Knows the newest change that was seen; `changes` is the table that the registry's triggers write."""

    def __init__(self, url: str, newest: int) -> None:
        self._url, self._newest = url, newest
        self._file = DataVersion(path_of(url)) if url.startswith("sqlite") else None
        self._store: Store | None = None
        self.seconds = SQLITE_SECONDS if self._file else POSTGRES_SECONDS

    def look(self) -> bool:
        """Whether there is anything new since the last look; raises what the database raises."""
        try:
            version = self._file.read() if self._file else None
            if self._file and version == self._file.seen:
                return False
            found, self._newest = self._newest, self._read()
            if self._file:
                self._file.seen = version
            return found != self._newest
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close what is open; the next look opens it again."""
        if self._file:
            self._file.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def _read(self) -> int:
        if self._store is None:
            self._store = open_store(self._url)
        newest: int | None = self._store.execute("SELECT max(id) FROM changes").fetchone()[0]
        return newest or 0
