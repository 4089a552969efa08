"""Commands: their order, their fates, and who performs what the ledger says."""
