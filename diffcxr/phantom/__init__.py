"""The embedded world: procedural chest radiographs with known findings, and their reports."""
