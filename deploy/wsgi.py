"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")
_django = get_wsgi_application()

from deploy.hot import SchemasFirst  # noqa: E402 - Django must be set up before models are imported

application = SchemasFirst(_django)
