"""The archive: aged documents become blobs before they expire, and come back when asked for."""
