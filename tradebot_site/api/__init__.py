"""The API as a whole: who comes in, how it says no, its schema, its addresses."""
