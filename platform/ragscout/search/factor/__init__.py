"""The factor search: many configurations, few questions each, one model over all of them."""
