"""doit's entry. Its settings stand in pyproject.toml, the tasks in tasks/."""

from tasks.graph import *  # noqa: F403
