"""A job's statement as Spark SQL. What isn't known to give the same there is refused, by name."""

from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlalchemy import CompoundSelect, Select
from sqlalchemy.dialects import postgresql
from sqlglot import ErrorLevel, exp

from aggregation.errors import UserError

# The parts of SQL that were tried on both engines, cell by cell. Whatever is added to them has to be, too
# (tests/integration/test_spark.py).
TRIED: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Order, exp.Ordered, exp.Subquery),
        *(exp.Union, exp.Values, exp.Tuple, exp.Distinct, exp.Exists, exp.Table, exp.TableAlias),
        *(exp.CTE, exp.With, exp.Column, exp.Identifier, exp.Alias, exp.Star, exp.Literal, exp.Null),
        *(exp.Boolean, exp.Var, exp.Paren, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between),
        *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Neg, exp.Add, exp.Sub),
        *(exp.Case, exp.If, exp.Coalesce, exp.Cast, exp.DataType, exp.DataTypeParam, exp.TimestampTrunc),
        *(exp.Count, exp.Sum, exp.Min, exp.Max, exp.ArrayAgg, exp.WithinGroup, exp.Mode),
        *(exp.Window, exp.WindowSpec, exp.RowNumber),
    }
)
POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
DATE = exp.DataType.build("date")


class Untranslatable(UserError):  # noqa: N818
    """The statement uses something that other engines don't know, or take otherwise."""


def spark_sql(
    statement: Select[Any] | CompoundSelect[Any], partitions: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """The statement for Spark.

    `partitions` has, by table, its column of times and the column of their days (UTC) by which its files are
    kept apart: each condition on the first is repeated for the second, so that only these days are read.
    Raises Untranslatable.
    """
    compiled = statement.compile(dialect=POSTGRESQL, compile_kwargs={"literal_binds": True})
    tree = sqlglot.parse_one(str(compiled), read="postgres")
    for node in tree.walk():
        _require_tried(node)
    tree = tree.transform(_sorted_sets).transform(_pruned, partitions or {})
    return tree.sql("spark", unsupported_level=ErrorLevel.RAISE)


def _require_tried(node: exp.Expr) -> None:
    if type(node) not in TRIED:
        raise _refusal(node, "which hasn't been tried on other engines")
    if isinstance(node, exp.ArrayAgg) and not isinstance(node.this, exp.Distinct):
        raise _refusal(node, "whose order is nobody's; allowed: array_agg(DISTINCT …)")
    if isinstance(node, exp.Add | exp.Sub) and any(_is_day(side) for side in (node.left, node.right)):
        raise _refusal(node, "days are reckoned in Python, not in SQL")


def _is_day(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.to == DATE


def _refusal(node: exp.Expr, why: str) -> Untranslatable:
    return Untranslatable(f"the statement has {node.sql('postgres')[:80]!r}, {why}")


def _sorted_sets(node: exp.Expr) -> exp.Expr:
    """PostgreSQL sorts to find what is distinct; Spark's sets have no order."""
    if not isinstance(node, exp.ArrayAgg):
        return node
    (value,) = node.this.expressions
    return exp.Anonymous(this="SORT_ARRAY", expressions=[exp.ArrayUniqueAgg(this=value)])


def _pruned(node: exp.Expr, partitions: Mapping[str, tuple[str, str]]) -> exp.Expr:
    """`moment >= T` as `moment >= T AND day >= T's day`: the same rows, of fewer files."""
    if not isinstance(node, exp.GTE | exp.LT) or not isinstance(node.this, exp.Column):
        return node
    moment, day = partitions.get(node.this.table, ("", ""))
    bound = node.expression
    if node.this.name != moment or not isinstance(bound, exp.Cast) or not bound.this.is_string:
        return node
    begin, time = bound.this.name.split(" ")
    # What is before a midnight is of a day before it.
    compare = exp.LTE if isinstance(node, exp.LT) and time != "00:00:00" else type(node)
    implied = compare(
        this=exp.column(day, table=node.this.table),
        expression=exp.cast(exp.Literal.string(begin), DATE),
    )
    return exp.paren(exp.and_(node.copy(), implied))
