"""Buckets: which part of the state container holds an owner and all of the owner's documents.

All documents of an owner share a bucket, so distinct counts and joins are exact inside one logical
partition. The number of buckets is pinned when the store is provisioned.
"""

from hashlib import blake2b


def bucket_of(name: str, buckets: int) -> int:
    """The bucket of an owner key, or of an anonymous document's entry id: stable for ever."""
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return number % buckets


def bucket_pk(generation: int, bucket: int) -> str:
    """The partition key value of a bucket."""
    return f"{generation}:{bucket}"
