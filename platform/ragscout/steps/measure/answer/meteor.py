"""METEOR (Banerjee & Lavie 2005, https://aclanthology.org/W05-0909) through nltk, never downloading anything."""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from ragscout.model.errors import StepError
from ragscout.model.outcome import Failure, Score, Scores
from ragscout.model.runtime import Models, Runtime
from ragscout.model.step import make, step
from ragscout.model.text import Language
from ragscout.providers import tokenize
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.tokens import KO_FUNCTION, content_morphemes, korean_tokeniser, morphemes, pair_language

Synonyms = Literal["auto", "wordnet", "none"]


@step("measure", "meteor", version=2, libraries=("nltk", "kiwipiepy"), packaged=(KO_FUNCTION,))
class Meteor(TextMetric):
    """METEOR with nltk's parameters (alpha 0.9, beta 3, gamma 0.5), 0..1; the best reference counts.

    English: word_tokenize's rules per sentence, Porter stems, WordNet 3.0 synonyms. Korean: morphemes without
    particles and endings (without Kiwi: syllables), exact matches only, since WordNet knows no Korean. Equal to
    ``nltk.translate.meteor_score.single_meteor_score`` on the same tokens, with one intended difference: an answer
    whose tokens are the reference's gets 1, as in the METEOR 1.5 release; nltk keeps a fragmentation penalty of 0.5
    divided by the cube of the number of words, which gives an identical one-word answer 0.5.
    """

    synonyms: Synonyms = field(
        default="auto",
        metadata={
            "help": "wordnet, none, or auto: WordNet where it is present; the score says when it was not",
            "choices": ("auto", "wordnet", "none"),
        },
    )

    def resolved(self, models: Models) -> Meteor:
        """Return the same step with ``auto`` replaced by what is present, so that the node's key says it."""
        if self.synonyms != "auto":
            return self
        made = make("measure", "meteor", {"synonyms": "wordnet" if _has_wordnet(models) else "none"})
        assert isinstance(made, Meteor)
        return made

    def signature(self) -> str:
        """Library, parameters, tokenisers and whether WordNet takes part."""
        words = {"auto": "wordnet-3.0 if present", "wordnet": "wordnet-3.0", "none": "none (runs without WordNet)"}
        return (
            f"meteor|nrefs:best|alpha:0.9|beta:3|gamma:0.5|stem:porter|synonyms:{words[self.synonyms]}"
            f"|tok:nltk word, ko:{korean_tokeniser()} content|nltk:{importlib.metadata.version('nltk')}"
        )

    async def score_all(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[Scores]:  # type: ignore[override]
        """METEOR of distinct pairs; a ``Failure`` (``no_model``) when WordNet is asked for and absent."""
        folder = "absent" if self.synonyms == "none" else _wordnet_folder(runtime.models)
        if self.synonyms == "wordnet" and not isinstance(folder, Path):
            missing = Failure("measurement", "no_model", f"METEOR's WordNet is absent: {folder}")
            return [{"meteor": missing} for _ in pairs]
        try:
            wordnet = _wordnet(folder) if isinstance(folder, Path) else _NoWordNet()
        except StepError as error:
            return [{"meteor": Failure("measurement", "no_model", str(error))} for _ in pairs]
        note = {} if isinstance(folder, Path) else {"synonyms": "none"}
        return [{"meteor": Score(self._best(pair, wordnet).value, note)} for pair in pairs]

    async def _memoised(self, runtime: Runtime, pairs: Sequence[AnswerPair]) -> list[Scores]:
        """Scores from the memo; ``auto`` is resolved before the pairs are keyed."""
        resolved = self.resolved(runtime.models)
        return await super(Meteor, resolved)._memoised(runtime, pairs)

    def _best(self, pair: AnswerPair, wordnet: Any) -> Score:
        scores = []
        for reference in pair.references:
            lang = pair_language(reference, pair.answer)
            scores.append(meteor(meteor_tokens(reference, lang), meteor_tokens(pair.answer, lang), wordnet))
        return share(max(scores))


def meteor(reference: Sequence[str], answer: Sequence[str], wordnet: Any) -> float:
    """METEOR of two token lists, 0..1; 0 when either is empty, 1 when they are equal."""
    from nltk.translate.meteor_score import single_meteor_score

    if not reference or not answer:
        return 0.0
    if [token.lower() for token in reference] == [token.lower() for token in answer]:
        return 1.0
    return float(single_meteor_score(reference, answer, stemmer=_stemmer(), wordnet=wordnet))


@functools.lru_cache(maxsize=8192)
def meteor_tokens(text: str, lang: Language) -> tuple[str, ...]:
    """Tokens METEOR matches: nltk's word rules sentence by sentence for English, else words by script."""
    if lang == "ko":
        return content_morphemes(text)
    if lang == "other":
        return morphemes(text)
    split = _word_rules()
    return tuple(token for start, end in tokenize.sentences(text) for token in split.tokenize(text[start:end]))


def without_synonyms() -> Any:
    """Return what stands in for WordNet where METEOR is to know no synonyms."""
    return _NoWordNet()


class _NoWordNet:
    """Stands in for WordNet: no word has synonyms."""

    def synsets(self, word: str) -> list[Any]:
        """Return an empty text."""
        return []


class _CachedWordNet:
    """WordNet with each word looked up once."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._known: dict[str, list[_Synset]] = {}

    def synsets(self, word: str) -> list[_Synset]:
        """Synsets of a word, as nltk's metric reads them: only ``lemmas()`` and each lemma's ``name()``."""
        if word not in self._known:
            names = {lemma.name() for synset in self._reader.synsets(word) for lemma in synset.lemmas()}
            self._known[word] = [_Synset(sorted(names))] if names else []
        return self._known[word]


class _Synset:
    def __init__(self, names: Sequence[str]) -> None:
        self._lemmas = [_Lemma(name) for name in names]

    def lemmas(self) -> list[_Lemma]:
        return self._lemmas


class _Lemma:
    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name


class _CachedStemmer:
    """Porter stems, each word stemmed once."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self.stem = functools.lru_cache(maxsize=1 << 16)(PorterStemmer().stem)


@functools.cache
def _stemmer() -> _CachedStemmer:
    return _CachedStemmer()


@functools.cache
def _word_rules() -> Any:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


def _has_wordnet(models: Models) -> bool:
    return isinstance(_wordnet_folder(models), Path)


def _wordnet_folder(models: Models) -> Path | str:
    """Where WordNet lies, or one sentence why it does not."""
    try:
        found = models.folder("wordnet")
    except StepError as error:
        return str(error)
    return found if found.exists() else f"{found.name} does not exist. Run: ragscout models pull wordnet"


@functools.cache
def _wordnet(folder: Path) -> _CachedWordNet:
    """Open WordNet 3.0 from an unpacked folder or nltk's ``wordnet.zip``, alone or inside an nltk data folder.

    Raises:
        StepError: when the folder holds no WordNet that nltk can read.
    """
    import nltk.data
    from nltk.corpus.reader.wordnet import WordNetCorpusReader
    from nltk.data import FileSystemPathPointer, ZipFilePathPointer

    # nltk opens files below its own data folders only, so the verified one is made one of them
    trusted = str(folder if folder.is_dir() else folder.parent)
    if trusted not in nltk.data.path:
        nltk.data.path.append(trusted)
    archives = [folder] if folder.suffix == ".zip" else sorted(folder.rglob("wordnet.zip"))
    roots = [path.parent for path in sorted(folder.rglob("data.noun"))] if folder.is_dir() else []
    if roots or archives:
        try:
            root = FileSystemPathPointer(str(roots[0])) if roots else ZipFilePathPointer(str(archives[0]), "wordnet/")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says that other languages' WordNets are absent, as intended
                return _CachedWordNet(WordNetCorpusReader(root, None))
        except OSError as error:
            raise StepError(f"meteor: WordNet cannot be read; got {folder.name}: {error}. Pull it again.") from error
    raise StepError(f"meteor: no WordNet in the folder {folder.name!r}. Run: ragscout models pull wordnet")
