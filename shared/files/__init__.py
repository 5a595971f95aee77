"""Files that came with submissions: their contents on disk, in S3, and who may have them."""
