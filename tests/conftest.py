"""Properties are judged by what they find, not by how busy the machine is."""

from hypothesis import HealthCheck
from hypothesis import settings

settings.register_profile(
    "metalease", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("metalease")
