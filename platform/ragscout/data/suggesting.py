"""Lost: another file of the same name was written over this one at 01:28; transforms live in data/proposing.py now."""

raise ImportError("data/suggesting.py (evidence suggestions) was overwritten by mistake at 01:28: write it again")
