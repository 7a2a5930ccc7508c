"""ragscout.spec"""
