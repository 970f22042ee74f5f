"""CSV and Parquet files into the source tables: a whole folder or nothing of it.

    file ──▶ batches of text ──▶ typed batches ──▶ staging table ──▶ upsert
             (CSV or Parquet)    (values checked)  (ids checked)

All the way, rows keep the line they came from, so that every fault can name it.
"""

from aggregation.imports.loading import import_folder

__all__ = ["import_folder"]
