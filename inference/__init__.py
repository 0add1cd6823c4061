"""Pictures to regions and vectors: safe decoding, main-body detection, embedding, and the models for it.

Stands alone: no Django, no database, no queue.
"""
