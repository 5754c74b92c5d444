"""Three ways to tell the dialect of delimited text, on small files and by their cost."""
