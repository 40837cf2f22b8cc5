"""The operator's commands: `python -m ops --help`. One file per command."""
