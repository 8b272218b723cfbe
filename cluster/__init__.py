"""Where it runs: object storage, corpora, planning, commits, worker actors, Ray Data and Ray Train."""
