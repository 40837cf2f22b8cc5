"""The operator's commands: `python -m cosmos_views --help`. One file per command."""
