"""Settings of the property tests, for the whole suite."""

from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no fault of the program's. A failure says how to repeat it.
settings.register_profile(
    "alonzo",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("alonzo")
