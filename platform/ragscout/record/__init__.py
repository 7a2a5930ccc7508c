"""ragscout.record"""
