"""``starter``: the first sweep file for an evaluation set, at most 15 lines, with a reason for each choice."""

from __future__ import annotations

import json
from collections import Counter

from ragscout.model.evalset import EvalSet
from ragscout.model.text import language

_REASONS = {
    "en": {
        "head": "{count} questions, {language}. See what it would run: ragscout plan; run it: ragscout sweep.",
        "set": "this version is pinned: later uploads change nothing here",
        "chunk": "small chunks are exact, large ones hold more context",
        "retriever": "word matching, no model needed; add dense and hybrid for meaning",
        "passages": "how many chunks go into the prompt",
        "generate": "no model: the best sentence is the answer, the floor for every chat model",
        "evidence": "does the evidence come up?",
        "documents": "does the right document come up?",
        "coverage": "no evidence is marked: do the answer's words come up?",
        "answer": "likeness to your references, 0..1",
        "fact": "does the answer state your reference's fact? Then likeness, 0..1",
        "goal": "what the leaderboard is sorted by",
        "grid": "every combination on every question",
        "network": "nothing leaves this machine",
    },
    "ko": {
        "head": "질문 {count}개, {language}. 실행 계획 보기: ragscout plan, 실행: ragscout sweep.",
        "set": "이 버전으로 고정: 나중에 올린 자료는 영향을 주지 않음",
        "chunk": "작은 청크는 정확하고, 큰 청크는 문맥을 더 담음",
        "retriever": "낱말 일치(한글은 두 글자씩), 모델 불필요; 의미 검색은 dense, hybrid를 추가",
        "passages": "프롬프트에 넣을 청크 수",
        "generate": "모델 없이 가장 알맞은 문장을 답으로 냄: 모든 생성 모델이 넘어야 할 기준",
        "evidence": "근거가 검색되는가",
        "documents": "맞는 문서가 검색되는가",
        "coverage": "표시된 근거가 없음: 정답의 낱말이 검색되는가",
        "answer": "정답과 얼마나 비슷한가, 0..1",
        "fact": "답이 정답의 사실을 말하는가, 그다음은 정답과의 유사도(0..1)",
        "goal": "리더보드를 정렬하는 기준",
        "grid": "모든 조합을 모든 질문으로 측정",
        "network": "이 컴퓨터 밖으로 아무것도 보내지 않음",
    },
}
_NAMES = {
    "en": {"en": "English", "ko": "Korean", "other": "other"},
    "ko": {"en": "영어", "ko": "한국어", "other": "기타"},
}
_SIZES = {"ko": "[200, 400, 800]", "en": "[400, 800, 1600]"}
_COLUMN = 69


def starter(eval_set: EvalSet, *, judged: bool) -> str:
    """Return a sweep file that runs as it is: no key, no model, no network. Comments are Korean for a Korean set.

    What is measured follows from the set: evidence gives recall, document ids give ``doc.`` figures, neither gives
    ``reference_coverage``; without references the goal is a retrieval figure.

    Args:
        eval_set: the registered set.
        judged: whether ``fact`` passed its test on canaries of the set; then it is the goal, else ``token_f1`` is.
    """
    counts = Counter(language(question.text) for question in eval_set.questions_)
    main = "ko" if counts["ko"] * 2 >= max(1, counts.total()) else "en"
    say = _REASONS[main]
    spoken = ", ".join(_NAMES[main][name] for name, _ in counts.most_common())
    retrieval, why, fallback = _retrieval(eval_set)
    referenced = any(question.references for question in eval_set.questions_)
    likeness = "token_f1, bleu, meteor, chrf" if main == "ko" else "token_f1, bleu, meteor"
    answers = f"[fact, {likeness}]" if judged else f"[{likeness}]"
    goal = ("fact.correctness" if judged else "token_f1") if referenced else fallback
    rows = [
        (f"sweep: {_scalar(eval_set.name)}", say["head"].format(count=eval_set.count, language=spoken)),
        (f"eval_set: {_scalar(f'{eval_set.name}@{eval_set.version}')}", say["set"]),
        ("pipeline:", ""),
        (f"  chunk: {{use: characters, size: {_SIZES[main]}, overlap: [0, 15%]}}", say["chunk"]),
        ("  retriever: bm25", say["retriever"]),
        ("  prompt: {use: template, passages: [2, 4]}", say["passages"]),
        ("  generate: extractive", say["generate"]),
        ("measure:", ""),
        (f"  retrieval: {retrieval}", say[why]),
        *([(f"  answer: {answers}", say["fact" if judged else "answer"])] if referenced else []),
        (f"goal: {{maximize: {goal}}}", say["goal"]),
        ("search: grid", say["grid"]),
        ("network: offline", say["network"]),
    ]
    return "".join(f"{line:<{_COLUMN}} # {reason}\n" if reason else f"{line}\n" for line, reason in rows)


def _retrieval(eval_set: EvalSet) -> tuple[str, str, str]:
    """Figures, the reason for them, and the goal when there are no references."""
    questions = eval_set.questions_
    if any(span.quote or span.start is not None for question in questions for span in question.evidence):
        return "[hit@3, recall@5, ndcg@10]", "evidence", "recall@5"
    if any(question.documents or question.evidence for question in questions):
        return "[doc.hit@3, doc.recall@5, doc.ndcg@10]", "documents", "doc.recall@5"
    return "[reference_coverage@5]", "coverage", "reference_coverage@5"


def _scalar(text: str) -> str:
    """Return a YAML scalar that stays text: quoted when it could be read as a number or holds a mark of the syntax."""
    plain = text[0].isalpha() and all(char.isalnum() or char in "-_.@" for char in text)
    words = ("true", "false", "null", "yes", "no", "on", "off")
    return text if plain and text.casefold() not in words else json.dumps(text, ensure_ascii=False)
