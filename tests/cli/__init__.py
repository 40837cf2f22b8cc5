"""The operator's commands, through the real SDK on the local endpoint."""
