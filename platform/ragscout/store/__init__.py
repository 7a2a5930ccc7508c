"""The store: what was computed once, found again by key; its ledger, its journals, its memo."""
