"""Metrics: one file each, registered by one import line."""

from ragscout.steps.measure import answer_in_text as answer_in_text
from ragscout.steps.measure import bertscore as bertscore
from ragscout.steps.measure import bleu as bleu
from ragscout.steps.measure import chrf as chrf
from ragscout.steps.measure import context_tokens as context_tokens
from ragscout.steps.measure import correct_language as correct_language
from ragscout.steps.measure import evaluate_module as evaluate_module
from ragscout.steps.measure import exact_match as exact_match
from ragscout.steps.measure import hit as hit
from ragscout.steps.measure import judge as judge
from ragscout.steps.measure import leak as leak
from ragscout.steps.measure import meteor as meteor
from ragscout.steps.measure import moverscore as moverscore
from ragscout.steps.measure import mrr as mrr
from ragscout.steps.measure import ndcg as ndcg
from ragscout.steps.measure import precision as precision
from ragscout.steps.measure import ragas_metrics as ragas_metrics
from ragscout.steps.measure import recall as recall
from ragscout.steps.measure import reference_coverage as reference_coverage
from ragscout.steps.measure import refusal_rate as refusal_rate
from ragscout.steps.measure import rouge as rouge
from ragscout.steps.measure import semscore as semscore
from ragscout.steps.measure import token_f1 as token_f1
from ragscout.steps.measure.evaluate_module import as_evaluate as as_evaluate
