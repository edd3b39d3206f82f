"""Ground floor of Atoll: what every layer stands on, and nothing of any layer."""

__version__ = "0.1.0"
