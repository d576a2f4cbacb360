"""How hypothesis looks for counter-examples.

`ci`, the default, tries the same examples each time. SETTLE_HYPOTHESIS=thorough tries many more,
other ones each time: SETTLE_HYPOTHESIS=thorough make test ARGS=tests/property
"""

import os

from hypothesis import HealthCheck, settings

# A whole day is a large example, and a machine that is busy is no error.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=_PATIENT
)
settings.register_profile(
    "thorough", deadline=None, max_examples=3000, suppress_health_check=_PATIENT
)
settings.load_profile(os.environ.get("SETTLE_HYPOTHESIS", "ci"))
