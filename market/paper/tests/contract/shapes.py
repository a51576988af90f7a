"""Shapes of JSON: which keys, and which JSON type behind each; and where two shapes differ.

A shape is a set of type names for a value, a dict for an object, a list of one shape for an array of like elements.
An array whose elements are of several types (a candle) and an array of filters are objects: by position, by name.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

NAMES = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


@dataclass(frozen=True)
class Key:
    """A key of an object; optional when not every object in an array has it."""

    shape: Any
    optional: bool = False


class Filters(dict[str, Key]):
    """An array of filters by their names. Which there are is the symbol's affair; what is in each is compared."""


def shape_of(value: Any) -> Any:
    """The shape of a decoded JSON value."""
    if isinstance(value, dict):
        return {name: Key(shape_of(found)) for name, found in value.items()}
    if value == []:
        return None  # of what, nobody knows
    if not isinstance(value, list):
        return frozenset({NAMES[type(value)]})
    if all(isinstance(row, dict) and "filterType" in row for row in value):
        return Filters({row["filterType"]: Key(shape_of(row), optional=True) for row in value})
    if len({type(row) for row in value}) > 1:
        return {str(position): Key(shape_of(row)) for position, row in enumerate(value)}
    merged = None
    for row in value:
        merged = _merge(merged, shape_of(row))
    return [merged]


def shape_of_model(annotation: Any) -> Any:
    """The shape that a pydantic model of an SDK describes; None where it describes nothing."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of_model(arguments[0])
    if origin in (Union, types.UnionType):
        wanted = [argument for argument in arguments if argument is not type(None)]
        return shape_of_model(wanted[0]) if len(wanted) == 1 else None
    if origin is list:
        return [shape_of_model(arguments[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if "one_of_schemas" in annotation.model_fields:
            return None
        # The model of a filter holds the fields of all filters.
        return {
            field.alias or name: Key(
                None if name in ("filters", "symbol_filters") else shape_of_model(field.annotation)
            )
            for name, field in annotation.model_fields.items()
            if name != "additional_properties"
        }
    return frozenset({NAMES[annotation]}) if annotation in NAMES else None


def differences(expected: Any, found: Any, path: str = "", *, extras: bool = True) -> Iterator[str]:
    """Where a shape differs from the expected one: ``-key`` it lacks, ``+key`` it has too many, ``key: type``.

    With ``extras=False`` keys that are too many do not count: the expected shape is an old one.
    """
    if expected is None or found is None:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        yield from _differences_of_keys(expected, found, path, extras=extras)
    elif isinstance(expected, list) and isinstance(found, list):
        yield from differences(expected[0], found[0], f"{path}[]", extras=extras)
    elif isinstance(expected, frozenset) and isinstance(found, frozenset):
        if not found <= expected:
            yield f"{path}: {_words(found)}, not {_words(expected)}"
    else:
        yield f"{path}: {_kind(found)}, not {_kind(expected)}"


def _differences_of_keys(expected: dict[str, Key], found: dict[str, Key], path: str, *, extras: bool) -> Iterator[str]:
    for name, key in expected.items():
        inner = f"{path}.{name}" if path else name
        if name in found:
            yield from differences(key.shape, found[name].shape, inner, extras=extras)
        elif not key.optional:
            yield f"-{inner}"
    if extras and not isinstance(expected, Filters):
        for name in found.keys() - expected.keys():
            yield f"+{path}.{name}" if path else f"+{name}"


def _merge(one: Any, other: Any) -> Any:
    """The shape of an array's elements, of which these are two."""
    if one is None or other is None:
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            name: Key(
                _merge(one[name].shape if name in one else None, other[name].shape if name in other else None),
                optional=name not in one or name not in other or one[name].optional or other[name].optional,
            )
            for name in one | other
        }
    if isinstance(one, list) and isinstance(other, list):
        return [_merge(one[0], other[0])]
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    return None


def _words(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


def _kind(shape: Any) -> str:
    return {dict: "object", list: "array"}.get(type(shape)) or _words(shape)
