"""Puts the parts together: settings, cells, store, clock. The composition root; no decision is made here."""
