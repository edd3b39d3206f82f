"""The root of the command line; a command's module is imported when the command is used."""

from __future__ import annotations

import sys

import click

from atoll import __version__
from atoll.errors import OperatorError
from atoll.registry import COMMANDS, load

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands stand in the registry."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the registry's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = load(COMMANDS[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="atoll %(version)s")
def cli() -> None:
    """A cloud in one package: an object store with S3 and Swift front doors."""


def main() -> None:
    """Run the command line; what the operator can mend is one line and exit code 2."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        _fail(error.format_message())
    except OperatorError as error:
        _fail(str(error))
    except click.Abort:
        sys.exit(EXIT_INTERRUPTED)


def _fail(line: str) -> None:
    click.echo(f"atoll: {line}", err=True)
    sys.exit(EXIT_REFUSED)
