"""Why a search ended, or why a hold-out stayed sealed, in words."""

from __future__ import annotations

from ragscout.model.board import BoardLanguage
from ragscout.model.reason import Reason, ReasonKind

_WORDS: dict[BoardLanguage, dict[ReasonKind, str]] = {
    "en": {
        "done": "the search is over",
        "search_minutes": "the budget is spent: the search's part of the minutes is over",
        "search_share": "the budget is spent: the search's part of the budget is used",
        "minutes": "the budget is spent: the minutes of the budget are over",
        "request": "the budget is spent: the next request could exceed the budget",
        "late": "the minutes of the budget are over",
        "few_answers": "the budget leaves {each} answers for each of {rows} rows, {needed} are needed",
        "open": "not everything could be measured",
        "stopped": "the run was stopped",
        "legacy": "{text}",
    },
    "ko": {
        "done": "탐색이 끝났습니다",
        "search_minutes": "예산이 소진되었습니다: 탐색에 배정된 시간이 끝났습니다",
        "search_share": "예산이 소진되었습니다: 탐색에 배정된 몫을 다 썼습니다",
        "minutes": "예산이 소진되었습니다: 예산의 시간이 끝났습니다",
        "request": "예산이 소진되었습니다: 다음 요청이 예산을 넘을 수 있었습니다",
        "late": "예산의 시간이 끝났습니다",
        "few_answers": "{rows}개 행마다 답변 {each}개분의 예산만 남았고 {needed}개가 필요합니다",
        "open": "일부를 측정하지 못했습니다",
        "stopped": "실행이 중단되었습니다",
        "legacy": "{text}",
    },
}


def reason_words(reason: Reason, language: BoardLanguage) -> str:
    """Put a reason into words. A sentence of an earlier version stays in the language that it was written in."""
    return _WORDS[language][reason.kind].format(**reason.values)
