"""Whether files are read as people mean them: public data in many forms, and numbers as text."""
