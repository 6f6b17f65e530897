"""Engines: implementations of :mod:`indexer.engine`."""
