"""Bytes and characters: encodings, character references, plain text and HTML, JSON.  Pure."""
