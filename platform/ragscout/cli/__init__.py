"""ragscout.cli"""
