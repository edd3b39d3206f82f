"""The settings: one TOML file and flags, read into one frozen dataclass per section.

Use: ``config[ServerSettings].listen``. A section belongs to the layer that uses it and is named
in `atoll.registry.CONFIG_SECTIONS`; it is read when first asked for. A new setting is one line in
its dataclass, made with `setting`, and appears in docs/config.md by ``make docs``.
"""

from atoll.config.reading import Config, load_config
from atoll.config.setting import setting
from atoll.config.settings import (
    DeviceSettings,
    LogSettings,
    MetricsSettings,
    PlacementSettings,
    ProcessSettings,
    ServerSettings,
    SupervisorSettings,
)

__all__ = [
    "Config",
    "DeviceSettings",
    "LogSettings",
    "MetricsSettings",
    "PlacementSettings",
    "ProcessSettings",
    "ServerSettings",
    "SupervisorSettings",
    "load_config",
    "setting",
]
