"""metalease: what one L3 network needs to boot its guests, in one process."""

__version__ = "0.1.0"
