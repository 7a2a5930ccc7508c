"""Metrics: one file each, registered by one import line."""

from ragscout.steps.measure import leak as leak
from ragscout.steps.measure.answer import answer_in_text as answer_in_text
from ragscout.steps.measure.answer import bleu as bleu
from ragscout.steps.measure.answer import chrf as chrf
from ragscout.steps.measure.answer import correct_language as correct_language
from ragscout.steps.measure.answer import exact_match as exact_match
from ragscout.steps.measure.answer import meteor as meteor
from ragscout.steps.measure.answer import reference_coverage as reference_coverage
from ragscout.steps.measure.answer import refusal_rate as refusal_rate
from ragscout.steps.measure.answer import rouge as rouge
from ragscout.steps.measure.answer import token_f1 as token_f1
from ragscout.steps.measure.encoder import bertscore as bertscore
from ragscout.steps.measure.encoder import moverscore as moverscore
from ragscout.steps.measure.encoder import semscore as semscore
from ragscout.steps.measure.fact import fact as fact
from ragscout.steps.measure.judge import judge as judge
from ragscout.steps.measure.outside import evaluate_module as evaluate_module
from ragscout.steps.measure.outside import ragas_metrics as ragas_metrics
from ragscout.steps.measure.outside.evaluate_module import as_evaluate as as_evaluate
from ragscout.steps.measure.retrieval import context_tokens as context_tokens
from ragscout.steps.measure.retrieval import hit as hit
from ragscout.steps.measure.retrieval import mrr as mrr
from ragscout.steps.measure.retrieval import ndcg as ndcg
from ragscout.steps.measure.retrieval import precision as precision
from ragscout.steps.measure.retrieval import recall as recall
