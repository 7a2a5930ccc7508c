"""Conformance kits, fakes of absent services and drawn data, shipped for the tests of other packages too."""
