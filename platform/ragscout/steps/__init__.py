"""ragscout.steps"""
