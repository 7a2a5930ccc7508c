"""ragscout.web"""
