"""What a configuration may say, and the one line that refuses what it may not."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll.config import Config, LogSettings, ServerSettings, load_config, setting
from atoll.config.reference import reference
from atoll.config.setting import settings_of
from atoll.errors import ConfigError
from atoll.registry import CONFIG_SECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user.

    Attributes:
        key: the password.
        groups: what it belongs to, on more
            than one line.
    """

    key: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A section with every kind of setting."""

    ratio: float = setting(0.5, "A ratio.", low=0, high=1)
    name: str | None = setting(None, "A name.")
    zones: tuple[int, ...] = setting((), "Numbers.")
    users: dict[str, User] = field(default_factory=dict)


SECTIONS = {**CONFIG_SECTIONS, "sample": f"{__name__}:Sample"}


def config_of(text: str, tmp_path: Path) -> Config:
    path = tmp_path / "atoll.toml"
    path.write_text(text)
    return load_config(path, sections=SECTIONS)


def test_defaults_hold_without_a_file() -> None:
    assert load_config()[ServerSettings] == ServerSettings()
    assert load_config()[ServerSettings].listen == "127.0.0.1:8080"


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    config = config_of(
        """
        [server]
        workers = 3
        tls_certificate = "a.pem"
        tls_key = "b.pem"
        [sample]
        ratio = 1
        zones = [1, 2]
        users.anna = { key = "k", groups = ["admin"] }
        """,
        tmp_path,
    )
    assert config[ServerSettings].workers == 3
    assert config[ServerSettings].tls_key == Path("b.pem")
    sample = config[Sample]
    assert (sample.ratio, sample.zones, sample.name) == (1.0, (1, 2), None)
    assert sample.users == {"anna": User(key="k", groups=("admin",))}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sever]\nx = 1", "sever: unknown section; did you mean 'server'?"),
        ("[server]\nlistn = 1", "server.listn: unknown setting; did you mean 'listen'?"),
        ("[server]\nqqqqqq = 1", "server.qqqqqq: unknown setting; there are listen, workers, "),
        ("server = 3", "server: must be a table of settings"),
        ('[server]\nworkers = "two"', "server.workers: must be an integer, not 'two'"),
        ("[server]\nworkers = true", "server.workers: must be an integer, not True"),
        ("[server]\nworkers = 2.0", "server.workers: must be an integer, not 2.0"),
        ("[server]\nworkers = -1", "server.workers: must be at least 0, not -1"),
        ("[server]\nworkers = 5000", "server.workers: must be at most 1,024, not 5000"),
        ("[server]\nlisten = 8080", "server.listen: must be a string, not 8080"),
        ('[server]\nlisten = "8080"', """server.listen: must be "host:port", not '8080'"""),
        ('[server]\nlisten = "a:70000"', "server.listen: must end in a port number from 0 to"),
        ('[server]\nlisten = "::1:80"', "server.listen: must have an IPv6 address in brackets"),
        ('[server]\ntls_key = "k"', "server: tls_certificate and tls_key must be set together"),
        ("[server]\nstop_deadline_s = nan", "server.stop_deadline_s: must be a finite number"),
        ("[server]\nstop_deadline_s = inf", "server.stop_deadline_s: must be a finite number"),
        ('[log]\nlevel = "loud"', "log.level: must be one of 'debug', 'info', 'warning', 'error'"),
        ("[log]\naccess = 1", "log.access: must be true or false, not 1"),
        ("[sample]\nzones = 3", "sample.zones: must be a list, not 3"),
        ("[sample]\nzones = [1, 'b']", "sample.zones[1]: must be an integer, not 'b'"),
        ("[sample]\nusers = []", "sample.users: must be a table, not []"),
        ("[sample]\nusers.anna = {}", "sample.users.anna.key: must be set"),
        ("[sample]\nusers.anna.kee = ''", "sample.users.anna.kee: unknown setting; did you"),
        ("[server", "file: not TOML: "),
        ('["a\\nb"]', "'a\\nb': unknown section; there are "),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(text, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'atoll.toml'}: {line}")
    assert "\n" not in message


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(tmp_path / "binary")


def test_a_flag_wins_and_is_named_when_wrong() -> None:
    config = Config({"server": {"workers": 2}}).replace("--workers", {"server.workers": 7})
    assert config[ServerSettings].workers == 7
    with pytest.raises(ConfigError, match=r"--workers: server\.workers: must be at least 0"):
        config.replace("--workers", {"server.workers": -7})
    with pytest.raises(ConfigError, match="unknown section"):
        config.replace("--set", {"sever.workers": 7})


def test_dump_and_parse_agree() -> None:
    config = Config({"server": {"tls_certificate": "c", "tls_key": "x"}})
    config = config.replace("here", {"log.level": "debug"})
    again = Config.parse(config.dump(), where="run")
    assert again[ServerSettings] == config[ServerSettings]
    assert again[LogSettings].level == "debug"


def test_section_that_nobody_registered() -> None:
    with pytest.raises(KeyError, match="CONFIG_SECTIONS"):
        Config()[Sample]


def test_reading_is_lazy() -> None:
    broken = Config({"log": {"level": "loud"}})
    assert broken[ServerSettings].workers == 0
    with pytest.raises(ConfigError):
        broken.check()


def test_plain_dataclass_is_documented_by_its_docstring() -> None:
    docs = {name: one.doc for name, one in settings_of(User).items()}
    assert docs == {
        "key": "The password.",
        "groups": "What it belongs to, on more than one line.",
    }
    page = reference({"sample": f"{__name__}:Sample"})
    assert "| `key` | string | must be set | The password. |" in page
    assert "| `ratio` | number | `0.5` | A ratio. From 0 to 1. |" in page
    assert "| `zones` | list of integers | `[]` | Numbers. |" in page


def test_every_setting_is_documented_and_its_default_keeps_its_bounds() -> None:
    config = load_config()
    for name, section in config.kinds().items():
        for one in settings_of(section).values():
            assert len(one.doc) > 10, f"{name}.{one.name} has no doc"
            value = getattr(config[section], one.name)
            assert one.bounds.complaint(value) is None, f"{name}.{one.name}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from(sorted(SECTIONS)) | st.text(max_size=5),
        st.dictionaries(
            st.sampled_from(["listen", "workers", "level", "ratio", "zones", "users", "tls_key"])
            | st.text(max_size=5),
            json_values,
            max_size=3,
        )
        | json_values,
        max_size=3,
    )
)
def test_anything_is_read_or_refused(tables: dict[str, Any]) -> None:
    assert "\n" not in refusal_of(tables)


def refusal_of(tables: dict[str, Any]) -> str:
    """Return why tables are refused, or nothing."""
    try:
        Config(tables, sections=SECTIONS).check()
    except ConfigError as error:
        return str(error)
    return ""
