"""Recognising answers that say they cannot answer, in English and Korean, by rules."""

from __future__ import annotations

import functools
import re

from ragscout.model.packaged import WordTable
from ragscout.model.text import normalise
from ragscout.providers.tokenize import SENTENCE_WORDS, sentences

_SOURCE = (
    r"(?:(?:the|this|these|those|your|any|my|given|above|provided|supplied|available|retrieved|following|source|of|in"
    r"|reference|context|from|and)\s+){0,12}"
    r"(?:context|contexts|passages?|documents?|documentation|texts?|information|sources?|materials?|excerpts?|articles?"
    r"|handbook|manual|guide|content|data|knowledge base|search results|pages?|references?)"
)
_ASKED = r"(?:answer|question|information|detail|name|date|price|amount|number|value|reason|topic|author|this|that|it)"
_NOT = r"(?:not|never)"
_EXPRESS = (
    r"(?:contain|include|mention|specify|state|say|provide|give|cover|address|answer|discuss|indicate|tell|reveal|list"
    r"|describe|offer|show|explain|refer)"
)
_TOLD_OF = r"(?:mentioned|specified|stated|described|discussed|explained|addressed|disclosed)"
_EXPRESSED = rf"(?:{_TOLD_OF}|provided|given|available|covered|included|contained|listed|answered|shown|written)"
"""The second half can be said of things too ("breakfast is not included"): it needs a source beside it."""
_FIND = r"(?:answer|find|determine|tell|say|provide|give|help|confirm|locate|respond|identify|assist|infer|know)"
_FOUND = r"(?:answered|found|determined|inferred|established|known|identified)"
_BARE = (
    r"no idea|unknown|unanswerable|not answerable|no answer|n/a|insufficient information|no information|none given"
    rf"|not enough information|cannot (?:answer|say|tell)(?: (?:from|based on) .*)?|cannot be {_FOUND}"
    rf"|not (?:known|found|{_EXPRESSED})"
)
_ENGLISH = (
    r"^(?:i|we)(?: really| honestly| just)? (?:do not|did not) (?:know|find|see)\b",
    r"^(?:i|we)(?: really| just)? do not have (?:any |that |this |the |enough |sufficient |access to )+"
    r"(?:information|details?|data|answer|knowledge|context|idea)",
    r"^(?:i am|we are|i'm|we're|am)(?: really| still)? (?:unable to|not able to|not sure|unsure|not certain)\b",
    rf"^(?:i|we) (?:cannot|could not|will not be able to) {_FIND}\b",
    rf"^(?:i|we) (?:was|were) (?:unable|not able) to {_FIND}\b",
    rf"\bso (?:i|we) (?:cannot|could not) {_FIND}\b",
    r"^(?:i|we) (?:have to|must) (?:say|admit)(?: that)? (?:i|we) do not know\b",
    r"^(?:i|we)\b.{0,60}\bfound (?:nothing|no (?:answer|mention|information|details?))\b",
    rf"^(?:none of (?:this|that|it|these)|nothing)\b.{{0,30}}\b(?:is|are|was|were) {_EXPRESSED}\b.{{0,20}}{_SOURCE}",
    r"^there (?:is|are) (?:not enough|not sufficient|insufficient|too little|no) (?:context|information|data|details?)"
    r" to (?:say|tell|answer|decide|determine|know)\b",
    rf"^[^;]{{0,40}}\b{_SOURCE} (?:leaves? out|omits?)\b",
    rf"^(?:none|neither) of {_SOURCE}(?: \w+){{0,3}} {_EXPRESS}s?\b",
    rf"^no (?:passage|document|source|page|text|excerpt)s?(?: \w+){{0,3}} {_EXPRESS}(?:s|es)?\b",
    r"^.{0,30}\b(?:information|answer|details?|data)\b.{0,40}\b(?:is|are) (?:missing|absent|lacking)\b"
    rf"(?:\W*$|.{{0,20}}{_SOURCE})",
    rf"^.{{0,60}}\bdo(?:es)? not (?:appear|occur|say anywhere)\b.{{0,20}}{_SOURCE}",
    r"^(?:i|we) have (?:no|insufficient|not enough) (?:information|idea|data|knowledge|way|answer|details?|context)\b",
    rf"^(?:{_BARE})\W*$",
    rf"^not (?:known|found|{_EXPRESSED}) (?:in|by|within|from) {_SOURCE}",
    r"^.{0,60}\b(?:no|insufficient|not enough|too little) (?:relevant |specific |such |further |clear |direct )*"
    r"(?:information|answer|mention|details?|data|evidence|reference|context)\b(?! (?:desk|centre|center|counter))"
    rf".{{0,60}}(?:\b(?:in|from|within|by) {_SOURCE}|\b(?:available|provided|given|found|to answer|about|regarding)\b)",
    rf"^[^;]{{0,40}}\b{_SOURCE}(?: (?:that (?:was|were|is|are) )?(?:given|provided|supplied|above|available))?"
    rf" (?:do|does|did) {_NOT}(?: \w+ly)?(?: seem to| appear to)? {_EXPRESS}\b",
    rf"^.{{0,40}}\b{_SOURCE} (?:is|are|has|have|contains?|provides?|gives?|says?|includes?|offers?) "
    r"(?:insufficient|not enough|no (?!longer)|nothing|silent|not sufficient)\b",
    rf"^[^;]{{0,100}}\b(?:is|are|was|were|has|have) {_NOT} (?:been )?(?:\w+ly )?"
    rf"(?:{_TOLD_OF}\W*$|{_EXPRESSED}\b.{{0,20}}\b(?:in|by|within|from) {_SOURCE})",
    rf"^(?:this|that|it|the {_ASKED})\b.{{0,30}} (?:is|was) {_NOT} (?:\w+ly )?(?:{_EXPRESSED})\W*$",
    rf"^.{{0,40}}\b{_ASKED}\b.{{0,30}} (?:is|are|was|were) {_NOT} (?:\w+ly )?(?:known|found|(?=in|part of|within))"
    rf"(?:\W*$|.{{0,20}}\b(?:in|by|within|of) {_SOURCE})",
    rf"^.{{0,60}}\b(?:cannot|could not) be {_FOUND}\b.{{0,60}}(?:{_SOURCE}|\W*$)",
    rf"^(?:there is|there's|there are|there was)(?: not)? (?:nothing|any mention)\b.{{0,60}}\b{_SOURCE}",
    rf"^nothing (?:in|within|about)\b.{{0,80}}\b(?:{_SOURCE}|mentions?|says|found|answers?|covers?|states?)",
    rf"^(?:based on|according to|from|given) {_SOURCE}.{{0,20}}, (?:i|we|it|this) (?:cannot|am unable|do not"
    r"|is not possible|is impossible|is unclear|is not clear|is unknown)\b",
    r"^(?:this|that|the|your) (?:question|query) (?:cannot|could not|is not|is unanswerable|is beyond|is outside"
    r"|goes beyond)\b",
    r"^(?:it is|it's|it remains|that is|that's|this is) (?:unclear|unknown|(?:not |im)possible to (?:say|tell)"
    rf"|not (?:clear|known|{_EXPRESSED}))(?:\W*$|.{{0,30}}{_SOURCE})",
    r"^as an ai\b.{0,80}\b(?:cannot|unable|do not)\b",
)
_GIVEN = (
    r"(?:문서|자료|본문|지문|문맥|문단|정보|내용|텍스트|규정|근거|글|발췌문|발췌"
    r"|컨텍스트|맥락|출처|안내서|매뉴얼|설명서|설명|언급|답변|답)"
)
_PLACE = r"(?:문서|자료|본문|지문|문맥|문단|텍스트|글|발췌문?|컨텍스트|맥락|출처|안내서|매뉴얼|설명서|핸드북|규정)"
_ASKED_FOR = r"(?:답|답변|정답|내용|정보|근거|규정|언급|설명|자료|항목|부분|이유|사항|기록)"
_NONE = (
    r"(?:없습니다|없어요|없다|없음|없네요|없었습니다|안\s*나옵니다|나오지\s*않\S*"
    r"|부족합니다|부족해|불충분\S*|부족함|충분하지\s*않\S*)"
)
_CAN = r"(?:가\s*|는\s*)?없(?:습니다|어요|다|음|네요|는|었습니다|었어요)"
_END = r"(?:습니다|아요|다|음|았습니다|았어요|네요|는다|는\s*내용)"
_BECOME = r"(?:되어|돼|되|하고|해|하|져|지|고)?"
_TOLD = rf"(?:명시|언급|기재|서술|제시|기술|설명|적혀|다루){_BECOME}"
_THERE = r"(?:나와|나오|(?:포함|제공|수록|안내|확인)(?:되어|돼|되)|나타나|알려져|보이|존재하|들어)"
"""Said of things too ("조식은 포함되지 않습니다"): it needs a source or what was asked beside it."""
_NOBODY_ELSE = (
    rf"(?!(?!저는|나는|우리는|저희는|제가|{_PLACE}|{_ASKED_FOR}|제공|주어진|제시|현재|지금|이\s)"
    r"\S+[은는도]\s.*[을를]\s*(?:알|확인|파악|판단|특정|유추|추론))"
)
"""Others than the one who answers cannot know or see something: that is an answer."""
_KOREAN = (
    r"(?:모르겠|모릅니다|모른다|몰라요|모름\W*$|알지\s*못합니다|알지\s*못해요)",
    rf"^{_NOBODY_ELSE}[^,]{{0,60}}(?:알\s*수|알수)\s*{_CAN}",
    r"(?<!번\s)(?:답변|대답|답)(?:을|를|은)?\s*(?:해\s*드릴|드릴|할|찾을|제공할|제시할|드리기|하기|해\s*드리기|구할)\s*"
    r"(?:수\s*(?:가\s*)?없|어렵|곤란|힘듭|힘들)",
    rf"^{_NOBODY_ELSE}.*(?:확인|파악|판단|알려\s*드릴|말씀드릴|제공할|특정|유추|추론)(?:할|해\s*드릴|드릴|하실)?\s*수\s*{_CAN}\W*$",
    rf"(?:{_ASKED_FOR}|{_PLACE})\S{{0,20}}\s.{{0,80}}(?:찾을|찾아볼)\s*수\s*{_CAN}\W*$",
    rf"(?:{_ASKED_FOR}|{_PLACE})(?:을|를|은|는)?\s*(?:찾을|찾아볼)\s*수\s*{_CAN}\W*$",
    r"찾지\s*못(?:했|하였|합)",
    rf"{_ASKED_FOR}\S{{0,20}}\s{{0,3}}빠져\s*있",
    rf"{_ASKED_FOR}\S{{0,20}}\s{{0,3}}(?:가지고|갖고)\s*있지\s*않",
    r"(?:확인|파악|판단|답변|알기|말씀드리기)(?:하기|이|가)?(?:는)?\s*(?:어렵|불가|곤란|힘듭|힘들)\S*\W*$",
    r"(?:확인할|알|판단할)\s*(?:방법|길|근거)(?:이|가)?\s*없",
    rf"^(?!.*(?:으면|면|없이)).*{_GIVEN}(?:에|에는|에도|이|가|은|는|도|에서|에서는|에\s*대한)?\s*(?:전혀\s*|따로\s*|별도로\s*)?{_NONE}",
    rf"{_TOLD}\s*(?:있지|지|있지는|지는)\s*(?:않|아니){_END}\S*\W*$",
    rf"^(?!.*(?:에게|한테|께)(?:는|도)?\s).*(?:{_PLACE}(?:에|에는|에서|에서는|에도)|{_PLACE}\s*어디에도|{_ASKED_FOR}(?:이|가|은|는)|관련|해당)\s?.{{0,80}}{_THERE}"
    rf"\s*(?:있지|지|있지는|지는)\s*(?:않|아니){_END}\S*\W*$",
    rf"^(?:이에\s{{0,3}}대한\s{{0,3}}|그\s{{0,3}}|해당\s{{0,3}})?{_ASKED_FOR}?\S{{0,20}}\s{{0,3}}나와\s*있지\s*않{_END}\W*$",
    rf"{_PLACE}\S{{0,20}}\s.{{0,80}}아무\s*(?:말|언급|내용|정보|설명)도\s*없",
    rf"{_PLACE}\S{{0,20}}\s.{{0,80}}범위를\s*(?:벗어|넘어)",
    r"(?:정보|내용|자료|언급|근거|설명)(?:이|가|은|는)?\s*(?:없어|없어서|부족하여|부족해서|없으므로|없기\s*때문에)",
    r"^(?:답변|대답|확인|알\s*수|정보|답|해당\s*사항|해당\s*정보|관련\s*정보|관련\s*내용)\s*(?:불가|불가능|없음)\S*\W*$",
    r"^(?:알려지지\s*않|미상)\S*\W*$",
    rf"^(?:.*(?:관련|해당)\s*)(?:규정|정보|내용|자료|문서)(?:이|가|은|는)?\s*{_NONE}\W*$",
)
_CONDITION = r"^(?:if|when|whenever|unless|where|once)\b"
_FACT_FIRST = r"^(.{6,80}?)(?:이며|하며|으며|되며|이고|지만|;),?\s"
_SEARCHED = rf"(?:{_GIVEN}|찾아|살펴|검토|읽어|확인|죄송|미안|문의|말씀|질문|{_SOURCE}|sorry|looked|searched)"
_APOLOGY = (
    r"^(?:(?:well|(?:i'm |i am |we're |we are )?(?:so |very )?(?:sorry|afraid)|(?:my )?apologies|i apologi[sz]e"
    r"|unfortunately|regrettably|sadly|alas)\b(?: for (?:that|this|the inconvenience|the confusion))?"
    r"|죄송합니다만|죄송하지만|죄송합니다|미안하지만|미안합니다|유감스럽게도|안타깝게도|아쉽게도|글쎄요)"
    r"[\s,.:;!-]*(?:but |that )?"
)
_TURN = r"(?:\bbut\b|\bhowever\b|\balthough\b|하지만|그러나|다만|그렇지만|지만,?\s)(.{5,})"
RULES = WordTable(
    "refusal rules",
    {
        "refuses": (*_ENGLISH, *_KOREAN),
        "opening": _APOLOGY,
        "goes on": _TURN,
        "no refusal": (_CONDITION, _FACT_FIRST, _SEARCHED),
    },
)
READ = (RULES, SENTENCE_WORDS)
"""What ``is_refusal`` reads."""

_RULES = tuple(re.compile(pattern) for pattern in RULES.value["refuses"])
_OPENING, _GOES_ON = re.compile(_APOLOGY), re.compile(_TURN)
_IF, _FACT, _LOOKED = re.compile(_CONDITION), re.compile(_FACT_FIRST), re.compile(_SEARCHED)
_LONGEST = 400


@functools.lru_cache(maxsize=8192)
def is_refusal(text: str) -> bool:
    """Whether an answer says that it cannot answer.

    A refusal speaks of not knowing or of not finding: that something is not included, paid or allowed is an answer. The
    first sentence that is more than an apology decides: an answer that begins with a fact and adds what the documents
    leave open is an answer; *I do not know the exact day, but it is in March* is one too. The rules of both
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
    if _IF.match(sentence) or not any(rule.search(sentence) for rule in _RULES):
        return False
    fact = _FACT.match(sentence)
    if fact is not None and not _LOOKED.search(fact[1]) and not any(rule.search(fact[1]) for rule in _RULES):
        return False
    more = _GOES_ON.search(sentence)
    if more is None:
        return True
    rest = more[1].strip()
    return _OPENING.match(rest) is not None or any(rule.search(rest) for rule in _RULES)
