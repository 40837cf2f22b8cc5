"""Modelled request charges, in request units (RU).

The model interpolates Microsoft's published points at 1 KB and 100 KB and adds a cost per indexed
path. It answers "what would this cost" within a reasonable factor; it is not a bill.
"""

BYTES_PER_KB = 1024

METADATA = 1.0
NOT_FOUND = 1.0
NOT_MODIFIED = 1.0
FAILED = 1.0

# A page of the change feed costs this and one read per document.
CHANGE_FEED_PAGE = 2.0


def _kilobytes(size_bytes: int) -> int:
    """KB, rounded up, at least one."""
    return max(1, -(-size_bytes // BYTES_PER_KB))


def read(size_bytes: int) -> float:
    return 1 + 0.091 * (_kilobytes(size_bytes) - 1)


def insert(size_bytes: int, indexed_paths: int) -> float:
    return 5 + 0.455 * (_kilobytes(size_bytes) - 1) + 0.2 * indexed_paths


def replace(size_bytes: int, indexed_paths: int) -> float:
    """Also an upsert over an existing document: the old index terms go, the new ones come."""
    return 2 * insert(size_bytes, indexed_paths)


def delete(size_bytes: int, indexed_paths: int) -> float:
    return insert(size_bytes, indexed_paths)


def query(returned_bytes: int) -> float:
    return 2.8 + 0.027 * returned_bytes / BYTES_PER_KB
