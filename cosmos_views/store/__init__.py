"""Every durable read and write: the only package, besides wiring, that knows Azure."""
