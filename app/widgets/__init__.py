"""Parts of pages that several pages use: forms, pickers, imports."""
