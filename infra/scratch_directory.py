"""A directory for a while."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_directory(name: str) -> Iterator[Path]:
    """Make a temporary directory that is gone afterwards.

    Others may pass through: where we are root, an embedded server below it runs as somebody else.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"annals-{name}-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
