"""ragscout.search"""
