"""Components of other packages come in through the entry-point group ``ragscout.steps``."""

import os
import subprocess
import sys
from pathlib import Path


def test_another_package_s_step_is_registered(tmp_path: Path) -> None:
    (tmp_path / "acme_rag.py").write_text(
        "from ragscout.model.step import Step, step\n\n\n"
        "@step('rerank', 'acme-reverse', version=1)\nclass Reverse(Step):\n    pass\n",
        encoding="utf-8",
    )
    info = tmp_path / "acme_rag-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rag\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[ragscout.steps]\nacme = acme_rag\n", encoding="utf-8")
    script = "from ragscout import steps\nfrom ragscout.model.step import steps_of\nprint(sorted(steps_of('rerank')))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "acme-reverse" in done.stdout
