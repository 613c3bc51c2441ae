"""How hypothesis tries its examples."""

from hypothesis import settings

# How long an example may take is no matter of tests: a busy machine is no fault.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
