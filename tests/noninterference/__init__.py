"""What a person receives from a library equals what the library gives without everything that he may not see."""
