"""One system put together behind its template."""
