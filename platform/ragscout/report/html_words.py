"""Words of the HTML report."""

from __future__ import annotations

from ragscout.model.board import BoardLanguage

WORDS: dict[BoardLanguage, dict[str, str]] = {
    "en": {
        "title": "Which configuration to use",
        "running": "the sweep is not finished",
        "reasons": "Why this one",
        "risks": "What may be wrong with it",
        "not_tried": "What was not tried",
        "made": "Figures are of {questions} development questions; the sections below show where they come from.",
        "board": "The board",
        "hidden": "{n} more rows are in the board's own files.",
        "retrieval": "Retrieval only",
        "pareto": "Quality against cost, every row",
        "pareto_help": "The green line joins the rows that nothing beats in both quality and cost. Open circles "
        "answered only a part of the questions. Bars: 95 % intervals.",
        "effects": "What the knobs do",
        "effects_help": "Difference to the knob's average over the whole space, as the factor model sees it, with 95 % "
        "intervals; coloured where the interval excludes 0.",
        "interactions": "Knobs that work together",
        "interactions_help": "What two values give beyond their own effects, in points.",
        "matrix": "Every question",
        "matrix_help": "One column per question, the hardest first; one line per row of the board. White: not asked or "
        "not scored.",
        "cut": "The {shown} hardest of {all} questions are shown.",
        "list": "The questions by number",
        "id": "id",
        "question": "question",
        "mean": "mean",
        "why": "Why {name} stands where it does",
        "judges": "How far the judges are trusted",
        "figure": "figure",
        "judge": "judge",
        "labels": "labelled answers",
        "agreement": "agreement with people",
        "state": "state",
        "confirmed": "confirmed by people",
        "versions": "Data and models",
    },
    "ko": {
        "title": "어느 구성을 쓸 것인가",
        "running": "스윕이 끝나지 않았습니다",
        "reasons": "이 구성을 추천하는 이유",
        "risks": "주의할 점",
        "not_tried": "시도하지 않은 것",
        "made": "수치는 개발 문항 {questions}개에서 얻은 것이며, 근거는 다음 절에 있습니다.",
        "board": "순위표",
        "hidden": "나머지 {n}개 행은 순위표 파일에 있습니다.",
        "retrieval": "검색만",
        "pareto": "비용 대비 품질, 모든 구성",
        "pareto_help": "녹색 선은 품질과 비용을 함께 이기는 구성이 없는 행을 잇습니다. 속이 빈 점은 일부 문항만 답한 "
        "구성입니다. 막대는 95 % 구간입니다.",
        "effects": "설정값의 효과",
        "effects_help": "요인 모형이 본, 전체 공간에서 설정 평균과의 차이와 95 % 구간입니다. 구간이 0을 제외하면 색이 "
        "있습니다.",
        "interactions": "함께 작용하는 설정",
        "interactions_help": "두 값이 각자의 효과를 넘어 함께 내는 차이(점)입니다.",
        "matrix": "문항별 결과",
        "matrix_help": "열은 문항(어려운 것부터), 줄은 순위표의 행입니다. 흰색은 묻지 않았거나 점수가 없는 칸입니다.",
        "cut": "전체 {all}문항 중 가장 어려운 {shown}문항을 표시합니다.",
        "list": "번호별 문항",
        "id": "id",
        "question": "질문",
        "mean": "평균",
        "why": "{name}: 이 순위의 이유",
        "judges": "심사 모델을 얼마나 믿을 수 있는가",
        "figure": "지표",
        "judge": "심사 모델",
        "labels": "라벨한 답변",
        "agreement": "사람과의 일치도",
        "state": "상태",
        "confirmed": "사람이 확인함",
        "versions": "데이터와 모델",
    },
}
