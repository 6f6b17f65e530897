"""The record of truth: what the library holds, who may see it, how it changes."""
