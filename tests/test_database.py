"""The database keeps the promises: what the models declare is there after all migrations."""

import pytest
from django.apps import apps
from django.db import connection

MODELS = [model for app in ("market", "trades", "bots") for model in apps.get_app_config(app).get_models()]


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_constraint_and_index_of_a_model_is_in_the_database(model):
    """A migration that alters a column may drop an index that something else declares."""
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, model._meta.db_table)

    declared = {item.name for item in (*model._meta.constraints, *model._meta.indexes)}
    assert declared <= set(there)
