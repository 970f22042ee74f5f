"""Which files of a folder become which tables, and what their rows are called."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregation.errors import UserError
from aggregation.imports.faults import InputError
from aggregation.schema import source

SUFFIXES = (".csv", ".parquet")


def files_of(folder: Path) -> dict[str, Path]:
    """Table → file, referenced tables before those that refer to them."""
    try:
        paths = sorted(path for path in folder.iterdir() if _is_candidate(path))
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None
    tables = ", ".join(source.tables)
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem not in source.tables:
            raise UserError(f"{path.name} is named unlike any table; allowed: {tables}, as .csv or .parquet")
        if path.stem in found:
            raise UserError(f"{found[path.stem].name} and {path.name} are both there; allowed: one per table")
        found[path.stem] = path
    if not found:
        raise UserError(f"nothing to import in {folder}; allowed: {tables}, as .csv or .parquet")
    return {name: found[name] for name in source.tables if name in found}


def _is_candidate(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def unit_of(path: Path) -> str:
    return "row" if is_parquet(path) else "line"


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """InputErrors become UserErrors that name the file and the line."""
    try:
        yield
    except InputError as fault:
        place = f", {unit_of(path)} {fault.line}:" if fault.line else ""
        raise UserError(f"{path.name}{place} {' '.join(fault.reason.split())}") from None
