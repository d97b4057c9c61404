"""Taking over what was logged elsewhere, and writing down what is here, over the API."""
