"""Background work: reconcilers that look, compare and put right, without input."""
