"""One user of each role, and who is none."""

from django.contrib.auth.models import Group, User
from django.test import Client

from market.tests.factories import UserFactory
from ops.roles import create_groups

ROLES = ("viewer", "trader", "operator", "administrator")
EVERYBODY = ("anonymous", "stranger", *ROLES)
PASSWORD = "correct horse battery"


def person(role: str, **fields: object) -> User:
    """A user of a role. A stranger may log in, but is neither staff nor in a group."""
    create_groups()
    user = UserFactory(username=f"the-{role}", is_staff=role != "stranger", **fields)
    user.set_password(PASSWORD)
    user.save()
    if role in ROLES:
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client
