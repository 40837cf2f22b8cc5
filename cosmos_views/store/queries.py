"""Queries by id: many documents of one partition in few requests."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from azure.cosmos import ContainerProxy

IDS_PER_QUERY = 400


def by_ids(
    container: ContainerProxy, partition_key: str, ids: Collection[str], fields: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The documents that exist, each with its `id` and these fields, in no particular order."""
    wanted = list(ids)
    selected = ", ".join(f"c.{name}" for name in ("id", *fields))
    for start in range(0, len(wanted), IDS_PER_QUERY):
        some = wanted[start : start + IDS_PER_QUERY]
        names = [f"@p{place}" for place in range(len(some))]
        yield from container.query_items(
            f"SELECT {selected} FROM c WHERE c.id IN ({', '.join(names)})",  # noqa: S608 - names only
            parameters=[
                {"name": name, "value": value} for name, value in zip(names, some, strict=True)
            ],
            partition_key=partition_key,
        )


def in_query(path: str) -> str:
    """A path such as `meta/tenant` as a query names it: `c["meta"]["tenant"]`."""
    return "c" + "".join(f"[{json.dumps(name)}]" for name in path.split("/"))
