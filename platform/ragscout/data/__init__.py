"""ragscout.data"""
