"""What pages share: results that are kept, work that goes on behind a page, and what is opened once for all."""
