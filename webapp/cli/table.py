"""Rows for people, aligned and cut to the terminal; for programs, tabs and nothing left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import click

from webapp.cli.terminal import fit, on_terminal, width

GAP = 2


def show(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    paint: Callable[[int, str], str] | None = None,
) -> None:
    """Print rows; on a terminal the last column takes what is left of the line."""
    if not on_terminal():
        for row in rows:
            click.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    every = [[head.upper() for head in heads], *rows]
    wide = [max(width(row[at]) for row in every) for at in range(len(heads))]
    columns = shutil.get_terminal_size().columns
    wide[-1] = max(20, columns - sum(wide[:-1]) - GAP * (len(wide) - 1))
    for number, row in enumerate(every):
        cells = [fit(cell, wide[at]) for at, cell in enumerate(row)]
        filled = [
            (paint(at, cell) if paint and number else cell) + " " * (wide[at] - width(cell))
            for at, cell in enumerate(cells)
        ]
        click.echo((" " * GAP).join(filled).rstrip())


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names with their values, those without a value left out."""
    shown = [(name, value) for name, value in pairs if value]
    wide = max((width(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *others = value.split("\n")
        click.echo(f"{name}{' ' * (wide - width(name))}  {first}")
        for line in others:
            click.echo(f"{' ' * wide}  {line}")
