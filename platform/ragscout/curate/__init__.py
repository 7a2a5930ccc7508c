"""Questions, evidence and answers that are made with help and reviewed by people."""
