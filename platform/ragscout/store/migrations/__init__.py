"""Steps from one version of the ledger's tables to the next.

A step is a file ``versions/vNNNN_what.py`` with ``revision``, ``down_revision`` and ``upgrade()``. Whoever adds one
changes ``store.tables`` to the same effect and raises ``store.schema.HEAD``; a test holds the two against each other.
A step names its tables itself: those of ``store.tables`` go on changing, a step never does.
"""
