"""How people look at the fleet."""

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, ValidationError
from django.db import models
from django.db.models import Case, Q, When
from django.http import QueryDict

# Of a list's address: what says which page, or how a popup came about, is no part of a view.
NOT_KEPT = ("p", "all", "e", "_popup", "_to_field", "_changelist_filters")
MOST_CHARACTERS = 500


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def seen_by(self, user: models.Model) -> "SavedViewQuerySet":
        """A user's own views, and after them those that others share."""
        is_own = Q(user=user.pk)
        return self.filter(is_own | Q(is_shared=True)).order_by(Case(When(is_own, then=0), default=1), "name", "pk")


class SavedView(models.Model):
    """A list of bots as somebody wants to see it again: search, filters and order under a name."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views", editable=False
    )
    name = models.CharField(max_length=40)
    query = models.CharField(
        max_length=MOST_CHARACTERS,
        blank=True,
        help_text="What stands behind the ? of the list's address, for example status=error&environment=live.",
    )
    is_shared = models.BooleanField(
        "shared", default=False, help_text="Everybody sees it above the list, with the bots that they may see."
    )

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_view_name_unique_per_user")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep of the address what makes the view, and refuse what is none, or has the name of another one."""
        self.query = view_of(self.query)
        if not self.query:
            raise ValidationError({"query": "query: this is the whole list; choose filters, a search or an order."})
        if len(self.query) > MOST_CHARACTERS:
            long = f"query: it has {len(self.query)} characters as an address, at most {MOST_CHARACTERS} are kept."
            raise ValidationError({"query": long})
        if SavedView.objects.filter(user=self.user_id, name=self.name).exclude(pk=self.pk).exists():
            raise ValidationError({"name": f"name: you have a view named {self.name!r} already."})


def view_of(query: str) -> str:
    """Search, filters and order of an address, in one order whatever was chosen first. Raises ValidationError."""
    try:
        given = QueryDict(query.removeprefix("?"))
    except TooManyFieldsSent as error:
        raise ValidationError({"query": f"query: {error}"}) from error
    kept = QueryDict(mutable=True)
    for name in sorted(given):
        values = [value for value in given.getlist(name) if value]
        if values and name not in NOT_KEPT:
            kept.setlist(name, values)
    return kept.urlencode()
