#!/usr/bin/env python
"""Runs Django's commands on the embedded settings unless DJANGO_SETTINGS_MODULE names others."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")
    execute_from_command_line(sys.argv)
