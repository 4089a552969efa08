"""Statistics for Prometheus: `[metrics] listen`, or `sswd run --metrics`.

    sample      the numbers of one moment, taken on the loop
    families    these numbers under names of Prometheus' conventions, pure
    http        answers GET /metrics; text is made on a thread of its own

A scrape costs the loop the reading of some integers. Needs prometheus-client.
"""
