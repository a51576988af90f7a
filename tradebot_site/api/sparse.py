"""Reads of single fields: who asks for `fields` gets only these, so the schema requires none in such an answer."""

import json
from typing import Any

from drf_spectacular.utils import OpenApiParameter

FIELDS = "fields"
PARAMETER = OpenApiParameter(
    FIELDS, str, description="Only these fields, divided by commas; without it all of them, whatever is required."
)
PREFIX = "#/components/schemas/"


def require_no_field(result: Any, generator: Any, request: Any, public: Any) -> Any:
    """A hook of drf-spectacular: give reads that take `fields` components of their own, in which nothing is required.

    What else tells such a row, as the answer to an act does, tells it as a whole.
    """
    schemas = result["components"]["schemas"]
    for operation in (methods[name] for methods in result["paths"].values() for name in methods if name == "get"):
        if FIELDS in [parameter["name"] for parameter in operation.get("parameters", ())]:
            holder = operation["responses"]["200"]["content"]["application/json"]
            page = schemas[_name(holder["schema"])]
            if "results" in page["properties"]:
                holder = page["properties"]["results"]
                holder["items"] = _sparse(holder["items"], schemas)
            else:
                holder["schema"] = _sparse(holder["schema"], schemas)
    written = json.dumps(result, default=str)
    for name in [name for name in schemas if f"Sparse{name}" in schemas]:
        if f'"{PREFIX}{name}"' not in written:
            del schemas[name]
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _sparse(row: Any, schemas: Any) -> Any:
    name = _name(row).removeprefix("Sparse")
    schemas[f"Sparse{name}"] = {key: value for key, value in schemas[name].items() if key != "required"}
    return {"$ref": f"{PREFIX}Sparse{name}"}


def _name(part: Any) -> str:
    return str(part["$ref"]).removeprefix(PREFIX)
