"""What only the daemon needs: `sswd run`, `sswd check`, `sswd pvs`."""
