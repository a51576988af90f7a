"""One user of each role, and who is none."""

from django.contrib.auth.models import Group, User
from django.test import Client

from market.tests.factories import UserFactory
from ops import roles

ROLES = ("viewer", "trader", "operator", "administrator")
EVERYBODY = ("anonymous", "stranger", *ROLES)
PASSWORD = "correct horse battery"


def person(role: str, **fields: object) -> User:
    """A user of a role. A stranger may log in, but is neither staff nor in a group."""
    user = UserFactory(username=f"the-{role}", is_staff=role != "stranger", **fields)
    user.set_password(PASSWORD)
    user.save()
    if role in ROLES:
        user.groups.add(group_of(role))
    return user


def group_of(role: str) -> Group:
    """As `ops.roles.create_groups` makes it, which takes its time to write down each permission."""
    group, is_new = Group.objects.get_or_create(name=role)
    if is_new:
        given = Group.permissions.through
        may = roles.permissions(roles.ROLES[role])
        given.objects.bulk_create(given(group=group, permission=permission) for permission in may)
    return group


def client_of(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client
