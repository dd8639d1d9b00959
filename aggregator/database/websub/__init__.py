"""WebSub: subscribers of our hub, and changes that are not announced yet."""
