"""The test settings with production's broker."""

import os

from deploy.settings.test import *  # noqa: F403
from deploy.settings.test import CELERY

CELERY = {**CELERY, "broker_url": os.environ["CELERY_BROKER_URL"]}
