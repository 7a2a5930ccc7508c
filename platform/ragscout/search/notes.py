"""What every search may have to say on the board."""

from __future__ import annotations

from collections.abc import Mapping

from ragscout.model.board import Board, Note
from ragscout.stats.rounding import rounded
from ragscout.stats.shrinkage import Believed


def reused_note(answers: int, configurations: int, new: int) -> Note:
    """What was known before the search began."""
    return Note(
        "reused",
        f"{answers:,} answers of {configurations} configurations were known from earlier sweeps and reused; "
        f"{new:,} were asked anew.",
        f"이전 탐색에서 이미 알려진 답변 {answers:,}개 (구성 {configurations}개)를 재사용했고, {new:,}개를 새로 "
        "물었습니다.",
    )


def screen_note(left_out: int, everyone: int, keep: float) -> Note:
    """What the user's hard filter took away."""
    return Note(
        "screened",
        f"{left_out} of {everyone} configurations were left out because their retrieval is not among the best "
        f"{keep:.0%} (screen). On public grids such a filter cost up to 8 % of quality.",
        f"검색 점수가 상위 {keep:.0%}에 들지 않아 {everyone}개 구성 중 {left_out}개를 제외했습니다(screen). 공개 "
        "격자에서 이런 선별은 품질을 최대 8 %까지 낮췄습니다.",
    )


def posterior_notes(board: Board, model: Mapping[str, Believed]) -> tuple[Note, ...]:
    """That the factor model orders the rows, and which row has a higher plain mean than the leader."""
    leader = board.leader()
    if leader is None or not all(row.key in model for row in board.rows if row.estimate is not None):
        return ()
    if leader.adjusted != rounded(model[leader.key].mean):
        return ()
    sign = board.goal.sign
    deep = [row for row in board.rows if row.versus_leader is not None and row.estimate is not None]
    first = max(deep, key=lambda row: ((row.estimate or 0.0) * sign, row.key), default=leader)
    en = ko = ""
    if leader.estimate is not None and (first.estimate or 0.0) * sign > leader.estimate * sign:
        en = f" {first.name} has the better plain mean, which its knobs do not bear out."
        ko = f" 단순 평균은 {first.name} 쪽이 더 좋지만, 설정별 효과로는 뒷받침되지 않습니다."
    return (
        Note(
            "posterior",
            "Rows are ordered by the posterior mean of the factor model, whose check passed: a row's own scores and "
            f"what its knobs did elsewhere.{en}",
            "행 순서는 점검을 통과한 요인 모형의 사후 평균을 따릅니다. 각 구성의 점수와, 같은 설정이 다른 구성에서 낸 "
            f"효과를 함께 반영한 값입니다.{ko}",
        ),
    )
