"""ragscout.testing"""
