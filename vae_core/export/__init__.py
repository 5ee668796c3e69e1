"""A run as something to take elsewhere: an archive, ONNX, a GIF, the browser's layers, a small copy to ship.

Import the module you need: the browser's layers are made without torch, the others need it.
"""
