"""Tables as files for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from fastapi.responses import Response

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a text for something to work out, whoever wrote it."""


def spreadsheet(name: str, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as a CSV file called `name`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(titles)
    writer.writerows([_plain(value) for value in row] for row in rows)
    headers = {
        "content-disposition": f'attachment; filename="callboard-{name}.csv"',
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
