"""The client that tests of the REST API share."""

from __future__ import annotations

import pytest
from django.test import Client

from catalog.access.services import create_token, create_user


@pytest.fixture
def api(operator):
    """A client with an operator's token."""
    user = create_user(caller=operator, username="root", password=None, operator=True)
    _, secret = create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    client.operator = operator
    return client
