"""`fields=` shows single fields wherever it is taken, and the schema promises no field where it may be left out."""

import pytest

from tradebot_site.api.pages import schema
from tradebot_site.tests.api.expected import TABLE
from tradebot_site.tests.api.routes import routes
from tradebot_site.tests.api.rows import named

pytestmark = pytest.mark.django_db
READS = [route for route in routes() if route.method == "GET" and str(route) in TABLE]


def operations():
    """The reads that take `fields`, by path, with the schema of one of the rows that they tell."""
    found = {}
    for path, methods in schema()["paths"].items():
        read = methods.get("get", {})
        if "fields" in [parameter["name"] for parameter in read.get("parameters", ())]:
            found[path] = row_of(read["responses"]["200"]["content"]["application/json"]["schema"])
    return found


def row_of(answer):
    found = component(answer)
    return component(found["properties"]["results"]["items"]) if "results" in found["properties"] else found


def component(part):
    return schema()["components"]["schemas"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part


SPARSE = operations()


@pytest.mark.parametrize("route", READS, ids=str)
def test_it_is_taken_where_the_schema_says_so_and_refused_elsewhere(world, route):
    path = route.path.replace("<pk>", "{id}").replace("<", "{").replace(">", "}")
    query, address = TABLE[str(route)].query, route.at(named(route, world.owner))
    caller = "owner"
    answer = world.ask(caller, "GET", f"{address}?fields=id&{query}")
    if answer.status_code == 403:  # what only operators see
        caller = "operator"
        answer = world.ask(caller, "GET", f"{address}?fields=id&{query}")

    if path not in SPARSE:
        assert answer.status_code >= 300 or path in ("/api/v1/docs", "/api/v1/schema"), answer.content
        return
    told = answer.json()
    rows = told.get("results", [told])
    assert rows
    assert all(list(row) == ["id"] for row in rows)
    assert "required" not in SPARSE[path]
    assert world.ask(caller, "GET", f"{address}?fields=nothing").json()["fields"].keys() == {"fields"}


def test_there_are_such_reads_and_what_acts_tell_is_whole():
    assert {f"/api/v1/{path}" for path in ("bots", "bots/{id}", "orders", "tokens", "accounts/{id}")} <= set(SPARSE)
    made = schema()["paths"]["/api/v1/bots"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert "id" in component(made)["required"]
