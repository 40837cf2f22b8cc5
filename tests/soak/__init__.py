"""Soak: the function app in real host processes, over HTTP, under faults and kill -9."""
