"""What is said of a judge in words, in English and Korean."""

from __future__ import annotations

from ragscout.model.board import Note
from ragscout.model.calibration import AGREEMENT_FLOOR, ENOUGH_LABELS, Standing


def judge_notes(standing: Standing) -> list[Note]:
    """The board's notes about one judge figure: how far it is trusted, what labels did, whether it judges itself."""
    found = [_trust(standing)]
    if standing.labels >= ENOUGH_LABELS:
        found.append(_order(standing))
    if standing.candidate:
        found.append(
            Note(
                "own_judge",
                f"{standing.judge} judges answers that it wrote itself (rows marked ≈): models favour their own.",
                f"{standing.judge}은(는) 자신이 쓴 답변도 심사합니다(≈ 표시 행). "
                "모델은 자기 답변에 후한 경향이 있습니다.",
            )
        )
    return found


def _trust(standing: Standing) -> Note:
    if standing.state == "not_calibrated" or standing.agreement is None:
        return Note(
            "judge",
            f"{standing.figure}: judge not calibrated ({standing.labels} answers labelled by people, {ENOUGH_LABELS} "
            "are needed): ragscout judge label SWEEP_FILE.",
            f"{standing.figure}: 보정되지 않은 심사 모델 (사람이 라벨한 답변 {standing.labels}개, "
            f"{ENOUGH_LABELS}개 필요): ragscout judge label SWEEP_FILE.",
        )
    interval = "" if standing.low is None or standing.high is None else f" [{standing.low:.2f}, {standing.high:.2f}]"
    shown = f"{standing.coefficient} {standing.agreement:.2f}{interval}"
    if standing.state == "not_validated":
        return Note(
            "judge",
            f"{standing.figure}: judge not validated: {shown} with people on {standing.labels} answers, below "
            f"{AGREEMENT_FLOOR}.",
            f"{standing.figure}: 검증되지 않은 심사 모델: 답변 {standing.labels}개에서 사람과의 일치도 {shown}, 기준 "
            f"{AGREEMENT_FLOOR} 미만.",
        )
    return Note(
        "judge",
        f"{standing.figure}: judge agrees with people: {shown} on {standing.labels} answers.",
        f"{standing.figure}: 심사 모델이 사람과 일치함: 답변 {standing.labels}개에서 {shown}.",
    )


def _order(standing: Standing) -> Note:
    models = ", ".join(standing.biased)
    if standing.ranks:
        return Note(
            "corrected",
            f"Rows are ordered and compared by scores corrected with {standing.labels} labels, because the judge is "
            f"biased for {models}.",
            f"심사 모델이 {models}에 편향되어 있으므로, 라벨 {standing.labels}개로 보정한 점수로 "
            "순위와 차이를 정합니다.",
        )
    if standing.biased:
        return Note(
            "corrected",
            f"The judge is biased for {models}, but rows keep the judge's order: some answering model has too few "
            "labels to correct it. Label more: ragscout judge label SWEEP_FILE --sample 100.",
            f"심사 모델이 {models}에 편향되어 있으나 라벨이 부족한 답변 모델이 있어 심사 점수의 순서를 유지합니다. "
            "더 라벨하십시오: ragscout judge label SWEEP_FILE --sample 100.",
        )
    return Note(
        "corrected",
        "No bias of the judge was found for any answering model: rows keep the judge's order, the corrected figures "
        "stand beside.",
        "어느 답변 모델에서도 심사 모델의 편향이 발견되지 않아 심사 점수의 순서를 유지하고, "
        "보정된 값은 옆에 표시합니다.",
    )
