"""ragscout.providers"""
