"""Manifests: tables (CSV, TSV) and JSON Lines that say which photo shows which product."""

from transfer.sources.manifests.manifest import is_manifest, read_manifest
from transfer.sources.manifests.row import ManifestRow
from transfer.sources.manifests.source import open_manifest

__all__ = ["ManifestRow", "is_manifest", "open_manifest", "read_manifest"]
