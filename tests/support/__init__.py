"""What tests share: the cast, engines, servers, hostile input."""
