"""Formats of evaluation data: one file per format, one line here."""

from ragscout.data.formats import ai4rag as ai4rag
from ragscout.data.formats import autorag as autorag
from ragscout.data.formats import beir as beir
from ragscout.data.formats import clapnq as clapnq
from ragscout.data.formats import deepeval as deepeval
from ragscout.data.formats import flashrag as flashrag
from ragscout.data.formats import hotpotqa as hotpotqa
from ragscout.data.formats import llama_index as llama_index
from ragscout.data.formats import mlflow_genai as mlflow_genai
from ragscout.data.formats import native as native
from ragscout.data.formats import ragas as ragas
from ragscout.data.formats import squad as squad
from ragscout.data.formats import table as table
