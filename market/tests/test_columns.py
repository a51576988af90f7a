"""Rows read as one array are the rows."""

from datetime import UTC, datetime

import numpy as np
import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from market.columns import EPOCH, FLAG, FLOAT, MOMENT, NEVER, SMALL, WHOLE, microseconds, read_columns

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
COLUMNS = {
    "whole": (WHOLE, "r.whole"),
    "small": (SMALL, "r.small"),
    "flag": (FLAG, "r.flag"),
    "amount": (FLOAT, "r.amount"),
    "at": (MOMENT, "r.at"),
}
SOURCE = """
    FROM (VALUES (9007199254740993::bigint, -3, true, 0.1::numeric, %(noon)s::timestamptz),
                 (NULL, NULL, NULL, NULL, NULL)) AS r(whole, small, flag, amount, at)
"""


def test_values_come_in_native_types_and_null_has_a_meaning():
    rows = read_columns(COLUMNS, SOURCE, {"noon": NOON})

    assert rows["whole"].tolist() == [9_007_199_254_740_993, 0]
    assert rows["small"].tolist() == [-3, 0]
    assert rows["flag"].tolist() == [True, False]
    assert rows["amount"][0] == 0.1
    assert np.isnan(rows["amount"][1])
    assert rows["at"].tolist() == [microseconds(NOON), NEVER]
    assert all(rows[name].dtype.isnative for name in COLUMNS)


def test_nothing_found_is_an_array_without_rows():
    rows = read_columns(COLUMNS, f"{SOURCE} WHERE false", {"noon": NOON})

    assert rows.shape == (0,)
    assert rows.dtype.names == tuple(COLUMNS)


def test_many_rows_keep_their_order():
    rows = read_columns({"n": (WHOLE, "n")}, "FROM generate_series(1, %s) AS n ORDER BY n DESC", [20_000])

    assert rows["n"].tolist() == list(range(20_000, 0, -1))


def test_a_moment_is_exact_to_the_microsecond():
    assert microseconds(EPOCH) == 0
    assert microseconds(datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_a_faulty_query_is_djangos_error():
    with pytest.raises(ProgrammingError, match="nothing"), transaction.atomic():
        read_columns({"n": (WHOLE, "nothing")}, "FROM generate_series(1, 2) AS n", [])
