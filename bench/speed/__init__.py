"""How fast the product answers beside its peers, and how it grows; see bench/README.md."""
