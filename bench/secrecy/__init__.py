"""Whether the time of an answer tells that something restricted was there to be found."""
