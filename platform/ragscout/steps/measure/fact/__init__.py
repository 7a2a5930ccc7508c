"""The fact score: rules that compare an answer with its references, with weights fitted on packaged labels."""
