"""What ended a sweep or kept its hold-out sealed, in Korean. The journal keeps the English words."""

from __future__ import annotations

import re

_KOREAN = {
    "the budget is spent": "예산이 소진되었습니다",
    "the search's part of the minutes is over": "탐색에 배정된 시간이 끝났습니다",
    "the search's part of the budget is used": "탐색에 배정된 몫을 다 썼습니다",
    "the next request could exceed the budget": "다음 요청이 예산을 넘을 수 있었습니다",
    "the minutes of the budget are over": "예산의 시간이 끝났습니다",
}
_LEFT = re.compile(r"the budget leaves (\d+) answers for each of (\d+) rows, (\d+) are needed")


def in_korean(reason: str) -> str:
    """The reason in Korean; a part that there are no words for stays as it is."""
    left = _LEFT.fullmatch(reason)
    if left:
        return f"{left[2]}개 행마다 답변 {left[1]}개분의 예산만 남았고 {left[3]}개가 필요합니다"
    return ": ".join(_KOREAN.get(part, part) for part in reason.split(": "))
