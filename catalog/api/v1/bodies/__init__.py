"""Shapes of requests and answers, a file for each of ``views``. Requests are checked by them; answers are described by them, and tests compare."""
