"""Made-up worlds of the search tests: those of the shipped kit."""

from ragscout.testing.search import GOAL, MadeSpace, World, configuration, judge_failed, play, small_space

__all__ = ["GOAL", "MadeSpace", "World", "configuration", "judge_failed", "play", "small_space"]
