"""What the tests of this folder share."""

from ragscout.model.config import source_node

HEAD = "sweep: s\neval_set: e@1\n"
SOURCE = source_node("0" * 64)


class Revisions:
    """A resolver that knows every model."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def revision(self, model: str) -> str:
        self.asked.append(model)
        return f"revision of {model}"
