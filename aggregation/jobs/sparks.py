"""creator_sparks: what each creator was given of each spark on a day, and what of it is refunded by now."""

from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from aggregation.jobs.events import ONE, ZERO, cents, day_of, money, possible_gifts, total, within
from aggregation.schema import virtual_gifts


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, spark_id and the sums of the creator's shares; needs no optional table.

    `earned` is that of completed and refunded gifts, so that a refund never changes it.
    """
    status = virtual_gifts.c.status
    received = (
        select(
            virtual_gifts.c.recipient_id.label("creator_id"),
            day_of(virtual_gifts.c.created_at).label("date"),
            virtual_gifts.c.spark_id,
            cents(virtual_gifts.c.creator_share).label("share"),
            case((status == literal_column("'refunded'"), ONE), else_=ZERO).label("refunded"),
        )
        .where(
            status.in_([literal_column("'completed'"), literal_column("'refunded'")]),
            possible_gifts(),
            within(virtual_gifts.c.created_at, first, last),
        )
        .subquery("received")
        .c
    )
    keys = (received.creator_id, received.date, received.spark_id)
    return select(
        *keys,
        func.count().label("gifts"),
        money(received.share).label("earned"),
        total(received.refunded).label("refunded_gifts"),
        money(case((received.refunded == ONE, received.share), else_=ZERO)).label("refunded"),
    ).group_by(*keys)
