"""Which column means what, from its name, in English and Korean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ragscout.data.findings import Finding
from ragscout.model.text import comparable


def _words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# Role to accepted names, the surest first. Names are compared without case, spaces, dashes, underscores, dots and
# anything in brackets.
NAMES: dict[str, tuple[str, ...]] = {
    "question": _words(
        "question questions question_text user_question query queries user_input user_query input prompt q "
        "질문 질문내용 질문문 질의 질의문 문의 문의내용 사용자질문 물음 문항 문제"
    ),
    "reference": _words(
        "reference_answer reference references ground_truth ground_truths groundtruth golden_answer "
        "golden_answers gold_answer gold_answers correct_answer correct_answers expected_answer "
        "expected_answers expected_output expected_response ideal_answer model_answer target 정답 모범답안 "
        "모범답변 기준답변 기준답안 기대답변 정답예시 참고답변 정답문장"
    ),
    "alternatives": _words("answers alternatives alternative_answers other_answers 허용정답 다른정답 복수정답"),
    "answer": _words("answer 답변 답 답안 대답 응답 a"),
    "output": _words("response model_output actual_output generated_answer prediction 모델답변 생성답변"),
    "id": _words("id _id qid question_id query_id questionid no 번호 순번 연번 아이디 질문id 문항번호"),
    "document": _words(
        "doc_id doc_ids document_id document_ids gold_doc_ids gold_doc_id gold_documents document documents "
        "doc docs doc_name source sources file file_name filename source_document 문서 문서id 문서명 문서번호 파일 "
        "document_name source_file 파일명 출처 근거문서 출처문서 참고문서 관련문서"
    ),
    "quote": _words(
        "quote quotes evidence evidence_text evidence_list gold_passage gold_passages gold_context gold_contexts "
        "reference_contexts supporting_text supporting_passage passage 근거 근거문장 근거텍스트 근거문구 "
        "근거내용 인용 인용문 발췌"
    ),
    "start": _words("start answer_start evidence_start start_offset 시작 시작위치"),
    "end": _words("end answer_end evidence_end end_offset 끝 종료 끝위치"),
    "answerable": _words("answerable is_answerable 답변가능 답변가능여부"),
    "unanswerable": _words("is_impossible unanswerable impossible 답변불가 답변불가여부"),
    "type": _words("type question_type 유형 질문유형 문항유형"),
    "slice": _words("slice category topic group 분류 카테고리 범주 부서 구분 주제"),
    "language": _words("lang language 언어"),
    "weight": _words("weight 가중치 중요도"),
    "must_pass": _words("must_pass mustpass critical 필수 필수여부"),
    "filter": _words("filter filters metadata_filter 필터 필터조건 검색조건"),
}

DOCUMENT_NAMES: dict[str, tuple[str, ...]] = {
    "text": _words("text contents content body document_text page_content passage_text 본문 내용 문서내용 텍스트"),
    "id": _words("doc_id document_id _id id pid passage_id corpus_id docid 문서id 문서번호 아이디 번호"),
    "title": _words("title name heading 제목 문서명 문서제목"),
}

_BRACKETS = re.compile(r"[(\[（【][^)\]）】]*+([)\]）】])?")
_GLUE = re.compile(r"[\s_\-./:*#]+")


def header_key(name: str) -> str:
    """Return a column name as it is compared: NFKC, nothing that cannot be seen, no case, no brackets, no glue
    characters."""
    plain = unicodedata.normalize("NFKC", comparable(str(name))).casefold().strip()
    without = _GLUE.sub("", _BRACKETS.sub(lambda found: "" if found[1] else found[0], plain))
    return without or _GLUE.sub("", plain)


def _ranks(names: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, int]]:
    return {header_key(name): (role, rank) for role, known in names.items() for rank, name in enumerate(known)}


_QUESTION_RANKS = _ranks(NAMES)
_DOCUMENT_RANKS = _ranks(DOCUMENT_NAMES)


def question_roles(
    columns: Iterable[str], given: Mapping[str, str] | None = None, file: str = ""
) -> tuple[dict[str, str], list[Finding]]:
    """Role to column for a table of questions, and what was doubtful.

    The surest name wins when several columns claim a role; the others are named in an ``info`` finding. ``answer``
    is the reference only when no surer column is (beside a reference it is usually a model's output).
    """
    columns = list(columns)
    found = _pick(columns, _QUESTION_RANKS)
    findings = _given(columns, given or {}, found, file)
    if "answer" in found:
        if "reference" not in found:
            found["reference"] = found.pop("answer")
        else:
            left = found.pop("answer")
            findings.append(
                Finding(
                    "column_left_out",
                    "info",
                    f"taken for a model's output, because column {found['reference']!r} holds the reference",
                    file,
                    column=left,
                    remedy=f"If it is the reference, pass --column reference={left}.",
                )
            )
    if "reference" not in found and "alternatives" in found:
        found["reference"] = found.pop("alternatives")
    return found, findings


def roleless(columns: Iterable[str]) -> list[str]:
    """Columns of a table of questions that no role knows: its metadata."""
    return [column for column in columns if header_key(column) not in _QUESTION_RANKS]


def document_roles(columns: Iterable[str]) -> dict[str, str]:
    """Role (``id``, ``title``, ``text``) to column for a table of documents."""
    return _pick(list(columns), _DOCUMENT_RANKS)


def is_documents(columns: Iterable[str]) -> bool:
    """Whether a table holds documents: a text column beside an id or a title, or nothing but text; no question."""
    columns = list(columns)
    roles = document_roles(columns)
    if "text" not in roles or "question" in _pick(columns, _QUESTION_RANKS):
        return False
    return "id" in roles or "title" in roles or len(columns) == 1


def recognised(columns: Iterable[str]) -> int:
    """How many columns of a row of names have a known role; finds the header row. A question column counts most."""
    names = [str(name) for name in columns]
    roles = _pick(names, _QUESTION_RANKS)
    return len(set(roles) | set(document_roles(names))) + 3 * ("question" in roles)


def accepted(role: str) -> str:
    """Return accepted names of a role, for messages."""
    return ", ".join(NAMES[role])


def _pick(columns: list[str], ranks: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    best: dict[str, tuple[int, str]] = {}
    for column in columns:
        role, rank = ranks.get(header_key(column), ("", 0))
        if role and (role not in best or rank < best[role][0]):
            best[role] = (rank, column)
    return {role: column for role, (_, column) in best.items()}


def _given(columns: list[str], given: Mapping[str, str], found: dict[str, str], file: str) -> list[Finding]:
    findings: list[Finding] = []
    for role, column in given.items():
        if role not in NAMES:
            problem, allowed = f"the role {role!r} is unknown", f"Roles: {', '.join(NAMES)}."
        elif column not in columns:
            problem, allowed = f"there is no column {column!r}", f"Columns found: {', '.join(columns) or 'none'}."
        else:
            for other in [name for name, held in found.items() if held == column]:
                del found[other]
            found[role] = column
            continue
        findings.append(Finding("column_option", "error", problem, file, column=column, remedy=allowed))
    return findings
