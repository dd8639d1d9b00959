"""Messages about new posts, and about feeds that need the operator.

message_text      the messages, as plain text and as HTML
apprise_services  messages to services
"""
