"""The only modules that name what caproto keeps private."""
