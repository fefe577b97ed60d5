"""The report: sentences, tables, the page, its files."""
