"""The task graph, one file per stage that a user names. The only place that knows doit.

Empty, because `python -m tasks` imports it before it can take signals; the tasks are gathered in `graph`.
"""
