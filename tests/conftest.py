"""No test is timed, also no property: machines differ."""

import os

from hypothesis import Phase, settings

settings.register_profile("untimed", deadline=None)
settings.register_profile(
    "mutation",  # docs/mutation.md: a mutant need not be shrunk, only found
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "untimed"))
