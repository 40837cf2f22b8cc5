"""The promise, proved through real parts: the SDK, the endpoint, the Functions host."""
