"""Files as people have them, each made from nothing by a function that takes the folder to make it in.

What shows in the pixels is planted, so that a test can say which image is which after the import.
"""
