"""The words of the embedded world's reports, one module a part of the report."""
