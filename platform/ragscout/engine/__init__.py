"""The store, the memo and what fills cells: computed once, kept for ever, shared by every sweep on the store."""
