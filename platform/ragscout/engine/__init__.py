"""ragscout.engine"""
