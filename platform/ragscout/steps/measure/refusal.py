"""Recognising answers that say they cannot answer, in English and Korean, by rules."""

from __future__ import annotations

import functools
import re

from ragscout.model.packaged import WordTable
from ragscout.model.text import normalise
from ragscout.providers.tokenize import SENTENCE_WORDS, sentences

_SOURCE = (
    r"(?:(?:the|this|these|those|your|any|my|given|above|provided|supplied|available|retrieved|following|source|of|in"
    r"|reference|context|from|and)\s+)*"
    r"(?:context|contexts|passages?|documents?|documentation|texts?|information|sources?|materials?|excerpts?|articles?"
    r"|handbook|content|data|knowledge base|search results|pages?|references?)"
)
_ASKED = r"(?:answer|question|information|detail|name|date|price|amount|number|value|reason|topic|author|this|that|it)"
_NOT = r"(?:not|never)"
_EXPRESS = (
    r"(?:contain|include|mention|specify|state|say|provide|give|cover|address|answer|discuss|indicate|tell|reveal|list"
    r"|describe|offer|show|explain|refer)"
)
_EXPRESSED = (
    r"(?:mentioned|specified|stated|provided|given|available|described|covered|discussed|included|addressed|contained"
    r"|listed|answered|disclosed)"
)
_FIND = r"(?:answer|find|determine|tell|say|provide|give|help|confirm|locate|respond|identify|assist|infer|know)"
_FOUND = r"(?:answered|found|determined|inferred|established|known|identified)"
_BARE = (
    r"no idea|unknown|unanswerable|not answerable|no answer|n/a|insufficient information|no information|none given"
    rf"|not enough information|cannot answer|cannot be {_FOUND}|not (?:known|found|{_EXPRESSED})"
)
_ENGLISH = (
    r"^(?:i|we)(?: really| honestly| just)? (?:do not|did not) (?:know|find|see)\b",
    r"^(?:i|we)(?: really| just)? do not have (?:any |that |this |the |enough |sufficient |access to )+"
    r"(?:information|details?|data|answer|knowledge|context|idea)",
    r"^(?:i am|we are|i'm|we're|am)(?: really| still)? (?:unable to|not able to|not sure|unsure|not certain)\b",
    rf"^(?:i|we) (?:cannot|could not|will not be able to) {_FIND}\b",
    r"^(?:i|we) have (?:no|insufficient|not enough) (?:information|idea|data|knowledge|way|answer|details?|context)\b",
    rf"^(?:{_BARE})\W*$",
    rf"^not (?:known|found|{_EXPRESSED}) (?:in|by|within|from) {_SOURCE}",
    r"^.{0,60}\b(?:no|insufficient|not enough|too little) (?:relevant |specific |such |further |clear |direct )*"
    r"(?:information|answer|mention|details?|data|evidence|reference|context)\b(?! (?:desk|centre|center|counter))"
    rf".{{0,60}}(?:\b(?:in|from|within|by) {_SOURCE}|\b(?:available|provided|given|found|to answer|about|regarding)\b)",
    rf"^.{{0,40}}\b{_SOURCE}(?: (?:that (?:was|were|is|are) )?(?:given|provided|supplied|above|available))?"
    rf" (?:do|does|did) {_NOT}(?: \w+ly)?(?: seem to| appear to)? {_EXPRESS}\b",
    rf"^.{{0,40}}\b{_SOURCE} (?:is|are|has|have|contains?|provides?|gives?|says?|includes?|offers?) "
    r"(?:insufficient|not enough|no (?!longer)|nothing|silent|not sufficient)\b",
    rf"^.{{0,100}}\b(?:is|are|was|were|has|have) {_NOT} (?:been )?(?:\w+ly )?{_EXPRESSED}\b"
    rf"(?:\W*$|.{{0,20}}\b(?:in|by|within|from) {_SOURCE})",
    rf"^.{{0,40}}\b{_ASKED}\b.{{0,30}} (?:is|are|was|were) {_NOT} (?:\w+ly )?(?:known|found|(?=in|part of|within))"
    rf"(?:\W*$|.{{0,20}}\b(?:in|by|within|of) {_SOURCE})",
    rf"^.{{0,60}}\b(?:cannot|could not) be {_FOUND}\b.{{0,60}}(?:{_SOURCE}|\W*$)",
    rf"^(?:there is|there's|there are|there was)(?: not)? (?:nothing|any mention)\b.{{0,60}}\b{_SOURCE}",
    rf"^nothing (?:in|within|about)\b.{{0,80}}\b(?:{_SOURCE}|mentions?|says|found|answers?|covers?|states?)",
    rf"^(?:based on|according to|from|given) {_SOURCE}.{{0,20}}, (?:i|we|it|this) (?:cannot|am unable|do not"
    r"|is not possible|is impossible|is unclear|is not clear|is unknown)\b",
    r"^(?:this|that|the|your) (?:question|query) (?:cannot|could not|is not|is unanswerable)\b",
    r"^(?:it is|it's|it remains|that is|that's|this is) (?:unclear|unknown|(?:not |im)possible to (?:say|tell)"
    rf"|not (?:clear|known|{_EXPRESSED}))(?:\W*$|.{{0,30}}{_SOURCE})",
    r"^as an ai\b.{0,80}\b(?:cannot|unable|do not)\b",
)
_GIVEN = (
    r"(?:문서|자료|본문|지문|문맥|문단|정보|내용|텍스트|규정|근거|글"
    r"|컨텍스트|맥락|출처|안내서|매뉴얼|설명|언급|답변|답)"
)
_NONE = (
    r"(?:없습니다|없어요|없다|없음|없네요|없었습니다|안\s*나옵니다|나오지\s*않\S*"
    r"|부족합니다|부족해|불충분\S*|부족함|충분하지\s*않\S*)"
)
_CAN = r"(?:가\s*|는\s*)?없(?:습니다|어요|다|음|네요|는|었습니다|었어요)"
_TOLD = (
    r"(?:나와|명시|언급|기재|포함|서술|제시|제공|기술|설명|적혀|나타나|수록|다루|안내|확인|알려)"
    r"(?:되어|돼|되|하고|해|하|져|지)?"
)
_KOREAN = (
    r"(?:모르겠|모릅니다|모른다|몰라요|모름\W*$|알지\s*못합니다|알지\s*못해요)",
    rf"^[^,]{{0,60}}(?:알\s*수|알수)\s*{_CAN}",
    r"(?:답변|대답|답)(?:을|를|은)?\s*(?:해\s*드릴|드릴|할|찾을|제공할|제시할|드리기|하기|해\s*드리기|구할)\s*"
    r"(?:수\s*(?:가\s*)?없|어렵|곤란|힘듭|힘들)",
    rf"(?:확인|파악|판단|찾을|찾아볼|알려\s*드릴|말씀드릴|제공할|특정|유추|추론)(?:할|해\s*드릴|하실|드릴)?\s*수\s*{_CAN}\W*$",
    r"(?:확인|파악|판단|답변|알기|말씀드리기)(?:하기|이|가)?(?:는)?\s*(?:어렵|불가|곤란|힘듭|힘들)\S*\W*$",
    rf"^(?!.*(?:으면|면|없이)).*{_GIVEN}(?:에|에는|에도|이|가|은|는|도|에서|에서는|에\s*대한)?\s*(?:전혀\s*|따로\s*|별도로\s*)?{_NONE}",
    rf"{_TOLD}\s*(?:있지|지|있지는|지는)\s*(?:않|아니)(?:습니다|아요|다|음|았습니다|았어요|네요|는다|는\s*내용)\S*\W*$",
    r"(?:정보|내용|자료|언급|근거|설명)(?:이|가|은|는)?\s*(?:없어|없어서|부족하여|부족해서|없으므로|없기\s*때문에)",
    r"^(?:답변|대답|확인|알\s*수|정보|답|해당\s*사항|해당\s*정보|관련\s*정보|관련\s*내용)\s*(?:불가|불가능|없음)\S*\W*$",
    r"^(?:알려지지\s*않|미상)\S*\W*$",
    rf"^(?:.*(?:관련|해당)\s*)(?:규정|정보|내용|자료|문서)(?:이|가|은|는)?\s*{_NONE}\W*$",
)
_APOLOGY = (
    r"^(?:(?:well|(?:i'm |i am |we're |we are )?(?:so |very )?(?:sorry|afraid)|(?:my )?apologies|i apologi[sz]e"
    r"|unfortunately|regrettably)\b(?: for (?:that|this|the inconvenience|the confusion))?"
    r"|죄송합니다만|죄송하지만|죄송합니다|미안하지만|미안합니다|유감스럽게도|안타깝게도|아쉽게도)"
    r"[\s,.:;!-]*(?:but |that )?"
)
_TURN = r"(?:\bbut\b|\bhowever\b|\balthough\b|하지만|그러나|다만|그렇지만|지만,?\s)(.{8,})"
RULES = WordTable("refusal rules", {"refuses": (*_ENGLISH, *_KOREAN), "opening": _APOLOGY, "goes on": _TURN})
READ = (RULES, SENTENCE_WORDS)
"""What ``is_refusal`` reads."""

_RULES = tuple(re.compile(pattern) for pattern in RULES.value["refuses"])
_OPENING, _GOES_ON = re.compile(_APOLOGY), re.compile(_TURN)
_LONGEST = 400


@functools.lru_cache(maxsize=8192)
def is_refusal(text: str) -> bool:
    """Whether an answer says that it cannot answer.

    The first sentence that is more than an apology decides: an answer that begins with a fact and adds what the
    documents leave open is an answer; *I do not know the exact day, but it is in March* is one too. The rules of both
    languages are tried on every sentence. Blank texts are no refusals (they are empty).
    """
    plain = normalise(text).strip().strip("\"'“”‘’*_` \n")[:2000]
    for start, end in sentences(plain):
        sentence = " ".join(plain[start:end].lower().replace("’", "'").strip(" \"'*_-").split())
        sentence = _OPENING.sub("", _spelled_out(sentence))
        if sentence:
            return len(sentence) <= _LONGEST and _refuses(sentence)
    return False


def _spelled_out(sentence: str) -> str:
    """Contractions written out, so that the rules need only ``not``."""
    return re.sub(r"\bcan(?: not|'t)\b", "cannot", sentence.replace("won't", "will not")).replace("n't", " not")


def _refuses(sentence: str) -> bool:
    if not any(rule.search(sentence) for rule in _RULES):
        return False
    more = _GOES_ON.search(sentence)
    return more is None or any(rule.search(more[1].strip()) for rule in _RULES)
