"""ragscout.serve"""
