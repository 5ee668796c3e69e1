"""The views: one script a page, or a package whose page.py is the script."""
