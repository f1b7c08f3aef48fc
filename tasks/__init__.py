"""The task graph, one file per stage. No other code imports doit.

This file is empty, because `python -m tasks` imports it before it can handle signals. `graph` collects the
tasks.
"""
