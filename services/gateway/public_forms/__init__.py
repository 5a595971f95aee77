"""Forms that visitors fill in without a key, under `/f/`: their pages, posts, files, and judgement of spam."""
