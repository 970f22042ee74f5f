"""What commands write to the terminal: progress bars and tables."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

# Results go to stdout; what is only for the eye goes to stderr.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
# What a program reads isn't folded to a terminal's width.
UNFOLDED = 1000
if not out.is_terminal:
    out.width = UNFOLDED


@contextmanager
def bars(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each name: `show(name, done, total)`, total 0 where it isn't known."""
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total or None)
            progress.update(tasks[name], completed=done, total=total or None)

        yield show


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """One bar for work that names its stages: `show(stage, share from 0 to 1)`."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda stage, share: progress.update(task, description=stage, completed=share)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table on stdout; columns of numbers to the right. Cells are no markup."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    out.print(grid)
