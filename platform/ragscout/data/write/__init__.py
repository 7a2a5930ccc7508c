"""Writers: an evaluation set in the formats of other tools."""
