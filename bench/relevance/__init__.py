"""How good the answers are, beside what a finance bureau could set up instead: ``python -m bench.relevance run``."""
