"""Views of the pages, a file a subject: each reads, makes one call, and renders."""
