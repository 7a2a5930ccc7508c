"""What every search may have to say on the board."""

from __future__ import annotations

from ragscout.model.board import Note


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
