"""Real servers, real Redis, foreign clients: what the integration tests stand on."""
