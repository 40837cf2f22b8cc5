"""A toy pack: the smallest platform that uses everything the engine offers, and stories of it."""
