"""doit's entry. Its settings stand in pyproject.toml, the tasks in tasks/."""

from tasks import *  # noqa: F403
