"""One disk: an LMDB index, immutable payload files, and the one process that may write them."""
