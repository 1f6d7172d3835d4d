"""The first login and token: made once, and not shown any longer than they are good."""

from __future__ import annotations

import pytest

from catalog.access.models import ApiToken, User
from catalog.access.principals import principal_for_token
from deploy.bootstrap import ensure_operator
from deploy.home import read_credentials

pytestmark = pytest.mark.django_db
URL = "http://localhost:8000"


def test_the_first_start_makes_a_login_and_a_token_and_the_next_one_keeps_them(tmp_path):
    made = ensure_operator(tmp_path, URL, None)
    assert User.objects.get(username=made["user"]).check_password(made["password"])
    assert principal_for_token(made["token"]).is_operator
    assert ensure_operator(tmp_path, URL, None) == made == read_credentials(tmp_path)
    assert (tmp_path / "credentials").stat().st_mode & 0o077 == 0


def test_a_password_changed_and_a_token_revoked_are_not_shown_any_more(tmp_path):
    made = ensure_operator(tmp_path, URL, None)
    user = User.objects.get(username=made["user"])
    user.set_password("another one, and long")
    user.save()
    ApiToken.objects.all().delete()
    assert ensure_operator(tmp_path, URL, None) == {"user": made["user"], "url": URL} == read_credentials(tmp_path)


def test_a_home_beside_the_database_of_another_shows_nothing_that_is_not_good(tmp_path):
    """The file was written for another database; this one has an operator of its own."""
    (tmp_path / "one").mkdir()
    ensure_operator(tmp_path / "one", URL, None)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "credentials").write_text(
        f"user=admin\npassword=of-another-one\ntoken=cairn_other\nurl={URL}\n"
    )
    assert ensure_operator(tmp_path / "two", URL, None) == {"user": "admin", "url": URL}
