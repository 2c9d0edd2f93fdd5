"""What users decide about mappings: actions, proposals, edits, checks, and the form in files."""
