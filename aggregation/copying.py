"""Rows into PostgreSQL, fast: Arrow batches through COPY."""

from collections.abc import Callable, Iterable
from io import BytesIO

import pyarrow as pa
from pyarrow import csv
from sqlalchemy import Connection


def copy_rows(
    connection: Connection,
    table: str,
    batches: Iterable[pa.RecordBatch],
    progress: Callable[[int], None] = lambda rows: None,
) -> int:
    """Append `batches` to `table` by COPY, in the connection's transaction; the number of rows.

    Columns are matched by name. Nulls stay nulls and empty strings stay empty strings. `progress`
    is called with each batch's number of rows.
    """
    cursor = connection.connection.cursor()
    total = 0
    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        buffer = BytesIO()
        csv.write_csv(batch, buffer, options)
        buffer.seek(0)
        columns = ", ".join(f'"{name}"' for name in batch.schema.names)
        cursor.copy_expert(f'COPY "{table}" ({columns}) FROM STDIN (FORMAT csv)', buffer)
        total += batch.num_rows
        progress(batch.num_rows)
    cursor.close()
    return total
