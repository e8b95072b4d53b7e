"""Who is signed in to the console: how they proved it, what they may do, and how long that lasts."""
