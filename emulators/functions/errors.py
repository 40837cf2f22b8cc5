"""The one error this host raises about an app it cannot run.

Guarantee: its text is one sentence that says what is wrong and, where it is known, what to do.
"""


class HostError(Exception):
    """The function app, its settings or its containers cannot be run as they are."""
