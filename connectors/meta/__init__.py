"""What Meta's platforms share: the Graph API with its errors, limits and tokens, webhooks with their signature, direct messages."""
