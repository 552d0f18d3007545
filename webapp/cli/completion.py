"""``lineup completion``: what a shell needs to complete the commands."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and task ids.

    \b
    bash: lineup completion bash >> ~/.bashrc
    zsh:  lineup completion zsh  >> ~/.zshrc
    fish: lineup completion fish >  ~/.config/fish/completions/lineup.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"Completion for {shell} is not known.", context)
    script = made(context.find_root().command, {}, "lineup", "_LINEUP_COMPLETE")
    click.echo(script.source_template % script.source_vars())
