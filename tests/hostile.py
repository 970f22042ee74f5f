"""Names as people give them who want to break something. All are shown as they are."""

import pytest
from sqlalchemy import Engine, text

RUN = "window.hacked=1"
MARKUP = f'<b>bold</b><a href="javascript:{RUN}">x</a><img src=x onerror={RUN}><script>{RUN}</script>'
RIGHT_TO_LEFT = "\u202eemordnilap \u2067שלום\u2069 עולם"
LONG = "Wärme" * 2000

NAMES = [
    pytest.param(MARKUP, id="markup"),
    pytest.param(f"</script><script>{RUN}</script>", id="end of a script"),
    pytest.param(f'" onmouseover="{RUN}', id="attribute"),
    pytest.param(f"javascript:{RUN}", id="link"),
    pytest.param("&lt;b&gt;&amp;", id="entities"),
    pytest.param("{{7*7}} %{y} %{customdata} ${1}", id="templates"),
    pytest.param("=HYPERLINK(1,2)", id="formula"),
    pytest.param("<r><t>x</t></r>", id="markup of workbooks"),
    pytest.param("\ue000", id="where the address goes"),
    pytest.param("\ue001", id="where the page goes"),
    pytest.param("a\x01\x1b[31m_x0041_", id="control characters"),
    pytest.param(RIGHT_TO_LEFT, id="right to left"),
    pytest.param(LONG, id="10,000 characters"),
]


def plant(engine: Engine, names: dict[int, str], sources: list[str]) -> None:
    """Give creators of the cast these names, and 4 March payments from these sources."""
    with engine.begin() as connection:
        for creator, name in names.items():
            connection.execute(
                text("UPDATE creator_profiles SET name = :name WHERE creator_id = :id"),
                {"name": name, "id": creator},
            )
        for number, source in enumerate(sources, start=1):
            connection.execute(
                text(
                    "INSERT INTO revenue_breakdown (date, source, amount, transaction_count)"
                    " VALUES ('2026-03-04', :source, :amount, 1)"
                ),
                {"source": source, "amount": 100 * number},
            )
