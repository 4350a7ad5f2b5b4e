"""Images as arrays, and in and out of files and videos."""
