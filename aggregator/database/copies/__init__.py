"""Copies of a whole database, on SQLite or PostgreSQL.

`write_copy` has the steps, `unfinished_copy` the tables of a database before the last step.
"""
