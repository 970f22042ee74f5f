"""revenue_breakdown: what came in on a day, by source. `gifts` is the ledger of total_revenue."""

from datetime import date
from typing import Any

from sqlalchemy import Select, Text, func, literal_column, select, union_all

from aggregation.jobs.events import gifts, money, payments


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, source, amount, transaction_count; without `transactions` only the gifts."""
    gift = gifts(first, last).c
    amounts = [
        select(
            gift.date,
            literal_column("'gifts'", Text).label("source"),
            (gift.creator_share + gift.platform_share).label("amount"),
        )
    ]
    if "transactions" not in missing:
        payment = payments(first, last).c
        amounts.append(select(payment.date, payment.source, payment.amount))
    entry = union_all(*amounts).subquery("entries").c
    return select(
        entry.date,
        entry.source,
        money(entry.amount).label("amount"),
        func.count().label("transaction_count"),
    ).group_by(entry.date, entry.source)
